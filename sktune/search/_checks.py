"""What is checked before anything is trained."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from sklearn.base import clone

from ..exceptions import SearchError, SpaceError
from ..space import Space, did_you_mean, one_message

__all__ = [
    "check_folds",
    "check_lengths",
    "max_tasks",
    "read_initial_params",
    "read_space",
]

# Enough draws to meet each choice of a parameter that decides which others exist.
_N_DRAWS = 64


def read_space(estimator: Any, spec: Any, *, as_grid: bool) -> Space:
    """Return the space that a user wrote for an estimator.

    Parameters
    ----------
    estimator : estimator
        Whose parameters the space names.
    spec : object
        As in `Space`.
    as_grid : bool
        As in `Space`.

    Returns
    -------
    Space

    Raises
    ------
    SpaceError
        Names all that is wrong, unknown parameters included.
    """
    known = set(estimator.get_params())
    try:
        space = Space(spec, as_grid=as_grid)
    except SpaceError:
        unknown = list(_strangers(estimator, _names(spec), known))
        if not unknown:
            raise
        problems = Space.problems_of(spec, as_grid=as_grid)
        raise SpaceError(one_message([*problems, *unknown])) from None
    problems = list(_misfits(estimator, space, known))
    if problems:
        raise SpaceError(one_message(problems))
    return space


def _names(spec: Any) -> set[str]:
    parts = [spec] if isinstance(spec, Mapping) else spec
    if not isinstance(parts, (list, tuple)):
        return set()
    dicts = [part for part in parts if isinstance(part, Mapping)]
    return {name for part in dicts for name in part if isinstance(name, str)}


def _ancestors(name: str, names: set[str]) -> list[str]:
    """Return the parameters of the space whose value has the parameter `name`.

    They are ``clf`` and ``clf__base`` for ``clf__base__C``.
    """
    return sorted(other for other in names if name.startswith(f"{other}__"))


def _strangers(estimator: Any, names: set[str], known: set[str]) -> Iterator[str]:
    """Yield a sentence for each name that no value makes a parameter."""
    for name in sorted(names - known):
        # What depends on the value of a step cannot be tried now.
        if not _ancestors(name, names) and _refusal(estimator, {name: None}):
            yield _unknown(name, estimator, known)


def _misfits(estimator: Any, space: Space, known: set[str]) -> Iterator[str]:
    """Yield a sentence for each name that the estimator refuses.

    A name that ``get_params`` does not list can be right: a step of a pipeline
    may be a parameter itself, and some estimators accept any name. Likewise a
    listed name can be wrong beside another value of its step.
    """
    names = set(space.names)
    suspects = [n for n in space.names if n not in known or _ancestors(n, names)]
    if not suspects:
        return
    draws = space.sample(np.random.default_rng(0), _N_DRAWS)
    configurations = [space.from_unit(point) for point in draws]
    for name in suspects:
        ancestors = _ancestors(name, names)
        tried: set[tuple[int, ...]] = set()
        for params in configurations:
            steps = {other: params[other] for other in ancestors if other in params}
            identity = tuple(map(id, steps.values()))
            if name not in params or identity in tried:
                continue
            tried.add(identity)
            refusal = _refusal(estimator, {**steps, name: params[name]})
            if refusal is None:
                continue
            if not steps:
                yield _unknown(name, estimator, known)
            else:
                beside = ", ".join(f"{k}={v!r}" for k, v in steps.items())
                yield (
                    f"{name!r} is not a parameter beside {beside} "
                    f"({type(refusal).__name__}: {refusal}); give it when=... or "
                    "write a list of dicts"
                )
            break


def _refusal(estimator: Any, params: dict[str, Any]) -> Exception | None:
    """Return the error of setting parameters on a copy of the estimator."""
    copied = clone(params, safe=False)
    try:
        clone(estimator).set_params(**copied)
    except (ValueError, TypeError, AttributeError) as error:
        return error
    return None


def _unknown(name: str, estimator: Any, known: set[str]) -> str:
    # "C" of a pipeline is probably "svc__C".
    nested = sorted(other for other in known if other.endswith(f"__{name}"))
    hint = (
        f"; did you mean {' or '.join(map(repr, nested))}?"
        if nested
        else did_you_mean(name, known)
    )
    return f"{name!r} is not a parameter of {type(estimator).__name__}{hint}"


def read_initial_params(given: Any) -> list[dict[str, Any]]:
    """Return the configurations to try first, as a list.

    Parameters
    ----------
    given : dict, list of dict or None
        What the user gave as `initial_params`.

    Returns
    -------
    list of dict

    Raises
    ------
    SearchError
        When it is none of these.
    """
    if given is None:
        return []
    listed = [given] if isinstance(given, Mapping) else given
    if not isinstance(listed, (list, tuple)):
        raise SearchError(
            f"initial_params must be a dict or a list of dicts, got {given!r}"
        )
    for number, params in enumerate(listed):
        if not isinstance(params, Mapping):
            raise SearchError(
                f"initial_params[{number}] must be a dict, got {params!r}"
            )
        for name in params:
            if not isinstance(name, str):
                raise SearchError(
                    f"initial_params[{number}] must have names as keys, got {name!r}"
                )
    return [dict(params) for params in listed]


def max_tasks(pre_dispatch: int | str, n_workers: int) -> int:
    """Return how many folds may be with the workers at a time.

    Parameters
    ----------
    pre_dispatch : int or str
        A number, ``"all"``, or an expression such as ``"2*n_jobs"``.
    n_workers : int
        What ``n_jobs`` stands for.

    Returns
    -------
    int

    Raises
    ------
    SearchError
        When `pre_dispatch` is none of these.
    """
    if pre_dispatch == "all":
        return 10 * n_workers
    if isinstance(pre_dispatch, str):
        match = re.fullmatch(
            r"(?:(\d+(?:\.\d+)?)\s*\*\s*)?n_jobs", pre_dispatch.strip()
        )
        if match is None:
            raise SearchError(
                "pre_dispatch must be a number, 'all' or an expression such as "
                f"'2*n_jobs', got {pre_dispatch!r}"
            )
        n_tasks = float(match[1] or 1) * n_workers
    else:
        n_tasks = pre_dispatch
    if n_tasks < 1:
        raise SearchError(f"pre_dispatch must be at least 1, got {pre_dispatch!r}")
    return int(n_tasks)


def check_lengths(params: Mapping[str, Any], n_rows: int) -> None:
    """Raise when weights are not one for each row.

    Others may mean something else by an array of another length.

    Parameters
    ----------
    params : dict
        What the user gave to ``fit`` besides the data.
    n_rows : int
        Number of rows of the data.

    Raises
    ------
    SearchError
    """
    for name, value in params.items():
        if name.rpartition("__")[2] != "sample_weight" or value is None:
            continue
        if np.ndim(value) and len(value) != n_rows:
            raise SearchError(
                f"{name} has {len(value)} values, but X has {n_rows} rows: each needs "
                "a weight"
            )


def check_folds(folds: list[Any], n_rows: int) -> None:
    """Raise when what `cv` yields are no folds of the data.

    Parameters
    ----------
    folds : list
        What it yielded.
    n_rows : int
        Number of rows of the data.

    Raises
    ------
    SearchError
    """
    for number, fold in enumerate(folds):
        try:
            parts = dict(zip(("training", "test"), fold, strict=True))
        except (TypeError, ValueError):
            raise SearchError(
                "cv must yield pairs of training and test indices, got "
                f"{fold!r} as fold {number}"
            ) from None
        for part, rows in parts.items():
            indices = np.asarray(rows)
            if indices.ndim and not indices.size:
                raise SearchError(f"cv: fold {number} has no {part} rows")
            if indices.dtype.kind in "iu" and indices.size:
                worst = max(indices.max(), -1 - indices.min(), key=int)
                if worst >= n_rows:
                    raise SearchError(
                        f"cv: the {part} rows of fold {number} go up to {worst}, but X "
                        f"has {n_rows} rows"
                    )

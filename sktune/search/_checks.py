"""What is checked before anything is trained."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from sklearn.base import clone

from ..exceptions import SearchError, SpaceError
from ..space import Space, did_you_mean, one_message

__all__ = ["max_tasks", "read_space"]

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
    problems = Space.problems_of(spec, as_grid=as_grid)
    names = _names(spec)
    known = set(estimator.get_params())
    if problems:
        unknown = sorted(names - known)
        # What depends on the value of a step cannot be tried now.
        unknown = [n for n in unknown if n.partition("__")[0] not in names]
        problems += [_unknown(name, estimator, known) for name in unknown]
        raise SpaceError(one_message(problems))
    space = Space(spec, as_grid=as_grid)
    problems = list(_misfits(estimator, space, sorted(names - known), known))
    if problems:
        raise SpaceError(one_message(problems))
    return space


def _names(spec: Any) -> set[str]:
    parts = [spec] if isinstance(spec, Mapping) else spec
    if not isinstance(parts, (list, tuple)):
        return set()
    dicts = [part for part in parts if isinstance(part, Mapping)]
    return {name for part in dicts for name in part if isinstance(name, str)}


def _misfits(
    estimator: Any, space: Space, names: list[str], known: set[str]
) -> Iterator[str]:
    """Yield a sentence for each name that the estimator refuses.

    A name that ``get_params`` does not list can be right: a step of a pipeline
    may be a parameter itself, and some estimators accept any name.
    """
    if not names:
        return
    draws = space.sample(np.random.default_rng(0), _N_DRAWS)
    configurations = [space.from_unit(point) for point in draws]
    for name in names:
        for params in configurations:
            if name not in params:
                continue
            tried = {k: v for k, v in params.items() if k in known or k == name}
            try:
                clone(estimator).set_params(**clone(tried, safe=False))
            except (ValueError, TypeError, AttributeError):
                yield _unknown(name, estimator, known)
            break


def _unknown(name: str, estimator: Any, known: set[str]) -> str:
    # "C" of a pipeline is probably "svc__C".
    nested = sorted(other for other in known if other.endswith(f"__{name}"))
    hint = f"; did you mean {nested[0]!r}?" if nested else did_you_mean(name, known)
    return f"{name!r} is not a parameter of {type(estimator).__name__}{hint}"


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
    if isinstance(pre_dispatch, str):
        match = re.fullmatch(r"(?:(\d+)\s*\*\s*)?n_jobs", pre_dispatch.strip())
        if pre_dispatch == "all":
            return 10 * n_workers
        if match is None:
            raise SearchError(
                "pre_dispatch must be a number, 'all' or an expression such as "
                f"'2*n_jobs', got {pre_dispatch!r}"
            )
        return int(match[1] or 1) * n_workers
    if pre_dispatch < 1:
        raise SearchError(f"pre_dispatch must be at least 1, got {pre_dispatch!r}")
    return max(int(pre_dispatch), 1)

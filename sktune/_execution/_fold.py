"""One configuration on one fold: clone, set, fit, score.

`run_fold` is what workers run. It returns failures as data: a task that
raises would take the whole pool with it on some backends.
"""

from __future__ import annotations

import contextlib
import math
import numbers
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sklearn.base import clone

from .._compat import FoldCallback, is_multimetric, safe_split, slice_params
from .._protocol import Checkpoint, FoldResult, FoldTask, Status
from ._checkpoint import read_checkpoint
from ._resource import Resource, WholeFit

__all__ = ["FoldContext", "FoldData", "regained", "run_fold"]


@dataclass(frozen=True, slots=True, weakref_slot=True)
class FoldData:
    """What is placed once for all workers.

    Attributes
    ----------
    X, y : object
        The data, as given to ``fit``.
    folds : list of (train, test)
        Indices of each fold.
    fit_params, score_params : dict
        Metadata for the estimator's ``fit`` and for the scorer, not sliced.
    groups : array-like or None
        Group of each row, where the splitter was given some.
    """

    X: Any
    y: Any
    folds: list[tuple[Any, Any]]
    fit_params: dict[str, Any]
    score_params: dict[str, Any]
    groups: Any = None

    def __sizeof__(self) -> int:
        # dask asks how much of a worker's memory this takes.
        return max(2_000, int(getattr(self.X, "nbytes", 0)))


@dataclass(frozen=True, slots=True)
class FoldContext:
    """What is alike in all tasks of a search, besides the data.

    Attributes
    ----------
    estimator : estimator
        Cloned for each task.
    scorer : callable
        Called as ``scorer(estimator, X, y, **score_params)``.
    raise_errors : bool
        Whether the exception itself is kept, to be raised by the search.
    return_train_score : bool
        Whether the training part is scored too.
    verbose : int
        As in ``GridSearchCV``.
    n_trials : int
        For the messages of `verbose`.
    resource : Resource
        How a budget is spent.
    """

    estimator: Any
    scorer: Any
    raise_errors: bool = False
    return_train_score: bool = False
    verbose: int = 0
    n_trials: int = 0
    resource: Resource = field(default_factory=WholeFit)


def run_fold(
    context: FoldContext,
    data: FoldData,
    task: FoldTask,
    callback: FoldCallback | None = None,
) -> FoldResult:
    """Train and score one configuration on one fold.

    Parameters
    ----------
    context : FoldContext
        Estimator, scorer and options.
    data : FoldData
        Data and folds.
    task : FoldTask
        Configuration and fold.
    callback : FoldCallback or None
        Hooks of scikit-learn's callbacks.

    Returns
    -------
    FoldResult
        Its status is FAILED when the fit or a scorer raised.
    """
    _print_start(context, data, task)
    started = time.perf_counter()
    result = FoldResult(task.trial, task.fold, Status.FAILED)
    resource = context.resource
    units = _units(task)
    try:
        if task.lost:
            state = regained(context, data, task.checkpoint, task.lost)
            task = replace(task, checkpoint=state)
            units = _units(task)
        train, test = data.folds[task.fold]
        train = resource.rows(train, data.y, data.groups, task.fold, units.stop)
        fit_params = slice_params(data.X, params=data.fit_params, indices=train)
        estimator = _estimator(context, task)
        X_train, y_train = safe_split(estimator, data.X, data.y, train)
        X_test, y_test = safe_split(estimator, data.X, data.y, test, train)
        started = time.perf_counter()
        hooks: contextlib.AbstractContextManager[None] = contextlib.nullcontext()
        if callback is not None:
            weight = fit_params.get("sample_weight")
            hooks = callback.around_fit(estimator, X_train, y_train, weight)
        with hooks:
            resource.train(estimator, X_train, y_train, fit_params, units)
        fitted = time.perf_counter()
        if task.keep:
            state = Checkpoint(units.stop, resource.save(estimator))
            result = replace(result, checkpoint=state)
    except (Exception, SystemExit) as error:
        result = replace(
            result,
            fit_time=time.perf_counter() - started,
            fit_error=traceback.format_exc(),
            exception=_stripped(error) if context.raise_errors else None,
        )
        _print_end(context, data, task, result)
        return result
    trained = time.perf_counter()
    params = slice_params(data.X, params=data.score_params, indices=test)
    test_scores, failure = _score(context, estimator, X_test, y_test, params)
    result = replace(
        result,
        status=Status.OK if failure is None else Status.FAILED,
        test_scores=test_scores,
        fit_time=fitted - started,
        score_time=time.perf_counter() - trained,
    )
    if context.return_train_score:
        params = slice_params(data.X, params=data.score_params, indices=train)
        scores, train_failure = _score(context, estimator, X_train, y_train, params)
        result = replace(result, train_scores=scores)
        failure = failure or train_failure
    if failure is not None:
        text, exception = failure
        result = replace(result, score_error=text, exception=exception)
    _print_end(context, data, task, result)
    return result


def _units(task: FoldTask) -> range:
    """Return the units of the resource to train; a whole fit has none to count."""
    start = 0 if task.checkpoint is None else task.checkpoint.units
    return range(start, start if task.budget is None else task.budget)


def _estimator(context: FoldContext, task: FoldTask) -> Any:
    """Return the estimator to train: a new one, or one that goes on."""

    def untrained() -> Any:
        # Parameters may be estimators: these must not be fitted in place.
        params = clone(task.params, safe=False)
        return clone(context.estimator).set_params(**params)

    if task.checkpoint is None:
        return untrained()
    estimator = context.resource.restore(read_checkpoint(task.checkpoint), untrained)
    if task.changed:
        usual = context.estimator.get_params()
        # a parameter that is inactive by now has its usual value
        values = {n: task.params.get(n, usual.get(n)) for n in task.changed}
        context.resource.adjust(estimator, clone(values, safe=False))
    return estimator


def regained(
    context: FoldContext,
    data: FoldData,
    checkpoint: Checkpoint | None,
    lost: Sequence[FoldTask],
) -> Checkpoint | None:
    """Train again, part by part, what was lost with its checkpoints.

    Parameters
    ----------
    context : FoldContext
    data : FoldData
    checkpoint : Checkpoint or None
        What the first part went on from.
    lost : sequence of FoldTask
        The parts.

    Returns
    -------
    Checkpoint or None
        As the last part left it.
    """
    for part in lost:
        task = replace(part, checkpoint=checkpoint)
        units = _units(task)
        train, _ = data.folds[task.fold]
        train = context.resource.rows(train, data.y, data.groups, task.fold, units.stop)
        params = slice_params(data.X, params=data.fit_params, indices=train)
        estimator = _estimator(context, task)
        X, y = safe_split(estimator, data.X, data.y, train)
        context.resource.train(estimator, X, y, params, units)
        # Through bytes as then: some estimators leave parts of their state behind.
        checkpoint = Checkpoint(units.stop, context.resource.save(estimator))
    return checkpoint


def _stripped(error: BaseException) -> BaseException:
    """Return an exception that a worker can send back."""
    if isinstance(error, SystemExit):
        return RuntimeError(f"the fit called sys.exit({error.code!r})")
    return error


Scores = Mapping[str, float | None] | float | None
ScoreError = tuple[str, BaseException | None]


def _score(
    context: FoldContext, estimator: Any, X: Any, y: Any, params: dict[str, Any]
) -> tuple[Scores, ScoreError | None]:
    """Return the scores, None in place of those that failed, and the first error."""
    try:
        if y is None:
            raw = context.scorer(estimator, X, **params)
        else:
            raw = context.scorer(estimator, X, y, **params)
        if not isinstance(raw, dict):
            return _number(raw, context.scorer), None
        scores: dict[str, float | None] = {}
        first_error: ScoreError | None = None
        for name, value in raw.items():
            if isinstance(value, str) and is_multimetric(context.scorer):
                # scikit-learn hands out the traceback of a metric that raised.
                scores[name] = None
                first_error = first_error or (value, None)
            else:
                scores[name] = _number(value, name)
        return scores, first_error
    except (Exception, SystemExit) as error:
        exception = _stripped(error) if context.raise_errors else None
        return None, (traceback.format_exc(), exception)


def _number(value: Any, scorer: object) -> float:
    if hasattr(value, "item"):
        with contextlib.suppress(ValueError):  # arrays of several items
            value = value.item()
    if not isinstance(value, numbers.Number) or isinstance(value, complex):
        raise TypeError(
            f"scoring must return a number, got {value!r} of type "
            f"{type(value).__name__} (scorer={scorer})"
        )
    return float(value)  # type: ignore[arg-type]


# -- Messages ------------------------------------------------------------------


def _progress(context: FoldContext, data: FoldData, task: FoldTask) -> str:
    text = ""
    if context.verbose > 2:
        text = f" {task.fold + 1}/{len(data.folds)}"
    if context.verbose > 9:
        text += f"; {task.trial + 1}/{context.n_trials}"
    return text


def _settings(task: FoldTask) -> str:
    return ", ".join(f"{name}={task.params[name]}" for name in sorted(task.params))


def _print_start(context: FoldContext, data: FoldData, task: FoldTask) -> None:
    if context.verbose > 9:
        message = f"[CV{_progress(context, data, task)}] START {_settings(task)}"
        print(message.ljust(80, "."))


def _print_end(
    context: FoldContext, data: FoldData, task: FoldTask, result: FoldResult
) -> None:
    if context.verbose <= 1:
        return
    settings = _settings(task)
    message = settings + (";" if settings else "")
    if context.verbose > 2:
        message += _score_text(result)
    seconds = result.fit_time + result.score_time
    unit = f"{seconds / 60:5.1f}min" if seconds > 60 else f"{seconds:5.1f}s"
    message += f" total time={unit}"
    start = f"[CV{_progress(context, data, task)}] END "
    print(start + message.rjust(80 - len(start), "."))


def _score_text(result: FoldResult) -> str:
    def text(score: float | None) -> str:
        return f"{math.nan if score is None else score:.3f}"

    test, train = result.test_scores, result.train_scores
    if isinstance(test, Mapping):
        parts = []
        for name in sorted(test):
            inner = f"test={text(test[name])}"
            if isinstance(train, Mapping):
                inner = f"train={text(train[name])}, {inner}"
            parts.append(f" {name}: ({inner})")
        return "".join(parts)
    if train is None or isinstance(train, Mapping):
        return f", score={text(test)}"
    return f", score=(train={text(train)}, test={text(test)})"

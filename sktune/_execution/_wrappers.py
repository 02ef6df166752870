"""What is around the model that is trained: pipelines and transformed targets.

They are fitted once a fold. The model in them is trained where it is, from one budget
to the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from sklearn import get_config
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import Pipeline
from sklearn.utils.metadata_routing import process_routing

__all__ = ["get_fitted_wrappers", "inner_model", "set_fitted_wrappers", "train_inner"]

Advance = Callable[[Any, Any, Any, dict[str, Any]], None]
"""Trains a model on `X` and `y` with the metadata of its ``fit``."""


def inner_model(estimator: Any) -> tuple[Any, str]:
    """Return the model that is trained, and the prefix of its parameters."""
    prefix = ""
    while (inner := _inner(estimator)) is not None:
        name, estimator = inner
        prefix += f"{name}__"
    return estimator, prefix


def _inner(estimator: Any) -> tuple[str, Any] | None:
    """Return what a wrapper holds and under which name, None of others."""
    if isinstance(estimator, Pipeline):
        name, step = estimator.steps[-1]
        return name, step
    is_wrapper = isinstance(estimator, TransformedTargetRegressor)
    if is_wrapper and estimator.regressor is not None:
        return "regressor", estimator.regressor
    return None


def _wrappers(estimator: Any) -> Iterator[Any]:
    """Yield the wrappers of an estimator, the outermost first."""
    while (inner := _inner(estimator)) is not None:
        yield estimator
        _, estimator = inner


def get_fitted_wrappers(estimator: Any) -> list[Any]:
    """Return what all wrappers of an estimator have learnt, without the model."""
    models = ("regressor", "regressor_")
    return [
        wrapper.steps[:-1]
        if isinstance(wrapper, Pipeline)
        else {k: v for k, v in vars(wrapper).items() if k not in models}
        for wrapper in _wrappers(estimator)
    ]


def set_fitted_wrappers(estimator: Any, fitted: list[Any]) -> None:
    """Give an untrained estimator what `get_fitted_wrappers` returned."""
    for wrapper, learnt in zip(_wrappers(estimator), fitted, strict=True):
        if isinstance(wrapper, Pipeline):
            wrapper.steps[:-1] = learnt
        else:
            vars(wrapper).update(learnt, regressor_=wrapper.regressor)


def train_inner(
    estimator: Any,
    X: Any,
    y: Any,
    params: dict[str, Any],
    *,
    advance: Advance,
    refit: bool,
) -> None:
    """Train the innermost model on what the wrappers make of the data.

    Parameters
    ----------
    estimator : estimator
        A model, in wrappers or not.
    X, y : array-like
        All training rows; `y` may be None.
    params : dict
        Metadata for the estimator's ``fit``.
    advance : callable
        Trains the model.
    refit : bool
        Whether the wrappers are fitted, too.
    """
    if isinstance(estimator, Pipeline):
        of_head, params = _divide(estimator, params)
        X, y = _transform(estimator, X, y, of_head, refit=refit)
        _, model = estimator.steps[-1]
        train_inner(model, X, y, params, advance=advance, refit=refit)
    elif _inner(estimator) is not None:
        train = partial(train_inner, advance=advance, refit=refit)
        _train_on_targets(estimator, X, y, params, train, refit=refit)
    else:
        advance(estimator, X, y, params)


# -- Transformed targets ---------------------------------------------------------


class _StandIn:
    """Stands where a wrapper would clone an estimator, and is that estimator."""

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator

    def __sklearn_clone__(self) -> _StandIn:
        return self

    def __getattr__(self, name: str) -> Any:
        return getattr(self.estimator, name)


class _Trained(_StandIn):
    """A model that ``fit`` trains where it is."""

    def __init__(self, model: Any, train: Advance) -> None:
        super().__init__(model)
        self._train = train

    def fit(self, X: Any, y: Any, **params: Any) -> None:
        """Train the model."""
        self._train(self.estimator, X, y, params)


class _Fitted(_StandIn):
    """A transformer that stays as it is."""

    def fit(self, y: Any) -> None:
        """Do nothing."""


def _train_on_targets(
    wrapper: TransformedTargetRegressor,
    X: Any,
    y: Any,
    params: dict[str, Any],
    train: Advance,
    *,
    refit: bool,
) -> None:
    """Let a wrapper transform the targets and train its regressor on them."""
    model, transformer = wrapper.regressor, wrapper.transformer
    wrapper.regressor = _Trained(model, train)
    if not refit and transformer is not None:
        wrapper.transformer = _Fitted(wrapper.transformer_)
    try:
        wrapper.fit(X, y, **params)
    finally:
        wrapper.regressor, wrapper.transformer = model, transformer
    wrapper.regressor_ = model
    if isinstance(wrapper.transformer_, _Fitted):
        wrapper.transformer_ = wrapper.transformer_.estimator


# -- Pipelines -------------------------------------------------------------------


def _divide(
    pipeline: Pipeline, params: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the metadata of the transformers, and that of the last step."""
    head, (name, _) = pipeline[:-1], pipeline.steps[-1]
    if get_config()["enable_metadata_routing"]:
        of_last = process_routing(pipeline, "fit", **params)[name].fit
        wanted = head.get_metadata_routing().consumes("fit_transform", params)
        return {key: params[key] for key in wanted}, dict(of_last)
    prefix = f"{name}__"
    of_last = {
        key.removeprefix(prefix): value
        for key, value in params.items()
        if key.startswith(prefix)
    }
    rest = {k: v for k, v in params.items() if not k.startswith(prefix)}
    if rest and len(pipeline.steps) == 1:
        raise ValueError(f"no step of the pipeline takes {sorted(rest)}")
    return rest, of_last


def _transform(
    pipeline: Pipeline, X: Any, y: Any, params: dict[str, Any], *, refit: bool
) -> tuple[Any, Any]:
    """Run the data through all steps but the last."""
    if len(pipeline.steps) == 1:
        return X, y
    head = pipeline[:-1]
    if any(hasattr(step, "fit_resample") for _, step in head.steps):
        return _resample(head, X, y, params, refit=refit)
    if not refit:
        return head.transform(X), y
    X = head.fit_transform(X, y, **params)
    # With a cache, the fitted steps are copies.
    pipeline.steps[:-1] = head.steps
    return X, y


def _resample(
    head: Pipeline, X: Any, y: Any, params: dict[str, Any], *, refit: bool
) -> tuple[Any, Any]:
    """Run the data through steps some of which change the rows, as in imbalanced-learn.

    These draw anew each time: with a seed of their own the same rows.
    """
    if params:
        raise ValueError(
            f"steps that change the rows take no metadata, got {sorted(params)}"
        )
    for _, step in head.steps:
        if hasattr(step, "fit_resample"):
            X, y = clone(step).fit_resample(X, y)
        elif step is not None and step != "passthrough":
            X = step.fit_transform(X, y) if refit else step.transform(X)
    return X, y

"""What is around the model that is trained: pipelines, targets, thresholds.

They are fitted once a fold. The model in them is trained where it is, from one budget
to the next.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, ClassVar, final

from sklearn import get_config
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.pipeline import Pipeline
from sklearn.utils.metadata_routing import process_routing

__all__ = ["get_fitted_wrappers", "inner_model", "set_fitted_wrappers", "train_inner"]

Advance = Callable[[Any, Any, Any, dict[str, Any]], None]
"""Trains a model on `X` and `y` with the metadata of its ``fit``."""


def inner_model(estimator: Any) -> tuple[Any, str]:
    """Return the model that is trained, and the prefix of its parameters."""
    prefix = ""
    for wrapper in _wrappers(estimator):
        name, estimator = wrapper.inner
        prefix += f"{name}__"
    return estimator, prefix


def get_fitted_wrappers(estimator: Any) -> list[Any]:
    """Return what all wrappers of an estimator have learnt, without the model."""
    return [wrapper.get_fitted() for wrapper in _wrappers(estimator)]


def set_fitted_wrappers(estimator: Any, fitted: list[Any]) -> None:
    """Give an untrained estimator what `get_fitted_wrappers` returned."""
    for wrapper, learnt in zip(_wrappers(estimator), fitted, strict=True):
        wrapper.set_fitted(learnt)


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
    wrapper = next(_wrappers(estimator), None)
    if wrapper is None:
        advance(estimator, X, y, params)
        return
    train = partial(train_inner, advance=advance, refit=refit)
    wrapper.train(X, y, params, train=train, refit=refit)


def _wrappers(estimator: Any) -> Iterator[_Wrapper]:
    """Yield what is around the model, the outermost first."""
    while (kind := _kind(estimator)) is not None:
        wrapper = kind(estimator)
        yield wrapper
        _, estimator = wrapper.inner


def _kind(estimator: Any) -> type[_Wrapper] | None:
    if isinstance(estimator, Pipeline):
        return _Steps
    if isinstance(estimator, FixedThresholdClassifier):
        return _Threshold
    has_targets = isinstance(estimator, TransformedTargetRegressor)
    if has_targets and estimator.regressor is not None:
        return _Targets
    return None


class _Wrapper(ABC):
    """An estimator around another. Abstract: subclasses say of what kind.

    Parameters
    ----------
    estimator : estimator
    """

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator

    @property
    @abstractmethod
    def inner(self) -> tuple[str, Any]:
        """The estimator that it holds, after its name."""

    @abstractmethod
    def get_fitted(self) -> Any:
        """Return what it has learnt, without the estimator that it holds."""

    @abstractmethod
    def set_fitted(self, learnt: Any) -> None:
        """Take what `get_fitted` returned."""

    @abstractmethod
    def train(
        self, X: Any, y: Any, params: dict[str, Any], *, train: Advance, refit: bool
    ) -> None:
        """Train the estimator that it holds, on what it makes of the data.

        Parameters
        ----------
        X, y : array-like
            All training rows; `y` may be None.
        params : dict
            Metadata for its ``fit``.
        train : callable
            Trains what it holds.
        refit : bool
            Whether it is fitted itself, too.
        """


# -- Transformed targets and thresholds ------------------------------------------


class _Meta(_Wrapper):
    """One that fits a clone of what it holds, under the same name with a ``_``.

    Abstract: subclasses say under which.
    """

    name: ClassVar[str]

    @property
    def inner(self) -> tuple[str, Any]:
        return self.name, getattr(self.estimator, self.name)

    def get_fitted(self) -> Any:
        models = (self.name, f"{self.name}_")
        return {k: v for k, v in vars(self.estimator).items() if k not in models}

    def set_fitted(self, learnt: Any) -> None:
        _, model = self.inner
        vars(self.estimator).update(learnt, **{f"{self.name}_": model})

    def train(
        self, X: Any, y: Any, params: dict[str, Any], *, train: Advance, refit: bool
    ) -> None:
        _, model = self.inner
        setattr(self.estimator, self.name, _Trained(model, train))
        try:
            self.estimator.fit(X, y, **params)
        finally:
            setattr(self.estimator, self.name, model)
        setattr(self.estimator, f"{self.name}_", model)


@final
class _Threshold(_Meta):
    """A classifier with another threshold."""

    name = "estimator"


@final
class _Targets(_Meta):
    """A regressor whose targets are transformed."""

    name = "regressor"

    def train(
        self, X: Any, y: Any, params: dict[str, Any], *, train: Advance, refit: bool
    ) -> None:
        wrapper, transformer = self.estimator, self.estimator.transformer
        if not refit and transformer is not None:
            wrapper.transformer = _Fitted(wrapper.transformer_)
        try:
            super().train(X, y, params, train=train, refit=refit)
        finally:
            wrapper.transformer = transformer
        if isinstance(wrapper.transformer_, _Fitted):
            wrapper.transformer_ = wrapper.transformer_.estimator


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

    def fit(self, X: Any, y: Any, **params: Any) -> Any:
        """Train the model and return it."""
        self._train(self.estimator, X, y, params)
        return self.estimator


class _Fitted(_StandIn):
    """A transformer that stays as it is."""

    def fit(self, y: Any) -> None:
        """Do nothing."""


# -- Pipelines -------------------------------------------------------------------


@final
class _Steps(_Wrapper):
    """A pipeline."""

    @property
    def inner(self) -> tuple[str, Any]:
        name, step = self.estimator.steps[-1]
        return name, step

    def get_fitted(self) -> Any:
        return self.estimator.steps[:-1]

    def set_fitted(self, learnt: Any) -> None:
        self.estimator.steps[:-1] = learnt

    def train(
        self, X: Any, y: Any, params: dict[str, Any], *, train: Advance, refit: bool
    ) -> None:
        of_head, of_last = _divide(self.estimator, params)
        X, y = _transform(self.estimator, X, y, of_head, refit=refit)
        _, model = self.inner
        train(model, X, y, of_last)


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

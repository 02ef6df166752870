"""Which parameters can change while a model is trained in parts.

An estimator says it itself by a method ``fixed_parameters`` (`Adjustable`). Of
others it is known here what their libraries do with a parameter that is set
between two calls.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .._compat import is_instance
from .._protocol import Adjustable
from ._continued import Boosting, CatBoost, Skorch
from ._resource import Resource
from ._wrappers import inner_model

__all__ = ["fixed_parameters"]

# What the weights have the shape of, or what decides what they mean.
_OF_THE_MODEL = frozenset(
    {
        "activation",
        "average",
        "base_estimator",
        "bootstrap",
        "criterion",
        "estimator",
        "fit_intercept",
        "hidden_layer_sizes",
        "init",
        "kernel",
        "loss",
        "n_clusters",
        "n_components",
        "random_state",
        "solver",
    }
)
_OF_BOOSTING = frozenset({"booster", "boosting_type", "num_class", "objective"})


def fixed_parameters(
    estimator: Any, resource: Resource, names: Iterable[str], *, inherits: bool = False
) -> frozenset[str]:
    """Return the parameters that a model in training cannot change.

    Parameters
    ----------
    estimator : estimator
        With the parameters of a member.
    resource : Resource
        How its training goes on.
    names : iterable of str
        Parameters in question, with the steps of a pipeline that lead to them.
    inherits : bool, default=False
        Whether another model may take over the weights.

    Returns
    -------
    frozenset of str
    """
    names = list(names)
    model, prefix = inner_model(estimator)
    # The transformers are fitted once, and a step is what it is.
    of_model = {n.removeprefix(prefix): n for n in names if n.startswith(prefix)}
    fixed = {name for name in names if not name.startswith(prefix)}
    if isinstance(model, Adjustable):
        own = set(model.fixed_parameters(of_model, inherits=inherits))
    else:
        own = {name for name in of_model if _is_fixed(model, resource, name)}
    return frozenset(fixed | {of_model[name] for name in own})


def _is_fixed(model: Any, resource: Resource, name: str) -> bool:
    if isinstance(resource, Skorch):
        return name.startswith(("module", "criterion")) or name == "optimizer"
    if isinstance(resource, Boosting):
        return name in _OF_BOOSTING
    if isinstance(resource, CatBoost):
        # It goes on from no snapshot that was taken with other parameters.
        return name not in ("learning_rate", "eta")
    boosting = ("GradientBoostingClassifier", "GradientBoostingRegressor")
    if is_instance(model, "sklearn.ensemble", *boosting) and name == "learning_rate":
        return True  # it scales all trees when it predicts, old ones too
    networks = ("MLPClassifier", "MLPRegressor")
    if is_instance(model, "sklearn.neural_network", *networks):
        # of its optimizer, the rates alone can be changed
        return name in _OF_THE_MODEL or name in ("learning_rate", "power_t")
    return name in _OF_THE_MODEL

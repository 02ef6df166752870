"""One training: what a fitted estimator holds besides its parameters."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..exceptions import CheckpointError
from ._data import InputLayout
from ._engine import Variables
from ._inherit import inherited
from ._meta import ModelMeta
from ._session import Progress
from ._state import pack, unpack
from ._targets import ClassTarget, RegressionTarget

__all__ = ["Target", "Training"]

Target = ClassTarget | RegressionTarget

_GROUPS = ("trainable", "fixed", "seeds", "optimizer")


@dataclass(slots=True)
class Training:
    """A training that has begun.

    Attributes
    ----------
    layout : InputLayout
        What the inputs look like.
    target : ClassTarget or RegressionTarget
        How targets and outputs are translated.
    progress : Progress
        How far it has come.
    features : dict
        ``n_features_in_`` and ``feature_names_in_``, where X has them.
    variables : Variables
        Weights and optimizer state, empty before there is a model.
    """

    layout: InputLayout
    target: Target
    progress: Progress
    features: dict[str, Any]
    variables: Variables = field(default_factory=Variables)

    def copy(self) -> Training:
        """Return a copy that can go on while this one stays as it is."""
        return dataclasses.replace(self, progress=self.progress.copy())

    def set_model(self, fresh: Variables) -> None:
        """Take up a model by its fresh variables: as weights if there are none yet.

        Raises
        ------
        ModelError
            When the weights there are do not fit it.
        """
        has_begun = bool(self.variables.trainable or self.variables.fixed)
        self.variables = self.variables.for_model_of(fresh) if has_begun else fresh

    @property
    def meta(self) -> ModelMeta:
        """What a builder may ask for."""
        return ModelMeta(
            input_shape=self.layout.input_shape,
            input_dtype=self.layout.input_dtype,
            target_type=self.target.target_type,
            n_classes=self.target.n_classes,
            n_outputs=self.target.n_outputs,
            output_activation=self.target.output_activation,
            n_tokens=self.layout.n_tokens,
        )

    def inherit(self, fresh: Variables) -> None:
        """Fit the weights to a model of other layers.

        Parameters
        ----------
        fresh : Variables
            Those of the new model, which the rest is taken from.
        """
        self.variables = inherited(self.variables, fresh)
        self.progress.best = None

    def to_bytes(self, *, owner: str) -> bytes:
        """Write the training as bytes, without pickled code.

        Parameters
        ----------
        owner : str
            Name of the estimator's class.
        """
        progress = self.progress
        meta = {
            "owner": owner,
            "layout": self.layout.to_json(),
            "target": self.target.to_json(),
            "features": self.features,
            "seed": progress.seed,
            "epoch": progress.epoch,
            "history": progress.history,
            "best_loss": progress.best_loss,
            "n_worse": progress.n_worse,
            "is_over": progress.is_over,
            "has_best": progress.best is not None,
        }
        arrays = _flat("last", self.variables)
        if progress.best is not None:
            arrays |= _flat("best", progress.best)
        return pack(meta, arrays)

    @classmethod
    def from_bytes(
        cls, state: bytes, *, owner: str, kind: type[ClassTarget | RegressionTarget]
    ) -> Training:
        """Read what `to_bytes` wrote.

        Raises
        ------
        CheckpointError
            When the state is damaged, or another kind of estimator wrote it.
        """
        meta, arrays = unpack(state)
        if meta.get("owner") != owner:
            raise CheckpointError(
                f"the state is one of {meta.get('owner')}, not of {owner}"
            )
        progress = Progress(
            seed=meta["seed"],
            epoch=meta["epoch"],
            history=meta["history"],
            best_loss=meta["best_loss"],
            n_worse=meta["n_worse"],
            best=_variables("best", arrays) if meta["has_best"] else None,
            is_over=meta["is_over"],
        )
        return cls(
            InputLayout.from_json(meta["layout"]),
            kind.from_json(meta["target"]),
            progress,
            meta["features"],
            _variables("last", arrays),
        )


def _flat(name: str, variables: Variables) -> dict[str, NDArray[Any]]:
    return {
        f"{name}/{group}/{i}": value
        for group in _GROUPS
        for i, value in enumerate(getattr(variables, group))
    }


def _variables(name: str, arrays: dict[str, NDArray[Any]]) -> Variables:
    groups: dict[str, list[NDArray[np.generic]]] = {group: [] for group in _GROUPS}
    for key, value in arrays.items():  # in the order in which they were written
        owner, group, _ = key.split("/")
        if owner == name:
            groups[group].append(value)
    return Variables(**groups)

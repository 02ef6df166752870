"""Keras models as scikit-learn estimators whose training can go on."""

from __future__ import annotations

from .._optional import require
from ._devices import set_default_limits

set_default_limits()  # before Keras loads its backend
require("keras", "sktune.keras")

from ._classifier import KerasClassifier
from ._data import Inputs
from ._meta import ModelMeta
from ._models import build_cnn, build_mlp, build_rnn
from ._regressor import KerasRegressor
from ._schedule_callback import ScheduleCallback

__all__ = [
    "Inputs",
    "KerasClassifier",
    "KerasRegressor",
    "ModelMeta",
    "ScheduleCallback",
    "build_cnn",
    "build_mlp",
    "build_rnn",
]

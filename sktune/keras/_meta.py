"""What a model builder is told about the data."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ModelMeta"]


@dataclass(frozen=True, slots=True)
class ModelMeta:
    """What is known of the data before a model is built for it.

    A builder that has a parameter ``meta`` gets one of these.

    Parameters
    ----------
    input_shape : tuple of int, or dict of str to tuple of int
        Shape of one sample, without the axis of the samples; one for each input
        when there are several.
    input_dtype : str, or dict of str to str
        ``"float32"`` or ``"int32"``.
    target_type : str
        scikit-learn's name for the kind of target: ``"binary"``,
        ``"multiclass"``, ``"multilabel-indicator"``, ``"continuous"`` or
        ``"continuous-multioutput"``.
    n_classes : int or None
        Number of classes or labels; None for regression.
    n_outputs : int
        Units of the output layer; 1 for two classes.
    output_activation : str
        ``"sigmoid"``, ``"softmax"`` or ``"linear"``.
    n_tokens : int or None, default=None
        One more than the largest value of an integer input; None for other
        inputs.

    Examples
    --------
    >>> import keras
    >>> from sktune.keras import ModelMeta
    >>> def build(meta, *, units=8):
    ...     x = inputs = keras.Input(meta.input_shape)
    ...     x = keras.layers.Dense(units, activation="relu")(x)
    ...     outputs = keras.layers.Dense(
    ...         meta.n_outputs, activation=meta.output_activation
    ...     )(x)
    ...     return keras.Model(inputs, outputs)
    >>> meta = ModelMeta(
    ...     input_shape=(4,),
    ...     input_dtype="float32",
    ...     target_type="multiclass",
    ...     n_classes=3,
    ...     n_outputs=3,
    ...     output_activation="softmax",
    ... )
    >>> build(meta, units=16).output_shape
    (None, 3)
    """

    input_shape: tuple[int, ...] | dict[str, tuple[int, ...]]
    input_dtype: str | dict[str, str]
    target_type: str
    n_classes: int | None
    n_outputs: int
    output_activation: str
    n_tokens: int | None = None

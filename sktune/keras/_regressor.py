"""`KerasRegressor`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import RegressorMixin

from ..exceptions import ModelError
from ._estimator import KerasEstimator
from ._targets import RegressionTarget

__all__ = ["KerasRegressor"]


class KerasRegressor(RegressorMixin, KerasEstimator):
    """Keras model as a regressor.

    One target or several. Works in any search of scikit-learn's kind, in pipelines
    and in meta-estimators. Samples may have any number of axes, or be several
    inputs, see `~sktune.keras.Inputs`. Scale the target where it is far from 1,
    for instance by `sklearn.compose.TransformedTargetRegressor`.

    Parameters
    ----------
    model : str, callable or keras.Model, default="mlp"
        What is trained:

        - ``"mlp"``, ``"cnn"`` or ``"rnn"``: a ready-made model, see
          `~sktune.keras.build_mlp`, `~sktune.keras.build_cnn` and
          `~sktune.keras.build_rnn` for its parameters;
        - a function that returns a `keras.Model`. Its arguments are parameters
          ``model__*``. One that is called ``meta`` gets a
          `~sktune.keras.ModelMeta`, which tells the shape of the data. A model
          that the function compiled brings its optimizer, loss and metrics;
        - a model: a template, of which each fit trains a copy with new weights.
    optimizer : str, type or keras.optimizers.Optimizer, default="auto"
        Name, class, or an instance that serves as a template. ``"auto"`` is that
        of a compiled model, else Adam.
    learning_rate : float, default=None
        Before `schedule`. None is the optimizer's own, 0.001 for Adam.
    schedule : {"constant", "cosine", "exponential", "step", "warmup"} or \
callable, default="constant"
        What the learning rate is multiplied with, once an epoch, over all
        `epochs` [1]_:

        - ``"cosine"``: falls from 1 towards 0 as half a cosine;
        - ``"exponential"``: falls from 1 to a hundredth, by a constant factor;
        - ``"step"``: a tenth after each third of the epochs;
        - ``"warmup"``: rises over a tenth of the epochs, then as ``"cosine"``;
        - a function of the number of the epoch, from 0, and of `epochs`.
    momentum : float, default=None
        At least 0 and less than 1, for optimizers that have one; others do
        without. None is the optimizer's own.
    weight_decay : float, default=None
        Share of each weight taken off in a step, times the learning rate [2]_.
        None is the optimizer's own.
    clipnorm : float, default=None
        Largest norm of the gradient of each array of weights; None is no limit.
    loss : str, type, keras.losses.Loss or callable, default="auto"
        Name, class, instance, or a function of target and output. ``"auto"`` is
        that of a compiled model, else the mean squared error.
    metrics : str, type, keras.metrics.Metric, callable or list, default=None
        What `history_` records besides the loss. None is that of a compiled
        model, else nothing.
    batch_size : int, default=32
        Samples in a step.
    epochs : int, default=20
        Passes over the training data.
    validation_fraction : float, default=None
        Share of the training data that is held out, to record its loss and
        metrics after each epoch, drawn with `random_state`.
        None is 0.1 with `early_stopping`, else 0.
    early_stopping : bool, default=False
        Whether to end the training when the loss on the held-out data stops
        falling, and to keep the weights of the best epoch. With
        ``validation_fraction=0.0`` it is the loss on the training data.
    patience : int, default=5
        Epochs without a better loss after which `early_stopping` ends the
        training.
    min_delta : float, default=0.0
        By how much a loss must be lower to count as better.
    callbacks : keras.callbacks.Callback, type, callable or list, default=None
        Instances are copied for each fit; classes and functions are called.
    class_weight : None, default=None
        Only for classifiers.
    shuffle : bool, default=True
        Whether each epoch visits the samples in another order.
    random_state : int, RandomState instance or None, default=None
        Seed of the weights, the batches, dropout and the held-out samples.
    warm_start : bool, default=False
        Whether ``fit`` trains `epochs` more where the last one ended.
    verbose : int, default=0
        Above 0, a line for each epoch is printed.
    jit_compile : bool or "auto", default="auto"
        Whether XLA compiles the training. ``"auto"`` leaves it out where it
        cannot, and on a CPU where TensorFlow trains a convolutional network.
        TensorFlow is ready sooner without it, and elsewhere slower in each step.
    steps_per_execution : int, default=1
        Steps between returns to Python, where ``model.fit`` trains.
    training : {"auto", "compiled", "fit"}, default="auto"
        How to train:

        - ``"compiled"``: an epoch is one compiled function, with the data on the
          device. An error where that is not possible;
        - ``"fit"``: by ``model.fit``;
        - ``"auto"``: compiled where possible. `training_path_` says what it was.
    device : str, default=None
        Keras' name of a device, such as ``"cpu"`` or ``"gpu:1"``; ``"spread"``
        gives worker processes one GPU each in turn. None is what the backend
        prefers. An error where there is no such device.
    **routed : dict
        ``model__*`` are parameters of the model, ``optimizer__*`` are arguments
        of the optimizer's class.

    Attributes
    ----------
    model_ : keras.Model
        The trained model; a copy, that can be saved or trained on.
    history_ : dict of str to list of float
        The loss and the metrics of each epoch, with the prefix ``val_`` those on
        the held-out data, and the learning rate.
    n_epochs_ : int
        Epochs trained.
    training_path_ : str
        ``"compiled"``, or ``"fit: "`` and why; ``"restored"`` where the training
        took place elsewhere.
    n_features_in_ : int
        Number of features, for X with two axes or more.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where X has names that are all strings.

    See Also
    --------
    KerasClassifier : The same for classification.

    Notes
    -----
    The training can go on: ``partial_fit`` trains one epoch more, ``train_more``
    any number, and ``get_training_state`` returns it as bytes. `learning_rate`,
    `weight_decay`, `clipnorm`, `batch_size` and dropout rates may change in
    between.

    References
    ----------
    .. [1] I. Loshchilov and F. Hutter (2017). SGDR: Stochastic gradient descent
       with warm restarts. ICLR.
    .. [2] I. Loshchilov and F. Hutter (2019). Decoupled weight decay
       regularization. ICLR.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.preprocessing import scale
    >>> from sktune.keras import KerasRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> X, y = scale(X), scale(y)
    >>> net = KerasRegressor(model__units=(16,), epochs=30, random_state=0).fit(X, y)
    >>> net.score(X, y) > 0.4
    True
    """

    _target_class = RegressionTarget

    def _new_target(self, y: Any, classes: Any) -> RegressionTarget:
        if classes is not None:
            raise ModelError("a regressor has no classes, got classes=...")
        return RegressionTarget().fit(y)

    def _target_of_outputs(self, n_outputs: int, classes: Any) -> RegressionTarget:
        shape = 2 if n_outputs == 1 else (2, n_outputs)
        return self._new_target(np.zeros(shape), classes)

    def _weights_of_classes(self, y: Any) -> NDArray[Any] | None:
        if self.class_weight is not None:
            raise ModelError(
                f"class_weight is for classifiers, got {self.class_weight!r} in a "
                "KerasRegressor; use sample_weight"
            )
        return None

    def predict(self, X: Any) -> NDArray[Any]:
        """Predict the target of each sample.

        Parameters
        ----------
        X : array-like, sparse matrix, data frame or Inputs
            Samples, as for ``fit``.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            In the shape of the target that ``fit`` saw.
        """
        outputs = self._outputs(X)
        return self._training.target.decode(outputs)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.target_tags.single_output = True
        return tags

"""scikeras' ``KerasClassifier`` and ``KerasRegressor``, trained by sktune.

Change ``from scikeras.wrappers import KerasClassifier, KerasRegressor`` to an import
from this module. scikeras itself is not needed.
"""

from __future__ import annotations

from typing import Any, Self

from numpy.typing import NDArray

from .. import keras as _native
from .._compat import StrOptions
from ._scikeras_wrapper import Wrapper

__all__ = ["KerasClassifier", "KerasRegressor"]


class KerasClassifier(Wrapper, _native.KerasClassifier):
    """Keras classifier, with the signature of ``scikeras.wrappers.KerasClassifier``.

    For code written for scikeras. The training is that of
    `sktune.keras.KerasClassifier`, which new code should use.

    Parameters
    ----------
    model : callable or keras.Model, default=None
        A function that returns a model, compiled or not. It is called with the
        parameters that it names, and may ask for three more:

        - ``meta``, a dict of what is known of the data: ``n_features_in_``,
          ``X_shape_``, ``X_dtype_``, ``n_classes_``, ``classes_``,
          ``target_type_``, ``n_outputs_`` and others;
        - ``compile_kwargs``, a dict with ``optimizer``, ``loss`` and ``metrics``
          for ``Model.compile``;
        - ``params``, all parameters of this estimator.

        A model instead of a function is copied for each fit, with its weights.
        None calls the method ``_keras_build_fn`` of a subclass.
    build_fn : callable or keras.Model, default=None
        The old name of `model`.
    warm_start : bool, default=False
        Whether ``fit`` goes on with the weights of the last one.
    random_state : int, RandomState instance or None, default=None
        Seed of the weights, the batches, dropout and the validation rows.
    optimizer : str, type or keras.optimizers.Optimizer, default="rmsprop"
        For a model that is not compiled.
    loss : str, type, keras.losses.Loss or callable, default=None
        None takes that of a compiled model, else the one that suits the target.
    metrics : str, type, keras.metrics.Metric, callable, list or dict, default=None
        What ``history_`` records besides the loss.
    batch_size : int, default=None
        Samples in a step; None is 32, -1 all of them.
    validation_batch_size : int, default=None
        Without effect on any result.
    verbose : int, default=1
        Above 0, a line for each epoch is printed.
    callbacks : keras.callbacks.Callback, type, list or dict, default=None
        Instances are copied for each fit, classes made anew.
    validation_split : float, default=0.0
        Share of the samples to validate on after each epoch; drawn at random and
        stratified, other than in scikeras.
    shuffle : bool, default=True
        Whether each epoch visits the samples in another order.
    run_eagerly : bool, default=False
        Without effect, and ``fit`` says so.
    epochs : int, default=1
        Passes over the samples.
    class_weight : dict or "balanced", default=None
        Weight of each class.
    **kwargs : dict
        Arguments of `model`, by their names or as ``model__*``; and
        ``optimizer__*``, ``loss__*``, ``metrics__*``, ``callbacks__*``,
        ``fit__*``, ``compile__*`` and ``predict__*``, as in scikeras.

    Attributes
    ----------
    model_ : keras.Model
        The trained model.
    history_ : dict of str to list of float
        Loss, metrics and learning rate of each epoch since ``fit``.
    current_epoch : int
        Number of epochs since ``fit``.
    initialized_ : bool
        Whether there is a model.
    classes_ : ndarray of shape (n_classes,)
        Class labels.
    n_classes_ : int
        Their number.
    target_type_ : str
        scikit-learn's name for the kind of target.
    X_shape_, X_dtype_, y_ndim_, y_dtype_
        Of the training data.
    n_outputs_, n_outputs_expected_ : int
        1, as in scikeras.
    n_features_in_ : int
        Number of features.
    n_epochs_, training_path_
        As in `sktune.keras.KerasClassifier`.

    See Also
    --------
    sktune.keras.KerasClassifier : The same training without scikeras' names.

    Notes
    -----
    Other than in scikeras, the arguments of `model` need not be declared to be
    searched, and models of several outputs, ``target_encoder``,
    ``feature_encoder`` and ``scorer`` of a subclass are refused.

    Examples
    --------
    >>> import keras
    >>> from sklearn.datasets import load_iris
    >>> from sktune.compat.scikeras import KerasClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> def get_model(hidden_layer_sizes, meta):
    ...     layers = [keras.Input(meta["X_shape_"][1:])]
    ...     for units in hidden_layer_sizes:
    ...         layers.append(keras.layers.Dense(units, activation="relu"))
    ...     layers.append(keras.layers.Dense(meta["n_classes_"], activation="softmax"))
    ...     return keras.Sequential(layers)
    >>> clf = KerasClassifier(
    ...     get_model,
    ...     loss="sparse_categorical_crossentropy",
    ...     optimizer="adam",
    ...     optimizer__learning_rate=0.03,
    ...     hidden_layer_sizes=(16,),
    ...     epochs=30,
    ...     verbose=0,
    ...     random_state=0,
    ... )
    >>> clf.fit(X, y).score(X, y) > 0.9
    True
    """

    _parameter_constraints = {
        **Wrapper._parameter_constraints,
        "class_weight": [StrOptions({"balanced"}), dict, None],
    }
    _twin_class = _native.KerasClassifier

    def __init__(
        self,
        model: Any = None,
        *,
        build_fn: Any = None,
        warm_start: bool = False,
        random_state: Any = None,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        metrics: Any = None,
        batch_size: int | None = None,
        validation_batch_size: int | None = None,
        verbose: int = 1,
        callbacks: Any = None,
        validation_split: float = 0.0,
        shuffle: bool = True,
        run_eagerly: bool = False,
        epochs: int = 1,
        class_weight: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            model=model,
            build_fn=build_fn,
            warm_start=warm_start,
            random_state=random_state,
            optimizer=optimizer,
            loss=loss,
            metrics=metrics,
            batch_size=batch_size,
            validation_batch_size=validation_batch_size,
            verbose=verbose,
            callbacks=callbacks,
            validation_split=validation_split,
            shuffle=shuffle,
            run_eagerly=run_eagerly,
            epochs=epochs,
            **kwargs,
        )
        self.class_weight = class_weight

    def partial_fit(
        self,
        X: Any,
        y: Any,
        classes: Any = None,
        sample_weight: Any = None,
        **kwargs: Any,
    ) -> Self:
        """Train one epoch more.

        Parameters
        ----------
        X : array-like, sparse matrix, data frame or sktune.keras.Inputs
            Samples; all of them are visited once.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Target.
        classes : array-like of shape (n_classes,), default=None
            All classes that may come; by default those of the first `y`.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each sample in the loss.
        **kwargs : dict
            Parameters that prevail in this call, such as ``batch_size``.

        Returns
        -------
        self : object
            The fitted estimator.
        """
        twin = self._begin(X, y, kwargs, goes_on=True, classes=classes)
        return self._take(twin.partial_fit(X, y, classes, sample_weight))

    def predict_proba(self, X: Any, **kwargs: Any) -> NDArray[Any]:
        """Predict the probability of each class.

        Parameters
        ----------
        X : array-like, sparse matrix, data frame or sktune.keras.Inputs
            Samples, as for ``fit``.
        **kwargs : dict
            ``batch_size``, ``steps`` or ``verbose``, without effect.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of `classes_`; of several labels, the probability of each.
        """
        probabilities: NDArray[Any] = self._fitted_twin(kwargs).predict_proba(X)
        return probabilities

    def decision_function(self, X: Any) -> NDArray[Any]:
        """Return log-odds for two classes, else log-probabilities.

        Parameters
        ----------
        X : array-like, sparse matrix, data frame or sktune.keras.Inputs
            Samples, as for ``fit``.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
            In the order of `classes_`.
        """
        decisions: NDArray[Any] = self._fitted_twin().decision_function(X)
        return decisions


class KerasRegressor(Wrapper, _native.KerasRegressor):
    """Keras regressor, with the signature of ``scikeras.wrappers.KerasRegressor``.

    For code written for scikeras. The training is that of
    `sktune.keras.KerasRegressor`, which new code should use.

    Parameters
    ----------
    model : callable or keras.Model, default=None
        As in `sktune.compat.scikeras.KerasClassifier`, and so are all others.
    build_fn : callable or keras.Model, default=None
        The old name of `model`.
    warm_start : bool, default=False
        Whether ``fit`` goes on with the weights of the last one.
    random_state : int, RandomState instance or None, default=None
        Seed of the weights, the batches, dropout and the validation rows.
    optimizer : str, type or keras.optimizers.Optimizer, default="rmsprop"
        For a model that is not compiled.
    loss : str, type, keras.losses.Loss or callable, default=None
        None takes that of a compiled model, else the mean squared error.
    metrics : str, type, keras.metrics.Metric, callable, list or dict, default=None
        What ``history_`` records besides the loss.
    batch_size : int, default=None
        Samples in a step; None is 32, -1 all of them.
    validation_batch_size : int, default=None
        Without effect on any result.
    verbose : int, default=1
        Above 0, a line for each epoch is printed.
    callbacks : keras.callbacks.Callback, type, list or dict, default=None
        Instances are copied for each fit, classes made anew.
    validation_split : float, default=0.0
        Share of the samples to validate on after each epoch, drawn at random.
    shuffle : bool, default=True
        Whether each epoch visits the samples in another order.
    run_eagerly : bool, default=False
        Without effect, and ``fit`` says so.
    epochs : int, default=1
        Passes over the samples.
    **kwargs : dict
        Arguments of `model`, by their names or as ``model__*``; and
        ``optimizer__*``, ``loss__*``, ``metrics__*``, ``callbacks__*``,
        ``fit__*``, ``compile__*`` and ``predict__*``, as in scikeras.

    Attributes
    ----------
    model_, history_, current_epoch, initialized_, target_type_, n_features_in_
        As in `sktune.compat.scikeras.KerasClassifier`, and so are the others.
    n_outputs_ : int
        Number of targets.

    See Also
    --------
    sktune.keras.KerasRegressor : The same training without scikeras' names.

    Examples
    --------
    >>> import keras
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.preprocessing import scale
    >>> from sktune.compat.scikeras import KerasRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> X, y = scale(X), scale(y)
    >>> def get_model(meta, units=16):
    ...     return keras.Sequential(
    ...         [
    ...             keras.Input((meta["n_features_in_"],)),
    ...             keras.layers.Dense(units, activation="relu"),
    ...             keras.layers.Dense(meta["n_outputs_"]),
    ...         ]
    ...     )
    >>> reg = KerasRegressor(
    ...     get_model, loss="mse", model__units=8, epochs=20, verbose=0, random_state=0
    ... )
    >>> reg.fit(X, y).score(X, y) > 0.3
    True
    """

    _twin_class = _native.KerasRegressor

    def partial_fit(
        self, X: Any, y: Any, sample_weight: Any = None, **kwargs: Any
    ) -> Self:
        """Train one epoch more.

        Parameters
        ----------
        X : array-like, sparse matrix, data frame or sktune.keras.Inputs
            Samples; all of them are visited once.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Target.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each sample in the loss.
        **kwargs : dict
            Parameters that prevail in this call, such as ``batch_size``.

        Returns
        -------
        self : object
            The fitted estimator.
        """
        twin = self._begin(X, y, kwargs, goes_on=True)
        return self._take(twin.partial_fit(X, y, sample_weight=sample_weight))

"""Code written for scikeras runs with the import changed."""

from __future__ import annotations

import inspect
import pickle
import subprocess
import sys
import warnings
from copy import deepcopy

import numpy as np
import pytest
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import BaggingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import scale
from sklearn.utils.estimator_checks import check_estimator

keras = pytest.importorskip("keras")

import sktune.keras as native  # noqa: E402
from sktune import BayesSearchCV  # noqa: E402
from sktune.compat._scikeras import assemble  # noqa: E402
from sktune.compat.scikeras import KerasClassifier, KerasRegressor  # noqa: E402
from sktune.exceptions import ModelError, SktuneWarning  # noqa: E402

SPARSE = "sparse_categorical_crossentropy"


def dense(n_in, sizes, n_out, activation):
    layers = [keras.Input((n_in,))]
    layers += [keras.layers.Dense(size, activation="relu") for size in sizes]
    return keras.Sequential([*layers, keras.layers.Dense(n_out, activation=activation)])


def build_clf(meta, hidden_layer_sizes=(4,)):
    return dense(
        meta["n_features_in_"], hidden_layer_sizes, meta["n_classes_"], "softmax"
    )


def build_compiled(hidden_layer_sizes, meta, compile_kwargs):
    model = build_clf(meta, hidden_layer_sizes)
    model.compile(loss=SPARSE, optimizer=compile_kwargs["optimizer"])
    return model


def build_reg(meta):
    return dense(meta["n_features_in_"], (4,), meta["n_outputs_"], None)


class MLPClassifier(KerasClassifier):
    """As in scikeras' tutorial."""

    def __init__(self, hidden_layer_sizes=(4,), optimizer="adam", verbose=0, **kwargs):
        super().__init__(**kwargs)
        self.hidden_layer_sizes = hidden_layer_sizes
        self.optimizer = optimizer
        self.verbose = verbose

    def _keras_build_fn(self, compile_kwargs):
        assert self.target_type_ == "multiclass"
        model = dense(
            self.n_features_in_, self.hidden_layer_sizes, self.n_classes_, "softmax"
        )
        model.compile(loss=SPARSE, optimizer=compile_kwargs["optimizer"])
        return model


@pytest.fixture(scope="module")
def iris():
    X, y = load_iris(return_X_y=True)
    return scale(X).astype(np.float32), y


@pytest.fixture(scope="module")
def diabetes():
    X, y = load_diabetes(return_X_y=True)
    return scale(X), scale(y)


def make(model=build_clf, **params):
    return KerasClassifier(
        model, **{"loss": SPARSE, "verbose": 0, "random_state": 0} | params
    )


def native_of(clf, X, y):
    """The estimator of sktune.keras that trains."""
    return clf._begin(X, y, {}, goes_on=False)


# -- The signature -----------------------------------------------------------------


@pytest.mark.parametrize("name", ["KerasClassifier", "KerasRegressor"])
def test_signature_is_that_of_scikeras(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wrappers = pytest.importorskip("scikeras.wrappers")
    ours, theirs = (
        [
            (p.name, p.default, p.kind)
            for p in inspect.signature(cls).parameters.values()
        ]
        for cls in (globals()[name], getattr(wrappers, name))
    )
    assert ours == theirs


def test_scikeras_is_not_needed():
    code = "import sys, sktune.compat.scikeras; print('scikeras' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, text=True
    )
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(
    ("ours", "cls"),
    [
        (KerasClassifier, native.KerasClassifier),
        (KerasRegressor, native.KerasRegressor),
    ],
)
def test_nothing_of_the_main_class_shines_through(ours, cls):
    # What is inherited and reads the weights would find none: they are the twin's.
    assert issubclass(ours, cls)
    own = {n for c in ours.__mro__[: ours.__mro__.index(cls)] for n in vars(c)}
    public = {n for n in dir(cls) if not n.startswith("_")}
    from_sklearn = {
        n for c in cls.__mro__ if c.__module__[:7] == "sklearn" for n in dir(c)
    }
    harmless = {"fixed_parameters", "routed", "training_resource"}
    assert public - own - from_sklearn <= harmless


def test_kinds():
    assert is_classifier(make())
    assert is_regressor(KerasRegressor(build_reg))
    assert isinstance(make(), native.KerasClassifier)


PER_BATCH = (
    "batches are drawn by rows: a row of weight 2 is not a row that is there twice"
)
EXPECTED_FAILURES = {
    "check_sample_weight_equivalence_on_dense_data": PER_BATCH,
    "check_sample_weight_equivalence_on_sparse_data": PER_BATCH,
}
QUICK = {
    "verbose": 0,
    "optimizer": "adam",
    "optimizer__learning_rate": 0.03,
    "epochs": 20,
    "random_state": 0,
    "compile__jit_compile": False,
}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the checks feed warnings on purpose
@pytest.mark.parametrize(
    "estimator",
    [KerasClassifier(build_clf, **QUICK), KerasRegressor(build_reg, **QUICK)],
)
def test_sklearn_contract(estimator):
    expected = {
        **EXPECTED_FAILURES,
        "check_no_attributes_set_in_init": "what **kwargs bring is stored, too",
    }
    check_estimator(estimator, expected_failed_checks=expected)


# -- Builders ----------------------------------------------------------------------


def test_meta_is_what_scikeras_tells(iris):
    told = {}

    def build(meta):
        told.update(meta)
        return build_clf(meta)

    X, y = iris
    labels = np.array(["a", "b", "c"])[y]
    clf = make(build).fit(X, labels)
    assert told["classes_"].tolist() == clf.classes_.tolist() == ["a", "b", "c"]
    told.pop("classes_")
    assert told == {
        "target_type_": "multiclass",
        "n_classes_": 3,
        "n_outputs_": 1,
        "n_outputs_expected_": 1,
        "n_features_in_": 4,
        "X_shape_": (150, 4),
        "X_dtype_": np.dtype("float32"),
        "y_dtype_": labels.dtype,
        "y_ndim_": 1,
    }
    assert all(getattr(clf, name) == value for name, value in told.items())


def test_meta_of_a_regressor(diabetes):
    X, y = diabetes
    reg = KerasRegressor(build_reg, verbose=0).fit(X, np.column_stack([y, -y]))
    assert reg.n_outputs_ == 2
    assert reg.target_type_ == "continuous-multioutput"
    assert not hasattr(reg, "n_classes_")
    assert reg.predict(X).shape == (len(X), 2)


def test_a_builder_that_compiles(iris):
    clf = make(
        build_compiled,
        loss=None,
        hidden_layer_sizes=(4,),
        optimizer="sgd",
        optimizer__learning_rate=0.05,
    ).fit(*iris)
    assert clf.history_["learning_rate"] == pytest.approx([0.05])
    assert isinstance(clf.model_.optimizer, keras.optimizers.SGD)
    assert float(clf.model_.optimizer.learning_rate) == pytest.approx(0.05)


def test_a_builder_that_takes_anything(iris):
    seen = {}

    def build(**kwargs):
        seen.update(kwargs)
        return build_clf(kwargs["meta"])

    make(build, colour="red", model__shape="round").fit(*iris)
    assert seen.keys() == {"meta", "compile_kwargs", "params", "colour", "shape"}
    assert seen["params"]["colour"] == "red"
    assert seen["compile_kwargs"].keys() == {
        "optimizer",
        "loss",
        "metrics",
        "run_eagerly",
    }


def test_arguments_of_the_builder_with_and_without_prefix(iris):
    plain = make(hidden_layer_sizes=(6,)).fit(*iris)
    prefixed = make(model__hidden_layer_sizes=(6,)).fit(*iris)
    undeclared = make().set_params(hidden_layer_sizes=(6,)).fit(*iris)
    for clf in (plain, prefixed, undeclared):
        assert clf.model_.layers[0].units == 6
        assert clone(clf).get_params() == clf.get_params()
    assert "model__hidden_layer_sizes" not in plain.get_params()
    assert make().get_params()["model__hidden_layer_sizes"] == (4,)


def test_build_fn_is_the_old_name(iris):
    assert make(None, build_fn=build_clf).fit(*iris).predict(iris[0]).shape == (150,)


def test_a_template_keeps_its_weights(iris):
    X, y = iris
    trained = make(epochs=3).fit(X, y)
    loaded = make(trained.model_).initialize(X, y)
    assert loaded.current_epoch == 0
    np.testing.assert_array_equal(loaded.predict_proba(X), trained.predict_proba(X))
    before = [w.copy() for w in trained.model_.get_weights()]
    make(trained.model_).fit(X, y)
    for old, new in zip(before, trained.model_.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_subclass_that_builds(iris):
    X, y = iris
    clf = MLPClassifier(epochs=20, random_state=0, optimizer__learning_rate=0.03)
    assert clf.fit(X, y).score(X, y) > 0.8
    assert clone(clf).get_params() == clf.get_params()
    assert pickle.loads(pickle.dumps(clf)).score(X, y) == clf.score(X, y)
    assert clf.set_params(hidden_layer_sizes=(5,)).fit(X, y).model_.layers[0].units == 5
    assert BaggingClassifier(clf, n_estimators=2).fit(X, y).predict(X).shape == (150,)


# -- What is routed ----------------------------------------------------------------


def test_arguments_of_fit(iris):
    clf = make(
        batch_size=10,
        fit__batch_size=16,
        fit__epochs=3,
        fit__validation_split=0.2,
        predict__batch_size=1000,
        metrics="accuracy",
    ).fit(*iris)
    twin = native_of(clf, *iris)
    assert (twin.batch_size, twin.epochs, twin.validation_fraction) == (16, 3, 0.2)
    assert clf.current_epoch == len(clf.history_["val_accuracy"]) == 3
    assert clf.fit(*iris, epochs=1, verbose=0).current_epoch == 1


@pytest.mark.parametrize(("given", "meant"), [(None, 32), (-1, 150), (7, 7)])
def test_batch_size(iris, given, meant):
    assert native_of(make(batch_size=given), *iris).batch_size == meant


def test_losses_and_metrics(iris):
    clf = make(
        loss=keras.losses.SparseCategoricalCrossentropy,
        loss__ignore_class=7,
        metrics=[keras.metrics.SparseTopKCategoricalAccuracy, SPARSE, "acc"],
        metrics__0__k=2,
        metrics__0__name="top_2",
    )
    twin = native_of(clf, *iris)
    assert twin.loss.get_config()["ignore_class"] == 7
    assert twin.metrics[0].get_config()["k"] == 2
    assert {"top_2", SPARSE, "acc"} < clf.fit(*iris).history_.keys()


def test_history_has_one_name_a_metric(diabetes):
    reg = KerasRegressor(build_reg, metrics=["mae"], verbose=0).fit(*diabetes)
    assert "mean_absolute_error" in reg.history_


def test_callbacks_by_key_and_fresh(iris):
    clf = make(
        callbacks={"stop": keras.callbacks.EarlyStopping},
        callbacks__stop__monitor="loss",
        callbacks__stop__min_delta=10.0,
        callbacks__stop__patience=2,
        epochs=9,
    ).fit(*iris)
    assert clf.current_epoch == 3
    assert clf.fit(*iris).current_epoch == 3
    assert clf.fit(*iris, callbacks=[]).current_epoch == 9


@pytest.mark.parametrize(
    ("item", "params", "expected"),
    [
        (dict, {"a": 1}, {"a": 1}),
        ([dict, dict], {"a": 1, "1__a": 2}, [{"a": 1}, {"a": 2}]),
        ({"x": dict}, {"x__a": 1}, {"x": {"a": 1}}),
        (complex, {"0": 1.0, "1": 2.0}, 1 + 2j),
        (dict, {"a": dict, "a__b": 1}, {"a": {"b": 1}}),
        (None, {}, None),
    ],
)
def test_classes_become_objects(item, params, expected):
    assert assemble(item, params) == expected


@pytest.mark.parametrize(
    ("item", "params", "match"),
    [
        (3, {"a": 1}, "3 is no class and takes no arguments"),
        (complex, {"a": 1}, "complex refuses"),
    ],
)
def test_wrong_arguments_of_classes(item, params, match):
    with pytest.raises(ModelError, match=match):
        assemble(item, params)


# -- Training and prediction -------------------------------------------------------


def test_same_as_the_main_class(iris):
    X, y = iris
    theirs = make(optimizer="adam", hidden_layer_sizes=(4,), epochs=4).fit(X, y)

    def build(meta):
        return dense(meta.input_shape[0], (4,), meta.n_classes, "softmax")

    ours = native.KerasClassifier(build, epochs=4, random_state=0).fit(X, y)
    np.testing.assert_array_equal(theirs.predict_proba(X), ours.predict_proba(X))
    np.testing.assert_array_equal(
        theirs.decision_function(X), ours.decision_function(X)
    )
    assert theirs.training_path_ == ours.training_path_ == "compiled"


def test_partial_fit_is_one_epoch(iris):
    X, y = iris
    clf = make().partial_fit(X[:60], y[:60], [0, 1, 2]).partial_fit(X, y, batch_size=50)
    assert clf.current_epoch == 2
    assert clf.n_classes_ == 3


def test_warm_start_keeps_weights_and_begins_the_history_anew(iris):
    X, y = iris
    whole = make(epochs=4).fit(X, y)
    clf = make(epochs=2, warm_start=True).fit(X, y).fit(X, y)
    np.testing.assert_array_equal(whole.predict_proba(X), clf.predict_proba(X))
    assert clf.history_["loss"] == whole.history_["loss"][2:]
    assert clf.partial_fit(X, y).current_epoch == 3
    assert clf.n_epochs_ == 5


def test_training_goes_on_elsewhere(iris):
    X, y = iris
    whole = make(epochs=4).fit(X, y)
    state = make(epochs=4).train_more(X, y, 2).get_training_state()
    clf = make(epochs=4).set_training_state(state)
    assert clf.X_shape_ == (None, 4)
    clf.train_more(X, y, 2)
    np.testing.assert_array_equal(whole.predict_proba(X), clf.predict_proba(X))


def test_from_keras(iris, tmp_path):
    X, y = iris
    clf = make().fit(X, y)
    clf.model_.save(tmp_path / "model.keras")
    again = KerasClassifier.from_keras(tmp_path / "model.keras")
    np.testing.assert_allclose(again.predict_proba(X), clf.predict_proba(X), rtol=1e-6)


def test_copies(iris):
    X, y = iris
    clf = make(hidden_layer_sizes=(3,)).fit(X, y)
    for copy in (pickle.loads(pickle.dumps(clf)), deepcopy(clf)):
        np.testing.assert_array_equal(copy.predict_proba(X), clf.predict_proba(X))
        assert copy.partial_fit(X, y).current_epoch == 2
    assert clf.current_epoch == 1


def test_searches(iris):
    clf = make(epochs=3, hidden_layer_sizes=(4,))
    params = {"optimizer__learning_rate": [0.01, 0.1], "hidden_layer_sizes": [(4,)]}
    grid = GridSearchCV(clf, params, cv=2).fit(*iris)
    assert np.isfinite(grid.cv_results_["mean_test_score"]).all()
    space = {"kerasclassifier__optimizer__learning_rate": (0.001, 0.1, "log-uniform")}
    search = BayesSearchCV(
        make_pipeline(make(epochs=3)), space, n_iter=3, cv=2, random_state=0
    ).fit(*iris)
    assert search.best_estimator_[-1].current_epoch == 3


# -- What is refused ---------------------------------------------------------------


def test_misspelt_names():
    with pytest.raises(ModelError, match="did you mean optimizer__learning_rate"):
        make().set_params(optimizer__lerning_rate=0.1)
    with pytest.raises(ModelError, match="did you mean model__hidden_layer_sizes"):
        make().set_params(model__hidden_layer_size=(3,))
    with pytest.raises(ModelError, match="did you mean hidden_layer_sizes"):
        make().set_params(hidden_layer_size=(3,))
    with pytest.raises(ModelError, match="did you mean fit__epochs"):
        make().set_params(fit__epoch=3)


def test_an_argument_that_the_builder_lacks(iris):
    with pytest.raises(ModelError, match=r"model=build_clf\) has no parameter"):
        make(hidden_layer_size=(3,)).fit(*iris)
    with pytest.raises(ModelError, match="needs a value for model__hidden_layer_sizes"):
        make(build_compiled).fit(*iris)


def test_what_has_no_counterpart_is_refused_at_once(iris):
    clf = make(fit__initial_epoch=3, compile__loss_weights=[1])
    with pytest.raises(ModelError) as error:
        clf.fit(*iris, validation_data=iris)
    for name in ("fit__initial_epoch", "compile__loss_weights", "fit__validation_data"):
        assert name in str(error.value)
    with pytest.raises(ModelError, match="callbacks of predict"):
        make().fit(*iris).predict(iris[0], callbacks=[])
    with pytest.raises(ModelError, match="2 losses"):
        make(loss=[SPARSE, SPARSE]).fit(*iris)


def test_encoders_of_a_subclass_are_refused(iris):
    class Encoding(KerasClassifier):
        @property
        def target_encoder(self):
            raise AssertionError

    with pytest.raises(ModelError, match="target_encoder of the subclass"):
        Encoding(build_clf).fit(*iris)


def test_no_model(iris):
    with pytest.raises(ModelError, match="needs model="):
        KerasClassifier().fit(*iris)


def test_not_fitted(iris):
    clf = make()
    assert not clf.initialized_
    assert clf.current_epoch == 0
    for method in (clf.predict, clf.predict_proba, clf.decision_function):
        with pytest.raises(NotFittedError):
            method(iris[0])
    with pytest.raises(NotFittedError):
        clf.get_training_state()


def test_run_eagerly_warns(iris):
    with pytest.warns(SktuneWarning, match="without effect in sktune: run_eagerly"):
        make(run_eagerly=True).fit(*iris)


def test_wrong_values(iris):
    with pytest.raises(ValueError, match="'validation_split' parameter"):
        make(validation_split=2.0).fit(*iris)
    with pytest.raises(ValueError, match="'batch_size' parameter"):
        make(batch_size=0).fit(*iris)

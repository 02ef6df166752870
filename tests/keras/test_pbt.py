"""Populations of Keras models, their schedules, and weights of other layers."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

pytest.importorskip("keras")

import keras

from sktune import PBTSearchCV, ScheduledEstimator
from sktune.exceptions import ModelError, SearchError, SktuneWarning
from sktune.keras import KerasClassifier, ScheduleCallback
from sktune.keras._engine import Variables
from sktune.keras._inherit import inherited

X, y = load_digits(return_X_y=True)
X, y = X[:300] / 16.0, y[:300]
EVERYTHING = np.arange(len(X))

P = "kerasclassifier__"
SPACE = {
    P + "learning_rate": (1e-4, 1e0, "log-uniform"),
    P + "batch_size": [32, 64],
    P + "model__dropout": (0.1, 0.5),
    P + "model__units": [8, 16],
}


def weights(model):
    return model[-1].model_.get_weights()


RATES = (1e-4, 2e-4, 3e-4)


def bolder(params, rng):
    """Copies learn faster."""
    rate = params[P + "learning_rate"] * 10
    return {P + "learning_rate": min(rate, 0.1), P + "model__units": 16}


def boldness(model, X, y):
    """Copies win."""
    return float(model[-1].learning_rate)


@pytest.mark.parametrize("mutate", [False, True])
def test_the_replayed_schedule_ends_with_the_weights_of_the_lineage(mutate):
    options = {
        "population_size": 3,
        "n_generations": 3,
        "max_resource": 6,
        "cv": [(EVERYTHING, EVERYTHING)],
        "exploit": "tournament",
        "explore": bolder,
        "scoring": boldness,
        "random_state": 4,
        "mutate_architecture": mutate,
        "error_score": "raise",
        "initial_params": [
            {P + "learning_rate": rate, P + "model__units": 8} for rate in RATES
        ],
    }
    net = make_pipeline(StandardScaler(), KerasClassifier(random_state=0))
    member = PBTSearchCV(net, SPACE, refit="best_member", **options).fit(X, y)
    found = PBTSearchCV(net, SPACE, **options).fit(X, y)
    assert found.fixed_parameters_ == ([] if mutate else [P + "model__units"])
    assert "perturbed" in {s["origin"] for s in found.lineage_}
    sizes = {s["params"][P + "model__units"] for s in found.lineage_}
    assert sizes == ({8, 16} if mutate else {8})
    (of_member,) = member.best_estimator_.estimators
    again = ScheduledEstimator(net, found.save_schedule()).fit(X, y)
    for model in (found.best_estimator_, again.estimator_):
        for one, two in zip(weights(of_member), weights(model), strict=True):
            np.testing.assert_array_equal(one, two)
    assert boldness(found.best_estimator_, X, y) == found.best_score_


def test_fixed_parameters():
    model = KerasClassifier()
    names = ["model__units", "model__dropout", "learning_rate", "optimizer", "epochs"]
    assert model.fixed_parameters(names) == ["model__units", "optimizer", "epochs"]
    assert model.fixed_parameters(names, inherits=True) == ["optimizer", "epochs"]


@pytest.mark.parametrize(("small", "large"), [((2, 8), (2, 16)), ((1, 8), (3, 8))])
def test_a_model_of_other_layers_inherits_what_fits(small, large):
    def make(layers, units):
        return KerasClassifier(
            model__layers=layers,
            model__units=units,
            learning_rate=0.02,
            random_state=0,
            epochs=9,
        )

    one = make(*small).train_more(X, y, 6)
    two = make(*large).inherit_training_state(one.get_training_state())
    before, after = one.model_.get_weights(), two.model_.get_weights()
    rows, columns = before[0].shape
    np.testing.assert_array_equal(after[0][:rows, :columns], before[0])
    # the last layer's stay the last layer's
    np.testing.assert_array_equal(after[-2][: before[-2].shape[0]], before[-2])
    np.testing.assert_array_equal(after[-1], before[-1])
    assert two.n_epochs_ == 6
    two.train_more(X, y, 3)
    assert two.n_epochs_ == 9
    assert two.score(X, y) > 0.5
    back = make(*small).inherit_training_state(two.get_training_state())
    assert [w.shape for w in back.model_.get_weights()] == [w.shape for w in before]


def test_equal_layers_inherit_everything():
    old = Variables([np.ones((2, 3)), np.ones(3)], [], [], [np.ones(1)])
    fresh = Variables([np.zeros((2, 3)), np.zeros(3)])
    same = inherited(old, fresh)
    assert all(np.all(a == 1) for a in same.trainable)
    assert len(same.optimizer) == 1
    assert inherited(old, Variables([np.zeros((2, 4)), np.zeros(4)])).optimizer == []


def test_other_layers_are_refused_without_leave():
    units = P + "model__units"
    schedule = [
        {"start": 0, "end": 1, "params": {P + "optimizer": "sgd", units: 8}},
        {"start": 1, "end": 2, "params": {P + "optimizer": "adam", units: 8}},
    ]
    net = make_pipeline(StandardScaler(), KerasClassifier())
    with pytest.raises(SearchError, match="kerasclassifier__optimizer"):
        ScheduledEstimator(net, schedule).fit(X, y)


# -- The callback ------------------------------------------------------------------


SCHEDULE = [
    {
        "start": 0,
        "end": 2,
        "params": {P + "learning_rate": 0.5, P + "model__dropout": 0.5},
    },
    {
        "start": 2,
        "end": 3,
        "params": {P + "learning_rate": 0.25, P + "model__dropout": 0.0},
    },
]


def test_a_schedule_is_a_keras_callback():
    layer = keras.layers.Dropout(0.1)
    model = keras.Sequential([layer, keras.layers.Dense(10)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss)
    seen = []

    def note(epoch, logs):
        seen.append((float(model.optimizer.learning_rate), layer.rate))

    callbacks = [
        ScheduleCallback(SCHEDULE),
        keras.callbacks.LambdaCallback(on_epoch_end=note),
    ]
    model.fit(X, y, epochs=4, callbacks=callbacks, verbose=0)
    assert seen == [(0.5, 0.5), (0.5, 0.5), (0.25, 0.0), (0.25, 0.0)]


def test_dropout_and_weight_decay_change_for_real():
    def fit(schedule):
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.layers.Dropout(0.9), keras.layers.Dense(10)])
        model.compile(
            keras.optimizers.AdamW(0.01, weight_decay=0.0),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )
        callback = ScheduleCallback(schedule)
        return model.fit(X, y, epochs=3, callbacks=[callback], verbose=0)

    def segments(later):
        first = {"weight_decay": 0.0, "dropout": 0.9}
        return [
            {"start": 0, "end": 1, "params": first},
            {"start": 1, "end": 3, "params": first | later},
        ]

    plain = fit(segments({})).history["loss"]
    dry = fit(segments({"dropout": 0.0})).history["loss"]
    decayed = fit(segments({"weight_decay": 30.0})).history["loss"]
    assert plain[0] == dry[0] == decayed[0]
    assert dry[1] < plain[1]
    assert decayed[2] != plain[2]


def test_a_callback_refuses_what_it_cannot_change():
    schedule = [
        {"start": 0, "end": 1, "params": {"batch_size": 32}},
        {"start": 1, "end": 2, "params": {"batch_size": 64}},
    ]
    with pytest.raises(ModelError, match=r"\['batch_size'\].*ScheduledEstimator"):
        ScheduleCallback(schedule)
    ScheduleCallback(schedule[:1])


@pytest.mark.slow
def test_lost_checkpoints_are_trained_again_along_their_lineage(tmp_path):
    def search(storage=None):
        return PBTSearchCV(
            make_pipeline(StandardScaler(), KerasClassifier(random_state=0)),
            SPACE,
            mutate_architecture=True,
            population_size=3,
            n_generations=3,
            max_resource=6,
            cv=2,
            random_state=0,
            storage=storage,
        )

    def stop(step):
        if step.suggestion.trial == 6:
            raise KeyboardInterrupt
        return False

    stopped = search(tmp_path / "search.db")
    stopped._on_step = stop
    with pytest.raises(KeyboardInterrupt):
        stopped.fit(X, y)
    for path in (tmp_path / "search.db.checkpoints").iterdir():
        path.unlink()
    with pytest.warns(SktuneWarning, match="cannot be used"):
        resumed = search(tmp_path / "search.db").fit(X, y)
    assert resumed.checkpoint_use_.n_units_again > 0
    plain = search().fit(X, y)
    assert resumed.best_schedule_ == plain.best_schedule_
    np.testing.assert_array_equal(resumed.predict_proba(X), plain.predict_proba(X))
    for name in ("mean_test_score", "n_resources"):
        np.testing.assert_array_equal(
            resumed.cv_results_[name], plain.cv_results_[name]
        )

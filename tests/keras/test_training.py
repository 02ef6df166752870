"""Training of the Keras estimators: segments, stopping, schedules, callbacks."""

from __future__ import annotations

import functools
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from keras import layers  # noqa: E402
from sklearn.base import clone  # noqa: E402

from sktune._protocol import Resumable  # noqa: E402
from sktune.exceptions import CheckpointError, ModelError  # noqa: E402
from sktune.keras import KerasClassifier, build_mlp  # noqa: E402
from sktune.keras._models import READY_MADE  # noqa: E402
from sktune.keras._state import unpack  # noqa: E402

PATHS = ["compiled", "fit"]
WIDTH = 8  # of a layer


def weights_of(estimator):
    return estimator.model_.get_weights()


def assert_equal(own, other):
    assert len(own) == len(other)
    for a, b in zip(own, other, strict=True):
        np.testing.assert_array_equal(a, b)


def distance(own, other):
    return max(np.abs(a - b).max() for a, b in zip(own, other, strict=True))


# -- Segments --------------------------------------------------------------------

NOISY = {
    "plain": {},
    "dropout": {"model__dropout": 0.4},
    "batch normalization": {"model__normalization": "batch", "model__dropout": 0.2},
    "early stopping": {"early_stopping": True, "patience": 1, "learning_rate": 1.0},
    "schedule": {"schedule": "warmup", "validation_fraction": 0.2},
}


@pytest.mark.core
def test_an_estimator_is_resumable(classifier):
    assert isinstance(classifier(), Resumable)


@pytest.mark.core
@pytest.mark.parametrize("name", NOISY)
def test_training_in_segments_is_training_at_once(name, classifier, flowers):
    params = {"epochs": 6, **NOISY[name]}
    whole = classifier(**params).fit(*flowers)
    parts = classifier(**params)
    for amount in (1, 3, 2):
        state = parts.train_more(*flowers, amount=amount).get_training_state()
        parts = classifier(**params).set_training_state(state)  # of another one
    assert parts.history_ == whole.history_
    assert_equal(weights_of(parts), weights_of(whole))
    assert parts.get_training_state() == whole.get_training_state()


class Counted(layers.Dropout):
    """Notes the rates that it was made with."""

    made: ClassVar[list[float]] = []

    def __init__(self, rate, **options):
        super().__init__(rate, **options)
        self.made.append(rate)


def counted(meta, *, dropout=0.2):
    return keras.Sequential(
        [
            keras.Input(meta.input_shape),
            layers.Dense(WIDTH, activation="relu"),
            Counted(dropout),
            layers.Dense(meta.n_outputs, activation=meta.output_activation),
        ]
    )


@pytest.mark.parametrize("path", PATHS)
def test_a_training_that_goes_on_builds_no_more_than_it_must(path, classifier, flowers):
    params = {"model": counted, "training": path, "epochs": 9}
    state = classifier(**params).train_more(*flowers, amount=1).get_training_state()
    Counted.made.clear()
    for rate in (0.1, 0.2, 0.2, 0.1):
        parts = classifier(**params, model__dropout=rate).set_training_state(state)
        state = parts.train_more(*flowers, amount=1).get_training_state()
    # What model.fit trains is a model of its own each time.
    expected = [0.1, 0.2] if path == "compiled" else [0.1, 0.2, 0.2, 0.1]
    assert Counted.made == expected
    assert parts.n_epochs_ == 5


@pytest.mark.parametrize(
    ("path", "change", "is_built"),
    [
        ("compiled", {"learning_rate": 0.01}, False),
        ("compiled", {"weight_decay": 0.5}, False),
        ("compiled", {"clipnorm": 0.001}, False),
        ("compiled", {"model__dropout": 0.7}, False),
        ("compiled", {"learning_rate": None}, True),
        ("compiled", {"weight_decay": None}, True),
        ("compiled", {"clipnorm": None}, True),
        ("compiled", {"model__dropout": 0.0}, True),
        ("compiled", {"model__dropout": [0.3, 0.0]}, True),
        ("fit", {"weight_decay": 0.5}, True),
        ("fit", {"model__dropout": 0.7}, True),
    ],
    ids=str,
)
def test_a_model_whose_settings_change_is_not_built_anew(
    path, change, is_built, classifier, flowers, monkeypatch
):
    built = []

    @functools.wraps(build_mlp)
    def counting(*args, **options):
        built.append(options)
        return build_mlp(*args, **options)

    usual = {"weight_decay": 0.01, "clipnorm": 1.0, "model__dropout": 0.2}
    usual |= {"training": path, "random_state": 11}  # no other test's

    def states(state):
        """Of one that begins, one that goes on, and one that changes as it does."""
        begun, going = (classifier(**usual | change) for _ in range(2))
        going.set_training_state(state)
        changed = classifier(**usual).set_training_state(state).set_params(**change)
        parts = [e.train_more(*flowers, amount=2) for e in (begun, going, changed)]
        return [part.get_training_state() for part in parts]

    monkeypatch.setitem(READY_MADE, "mlp", counting)
    first = classifier(**usual).train_more(*flowers, amount=1)
    state = first.get_training_state()
    built.clear()
    found = states(state)
    assert bool(built) == is_built
    assert found[1] == found[2] != found[0]
    with ThreadPoolExecutor(1) as pool:  # a thread has models of its own
        assert pool.submit(states, state).result() == found
    assert built


def test_folds_share_the_fresh_model_of_a_candidate(classifier, flowers, monkeypatch):
    X, y = flowers
    model = classifier(model=counted, epochs=1, random_state=7)  # no other test's
    Counted.made.clear()
    folds = [model.fit(X[i:], y[i:]).get_training_state() for i in (0, 0, 3)]
    assert Counted.made == [0.2]
    assert folds[0] == folds[1] != folds[2]
    other = clone(model).set_params(random_state=8).fit(X, y)
    assert Counted.made == [0.2, 0.2]
    assert distance(weights_of(other), weights_of(model)) > 0.01
    # What the function reads from outside counts, too.
    monkeypatch.setitem(globals(), "WIDTH", 5)
    assert weights_of(model.fit(X, y))[0].shape == (4, 5)


def test_fit_after_a_restored_training_begins_anew(classifier, flowers):
    params = {"model": counted, "epochs": 1}
    whole = classifier(**params).fit(*flowers)
    again = classifier(**params).set_training_state(whole.get_training_state())
    assert_equal(weights_of(again.fit(*flowers)), weights_of(whole))


def test_an_object_that_may_have_changed_is_read_again(classifier, flowers):
    optimizer = keras.optimizers.SGD(0.5)
    moving = classifier(optimizer=optimizer, learning_rate=None)
    moving.partial_fit(*flowers)
    optimizer.learning_rate = 0.25
    moving.partial_fit(*flowers)
    assert moving.history_["learning_rate"] == [0.5, 0.25]


def test_threads_can_use_estimators_that_share_what_was_compiled(classifier, flowers):
    X, _ = flowers
    fitted = [classifier(random_state=i).fit(*flowers) for i in range(3)]
    alone = [f.predict_proba(X) for f in fitted]
    with ThreadPoolExecutor(4) as pool:
        together = pool.map(lambda i: fitted[i % 3].predict_proba(X), range(60))
        for i, probabilities in enumerate(together):
            np.testing.assert_array_equal(probabilities, alone[i % 3])


@pytest.mark.parametrize(
    "name", ["dropout", pytest.param("batch normalization", marks=pytest.mark.slow)]
)
def test_segments_of_model_fit(name, classifier, flowers):
    params = {"epochs": 3, "training": "fit", **NOISY[name]}
    whole = classifier(**params).fit(*flowers)
    parts = classifier(**params).train_more(*flowers, amount=1)
    state = parts.get_training_state()
    parts = classifier(**params).set_training_state(state)
    parts.train_more(*flowers, amount=2)
    assert_equal(weights_of(parts), weights_of(whole))


@pytest.mark.slow
def test_training_goes_on_in_another_process(classifier, flowers, tmp_path):
    params = {"epochs": 4, "model__dropout": 0.3, "validation_fraction": 0.2}
    X, y = flowers
    whole = classifier(**params).fit(X, y)
    state = classifier(**params).train_more(X, y, amount=2).get_training_state()
    (tmp_path / "state").write_bytes(state)
    np.savez(tmp_path / "data.npz", X=X, y=y)
    parameters = whole.get_params(deep=False)
    script = f"""
        import sys, numpy as np
        from pathlib import Path
        from sktune.keras import KerasClassifier
        folder = Path(sys.argv[1])
        data = np.load(folder / "data.npz")
        estimator = KerasClassifier(**{parameters!r})
        estimator.set_training_state((folder / "state").read_bytes())
        estimator.train_more(data["X"], data["y"], amount=2)
        (folder / "state").write_bytes(estimator.get_training_state())
    """
    subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(tmp_path)], check=True
    )
    assert (tmp_path / "state").read_bytes() == whole.get_training_state()


def test_a_state_tells_the_progress_and_predicts(classifier, flowers):
    X, y = flowers
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    trained = classifier().fit(X, names)
    restored = classifier().set_training_state(trained.get_training_state())
    assert restored.history_ == trained.history_
    assert restored.n_epochs_ == 3
    assert restored.n_features_in_ == 4
    assert restored.classes_.tolist() == trained.classes_.tolist()
    np.testing.assert_array_equal(restored.predict(X), trained.predict(X))


def test_a_state_of_something_else_is_refused(classifier, regressor, flowers):
    state = classifier(epochs=1).fit(*flowers).get_training_state()
    with pytest.raises(CheckpointError, match="KerasClassifier, not of KerasRegr"):
        regressor().set_training_state(state)
    with pytest.raises(CheckpointError):
        classifier().set_training_state(state[:-1])
    with pytest.raises(ModelError, match="cannot go on with other layers"):
        classifier(model__units=9).set_training_state(state)


def optimizer_steps(estimator):
    _, arrays = unpack(estimator.get_training_state())
    return int(arrays["last/optimizer/0"])


@pytest.mark.core
@pytest.mark.parametrize(
    "change",
    [
        {"weight_decay": 0.1},
        {"clipnorm": 0.5},
        {"batch_size": 10},
        {"model__dropout": 0.5},
        {"model__dropout": 0.0},
    ],
    ids=str,
)
def test_what_may_change_between_segments_keeps_the_weights(
    change, classifier, flowers
):
    estimator = classifier(model__dropout=0.2).train_more(*flowers, amount=2)
    before, steps = weights_of(estimator), optimizer_steps(estimator)
    assert steps == 2 * 4
    # So small a learning rate that any weight that is not kept shows.
    estimator.set_params(learning_rate=1e-9, **change)
    estimator.train_more(*flowers, amount=1)
    assert 0 < distance(weights_of(estimator), before) < 1e-6
    size = change.get("batch_size", 16)
    assert optimizer_steps(estimator) == steps + -(-60 // size)
    assert estimator.history_["learning_rate"][1:] == [0.05, pytest.approx(1e-9)]


@pytest.mark.core
@pytest.mark.parametrize(
    "change",
    [
        {"learning_rate": 0.01},
        {"weight_decay": 0.5},
        {"clipnorm": 0.001},
        {"model__dropout": 0.7},
    ],
    ids=str,
)
def test_what_is_an_input_of_compiled_epochs_has_an_effect(change, classifier, flowers):
    params = {"epochs": 1, "weight_decay": 0.01, "model__dropout": 0.2}
    usual = classifier(**params).fit(*flowers)
    other = classifier(**{**params, **change}).fit(*flowers)
    again = classifier(**params).fit(*flowers)
    assert distance(weights_of(other), weights_of(usual)) > 1e-4
    assert_equal(weights_of(again), weights_of(usual))


def test_other_layers_cannot_go_on(classifier, flowers):
    estimator = classifier().train_more(*flowers, amount=1)
    estimator.set_params(model__units=9)
    with pytest.raises(ModelError, match="cannot go on with other layers"):
        estimator.train_more(*flowers, amount=1)


def test_fit_begins_anew(classifier, flowers):
    estimator = classifier().fit(*flowers)
    first = weights_of(estimator)
    assert_equal(weights_of(estimator.fit(*flowers)), first)
    assert len(estimator.history_["loss"]) == 3


def test_warm_start_goes_on(classifier, flowers):
    estimator = classifier(warm_start=True).fit(*flowers)
    estimator.fit(*flowers)
    assert estimator.n_epochs_ == len(estimator.history_["loss"]) == 6
    whole = classifier(epochs=6).fit(*flowers)
    assert_equal(weights_of(estimator), weights_of(whole))


def test_partial_fit_is_one_epoch(classifier, flowers):
    X, y = flowers
    estimator = classifier()
    for epoch in range(3):
        estimator.partial_fit(X, y, classes=[0, 1, 2])
        assert estimator.n_epochs_ == epoch + 1
    assert_equal(weights_of(estimator), weights_of(classifier().fit(X, y)))


def test_partial_fit_knows_classes_that_come_later(classifier, flowers):
    X, y = flowers
    two = y != 2
    estimator = classifier().partial_fit(X[two], y[two], classes=[0, 1, 2])
    assert estimator.predict_proba(X).shape == (60, 3)
    estimator.partial_fit(X, y)
    with pytest.raises(ValueError, match="7"):
        estimator.partial_fit(X, np.where(y == 2, 7, y))


# -- Validation and early stopping ---------------------------------------------


@pytest.mark.core
@pytest.mark.parametrize("path", PATHS)
def test_early_stopping_ends_and_takes_the_best_weights(path, classifier, flowers):
    params = {"learning_rate": 1.0, "training": path, "validation_fraction": 0.3}
    stopped = classifier(early_stopping=True, patience=2, epochs=30, **params)
    stopped.fit(*flowers)
    watched = stopped.history_["val_loss"]
    assert stopped.n_epochs_ == len(watched) < 30
    best = int(np.argmin(watched))
    assert best == stopped.n_epochs_ - 1 - 2
    upto = classifier(epochs=best + 1, **params).fit(*flowers)
    assert_equal(weights_of(stopped), weights_of(upto))


def test_min_delta_is_how_much_better_counts(classifier, flowers):
    estimator = classifier(
        epochs=8, early_stopping=True, patience=1, min_delta=100.0
    ).fit(*flowers)
    assert estimator.n_epochs_ == 2  # the first is better than none


def test_no_epochs_are_trained_once_stopped(classifier, flowers):
    estimator = classifier(
        epochs=8, early_stopping=True, patience=1, min_delta=100.0
    ).fit(*flowers)
    before = weights_of(estimator)
    estimator.train_more(*flowers, amount=3)
    assert estimator.n_epochs_ == 2
    assert_equal(weights_of(estimator), before)


def test_validation_rows_are_stratified_and_not_trained_on(classifier, flowers):
    X, y = flowers
    seen = []

    class Watch(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            seen.append(batch)

    estimator = classifier(
        validation_fraction=0.2, callbacks=Watch, epochs=1, batch_size=1
    ).fit(X, y)
    assert len(seen) == 48
    assert "val_loss" in estimator.history_

    # One row of a class: the split cannot be stratified, and is made all the same.
    rare = np.where(np.arange(60) == 0, 5, y % 2)
    classifier(validation_fraction=0.2, epochs=1).fit(X, rare)


def test_validation_rows_depend_on_the_random_state(classifier, flowers):
    def losses(seed):
        estimator = classifier(
            validation_fraction=0.2,
            random_state=seed,
            learning_rate=1e-9,
            model=KerasConstant(),
            jit_compile=False,
        )
        return estimator.fit(*flowers).history_["val_loss"]

    assert losses(0) == losses(0)
    assert losses(0) != losses(1)


class KerasConstant:
    """Builds a model that begins with the same weights whatever the seed."""

    def __call__(self, meta):
        inputs = keras.Input(meta.input_shape)
        last = layers.Dense(3, "softmax", kernel_initializer="identity")
        return keras.Model(inputs, last(inputs))


# -- Schedules -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("constant", [1, 1, 1, 1]),
        ("cosine", [1, 0.853553, 0.5, 0.146447]),
        ("exponential", [1, 0.316228, 0.1, 0.0316228]),
        ("step", [1, 1, 0.1, 0.01]),
        ("warmup", [0.5, 1, 0.75, 0.25]),
        (lambda epoch, n_epochs: 1 / (1 + epoch), [1, 1 / 2, 1 / 3, 1 / 4]),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_schedules(schedule, expected, classifier, flowers):
    estimator = classifier(schedule=schedule, epochs=4).fit(*flowers)
    rates = np.array(estimator.history_["learning_rate"])
    np.testing.assert_allclose(rates / 0.05, expected, rtol=1e-5)


def test_a_schedule_runs_over_the_planned_epochs(classifier, flowers):
    estimator = classifier(schedule="cosine", epochs=4)
    estimator.train_more(*flowers, amount=2)
    assert estimator.history_["learning_rate"] == pytest.approx([0.05, 0.05 * 0.853553])


def test_a_schedule_that_lowers_the_rate_slows_the_training(classifier, flowers):
    constant = classifier(epochs=1).fit(*flowers)
    tiny = classifier(epochs=1, schedule=lambda *_: 1e-6).fit(*flowers)
    start = weights_of(classifier().train_more(*flowers, amount=0))
    assert distance(weights_of(tiny), start) < 1e-4
    assert distance(weights_of(constant), start) > 1e-2


# -- Callbacks -------------------------------------------------------------------


class Counts(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.calls = []

    def on_train_begin(self, logs=None):
        self.calls.append("train begin")

    def on_epoch_begin(self, epoch, logs=None):
        self.calls.append(f"begin {epoch}")

    def on_epoch_end(self, epoch, logs=None):
        assert {"loss", "val_loss"} <= set(logs)
        self.calls.append(f"end {epoch}")

    def on_train_end(self, logs=None):
        self.calls.append("train end")
        LAST.append(self)


LAST: list[Counts] = []


@pytest.mark.core
@pytest.mark.parametrize(
    ("path", "how"),
    [
        ("compiled", "instance"),
        ("compiled", "class"),
        ("compiled", "function"),
        ("fit", "instance"),
    ],
)
def test_callbacks_are_fresh_for_each_fit(how, path, classifier, flowers):
    instance = Counts()
    given = {"instance": instance, "class": Counts, "function": lambda: Counts()}[how]
    estimator = classifier(
        callbacks=[given], validation_fraction=0.2, training=path, epochs=2
    )
    for _ in range(2):
        estimator.fit(*flowers)
        used = LAST.pop()
        assert used is not instance
        assert used.calls == [
            "train begin",
            "begin 0",
            "end 0",
            "begin 1",
            "end 1",
            "train end",
        ]
    assert instance.calls == []
    assert estimator.training_path_.startswith(path)


class StopsAfter(keras.callbacks.Callback):
    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_end(self, epoch, logs=None):
        if epoch == self.epoch:
            self.model.stop_training = True


@pytest.mark.core
@pytest.mark.parametrize("path", PATHS)
def test_a_callback_stops_the_training(path, classifier, flowers):
    estimator = classifier(epochs=9, callbacks=StopsAfter(1), training=path)
    estimator.fit(*flowers)
    assert estimator.n_epochs_ == 2
    assert_equal(
        weights_of(estimator),
        weights_of(classifier(training=path, epochs=2).fit(*flowers)),
    )
    estimator.fit(*flowers)  # it is not stopped for ever
    assert estimator.n_epochs_ == 2
    without = classifier(epochs=3, training=path).fit(*flowers)
    assert without.n_epochs_ == 3


@pytest.mark.core
@pytest.mark.parametrize("path", PATHS)
def test_learning_rate_scheduler_is_respected(path, classifier, flowers):
    scheduler = keras.callbacks.LearningRateScheduler(lambda epoch: 0.1 / (1 + epoch))
    estimator = classifier(callbacks=scheduler, training=path).fit(*flowers)
    rates = estimator.history_["learning_rate"]
    np.testing.assert_allclose(rates, [0.1, 0.05, 0.1 / 3], rtol=1e-6)
    same = classifier(
        learning_rate=0.1, schedule=lambda epoch, _: 1 / (1 + epoch), training=path
    ).fit(*flowers)
    np.testing.assert_allclose(
        estimator.history_["loss"], same.history_["loss"], rtol=1e-5
    )


@pytest.mark.parametrize("path", PATHS)
def test_a_scheduler_goes_on_from_the_last_rate(path, classifier, flowers):
    scheduler = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
    estimator = classifier(callbacks=scheduler, training=path).fit(*flowers)
    np.testing.assert_allclose(
        estimator.history_["learning_rate"], [0.025, 0.0125, 0.00625], rtol=1e-6
    )


@pytest.mark.core
@pytest.mark.parametrize("path", PATHS)
def test_reduce_lr_on_plateau_is_respected(path, classifier, flowers):
    plateau = keras.callbacks.ReduceLROnPlateau(
        monitor="loss", factor=0.1, patience=1, min_delta=100.0, min_lr=0.0
    )
    estimator = classifier(epochs=4, callbacks=plateau, training=path).fit(*flowers)
    np.testing.assert_allclose(
        estimator.history_["learning_rate"], [0.05, 0.05, 0.005, 0.0005], rtol=1e-5
    )
    assert estimator.training_path_.startswith(path)


@pytest.mark.slow
@pytest.mark.parametrize("path", PATHS)
def test_early_stopping_of_keras_takes_the_best_weights(path, classifier, flowers):
    stopping = keras.callbacks.EarlyStopping(
        monitor="loss", patience=1, min_delta=100.0, restore_best_weights=True
    )
    estimator = classifier(callbacks=[stopping], epochs=9, training=path)
    estimator.fit(*flowers)
    assert estimator.n_epochs_ == 2
    one = classifier(epochs=1, training=path).fit(*flowers)
    assert_equal(weights_of(estimator), weights_of(one))


def test_a_callback_sees_and_sets_the_weights(classifier, flowers):
    class Zeroes(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            before = self.model.get_weights()
            assert np.abs(before[0]).max() > 0
            self.model.set_weights([np.zeros_like(w) for w in before])

    estimator = classifier(callbacks=Zeroes, epochs=1).fit(*flowers)
    assert estimator.training_path_ == "compiled"
    assert distance(weights_of(estimator), [0.0] * 6) == 0.0


def test_a_callback_sets_the_weights_before_an_epoch(classifier, flowers):
    class Ones(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            weights = self.model.get_weights()
            self.model.set_weights([np.ones_like(w) for w in weights])

    own, other = (
        weights_of(classifier(callbacks=Ones, epochs=2, training=path).fit(*flowers))
        for path in ("compiled", "fit")
    )
    assert distance(own, [1.0] * 6) > 0.01
    assert distance(own, other) < 1e-4


@pytest.mark.core
def test_hooks_of_batches_are_called_by_model_fit(classifier, flowers):
    batches = []

    class Batches(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            batches.append((batch, logs["loss"]))

    estimator = classifier(callbacks=Batches, epochs=2).fit(*flowers)
    assert estimator.training_path_.startswith("fit")
    assert [b for b, _ in batches] == [0, 1, 2, 3] * 2


# -- Diverging, printing, compiled models ------------------------------------------


@pytest.mark.core
@pytest.mark.parametrize("path", PATHS)
def test_a_training_that_diverges_tells_so(path, regressor, numbers):
    X, y = numbers
    estimator = regressor(optimizer="sgd", learning_rate=1e6, training=path, epochs=9)
    with pytest.raises(ModelError, match=r"diverged: .*epoch \d.*learning_rate"):
        estimator.fit(X, y)
    with pytest.raises(ValueError, match="not fitted"):
        estimator.predict(X)
    # The engine that it used is as good as new.
    estimator.set_params(learning_rate=0.01).fit(X, y)
    assert np.isfinite(estimator.predict(X)).all()


def test_verbose_prints_a_line_an_epoch(classifier, flowers, capsys):
    classifier(epochs=2).fit(*flowers)
    assert capsys.readouterr().out == ""
    classifier(epochs=2, verbose=1).fit(*flowers)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" - ")[0] for line in lines] == ["Epoch 1/2", "Epoch 2/2"]
    assert "loss: " in lines[0]


def compiled_model(meta):
    model = KerasConstant()(meta)
    model.compile(
        optimizer=keras.optimizers.SGD(0.5, momentum=0.25),
        loss=keras.losses.SparseCategoricalCrossentropy(reduction="sum"),
        metrics=["accuracy"],
    )
    return model


@pytest.mark.parametrize("kind", ["function", "template"])
def test_a_compiled_model_brings_optimizer_loss_and_metrics(kind, flowers):
    X, y = flowers

    class Meta:
        input_shape = (4,)

    model = compiled_model if kind == "function" else compiled_model(Meta)
    params = {"epochs": 2, "random_state": 0, "jit_compile": False}
    estimator = KerasClassifier(model, **params).fit(X, y)
    used = estimator.model_.optimizer
    assert isinstance(used, keras.optimizers.SGD)
    assert used.momentum == 0.25
    assert estimator.history_["learning_rate"] == [0.5, 0.5]
    assert "accuracy" in estimator.history_
    summed = KerasClassifier(
        KerasConstant(),
        optimizer="sgd",
        learning_rate=0.5,
        momentum=0.25,
        loss=keras.losses.SparseCategoricalCrossentropy(reduction="sum"),
        **params,
    ).fit(X, y)
    assert estimator.history_["loss"] == summed.history_["loss"]
    # What the estimator is given comes first.
    given = KerasClassifier(
        model, optimizer="adam", loss="sparse_categorical_crossentropy", **params
    ).fit(X, y)
    assert isinstance(given.model_.optimizer, keras.optimizers.Adam)
    assert given.history_["loss"][0] < summed.history_["loss"][0] / 5

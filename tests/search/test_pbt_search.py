"""What population based training finds, and how it is repeated."""

from __future__ import annotations

import itertools
import json
import pickle
import time

import numpy as np
import pytest
from joblib import parallel_config
from sklearn.base import BaseEstimator, ClassifierMixin, clone, is_classifier
from sklearn.cluster import MiniBatchKMeans
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_iris
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import SGDClassifier, SGDRegressor
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    StratifiedKFold,
    cross_val_score,
)
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from sktune import PBTSearchCV, ScheduledEstimator
from sktune.exceptions import AllFitsFailedError, SearchError

from ..execution.estimators import Descent

X, y = load_iris(return_X_y=True)

RATES = {"rate": (1e-4, 1e1, "log-uniform"), "momentum": (0.0, 0.95)}


def search(estimator=None, space=None, **options):
    options = {
        "population_size": 4,
        "n_generations": 4,
        "max_resource": 8,
        "cv": 3,
        "random_state": 0,
    } | options
    return PBTSearchCV(
        Descent() if estimator is None else estimator,
        RATES if space is None else space,
        **options,
    )


def columns(table):
    """All of a table but times."""
    return {key: table[key] for key in table if not key.endswith("_time")}


def assert_same(one, two):
    for key, column in columns(one).items():
        np.testing.assert_array_equal(column, two[key], err_msg=key)


# -- The paper's toy -------------------------------------------------------------


class Surrogate(ClassifierMixin, BaseEstimator):
    """Climbs 1.2 - h0 a^2 - h1 b^2 and is scored by 1.2 - a^2 - b^2.

    Jaderberg et al. 2017, section 4.2: with h = (1, 0) or (0, 1), each worker
    sees one of the two parameters only.
    """

    training_resource = "steps"

    def __init__(self, h=(1, 0), steps=100):
        self.h = h
        self.steps = steps

    def fit(self, X, y):
        return self.train_more(X, y, self.steps)

    def train_more(self, X, y, amount):
        self.classes_ = np.unique(y)
        if not hasattr(self, "theta_"):
            self.theta_ = np.array([0.9, 0.9])
        for _ in range(amount):
            self.theta_ = self.theta_ - 0.02 * 2 * np.array(self.h) * self.theta_
        return self

    def get_training_state(self):
        return json.dumps(self.theta_.tolist()).encode()

    def set_training_state(self, state):
        self.theta_ = np.array(json.loads(state))
        return self

    def score(self, X, y):
        return 1.2 - float(self.theta_ @ self.theta_)


def test_the_toy_of_the_paper():
    space = {"h": [(1, 0), (0, 1)]}
    grid = GridSearchCV(Surrogate(200), {"h": space["h"]}, cv=2)
    constant = max(
        Surrogate(h, steps=200).fit(X, y).score(X, y) for h in grid.param_grid["h"]
    )
    assert constant < 0.4
    found = PBTSearchCV(
        Surrogate(),
        space,
        population_size=2,
        interval=10,
        max_resource=200,
        exploit="truncation",
        resample_probability=1.0,
        initial_params=[{"h": (1, 0)}, {"h": (0, 1)}],
        cv=2,
        random_state=0,
    ).fit(X, y)
    assert found.best_score_ > 1.19
    assert {segment["params"]["h"] for segment in found.best_schedule_} == {
        (1, 0),
        (0, 1),
    }


# -- Replay ----------------------------------------------------------------------


def test_the_replayed_schedule_ends_with_the_weights_of_the_lineage():
    # One fold that trains on all rows: the refit repeats the member's training.
    everything = np.arange(len(X))
    found = search(cv=[(everything, everything)], refit="best_member").fit(X, y)
    (member,) = found.best_estimator_.estimators
    replayed = search(cv=[(everything, everything)]).fit(X, y)
    assert replayed.n_copied_ > 0
    origins = {segment["origin"] for segment in replayed.lineage_}
    assert "perturbed" in origins
    assert replayed.best_schedule_ == found.best_schedule_
    np.testing.assert_array_equal(replayed.best_estimator_.weights_, member.weights_)
    np.testing.assert_array_equal(replayed.best_estimator_.velocity_, member.velocity_)
    assert replayed.best_estimator_.score(X, y) == found.best_score_


def test_a_member_goes_on_from_its_donors_fold():
    # Each fold has a feature of its own that is 0 in the others: weights of one
    # fold in another would be seen.
    class Traced(Descent):
        def train_more(self, X, y, amount, **params):
            super().train_more(X, y, amount, **params)
            number = int(X[0, -1])
            self.trace_ = [*getattr(self, "trace_", []), number]
            return self

        def get_training_state(self):
            state = super().get_training_state()
            return json.dumps([state.hex(), self.trace_]).encode()

        def set_training_state(self, state):
            state, self.trace_ = json.loads(state)
            return super().set_training_state(bytes.fromhex(state))

        def score(self, X, y):
            assert len(set(self.trace_)) == 1
            return super().score(X, y)

    # the first training row tells the fold: it is in the test part of no other
    marked = np.column_stack([X, np.zeros(len(X))])
    folds = []
    for fold, (train, test) in enumerate(
        KFold(3, shuffle=True, random_state=0).split(X)
    ):
        rows = train[train != fold]
        marked[fold, -1] = fold
        folds.append((np.append(fold, rows[~np.isin(rows, [0, 1, 2])]), test))
    found = search(Traced(), cv=folds, error_score="raise", n_jobs=2).fit(marked, y)
    assert found.n_copied_ > 0


# -- The same for any number of workers ------------------------------------------


@pytest.mark.parametrize("exploit", ["truncation", "tournament"])
@pytest.mark.parametrize("interval", ["auto", [1, 4]])
def test_the_same_with_any_number_of_workers(exploit, interval):
    options = {"exploit": exploit, "interval": interval, "population_size": 6}
    alone = search(**options).fit(X, y)
    for backend, n_jobs in [("threading", 2), ("threading", 5), ("loky", 2)]:
        with parallel_config(backend):
            others = search(**options, n_jobs=n_jobs).fit(X, y)
        assert_same(alone.cv_results_, others.cv_results_)
        assert_same(alone.history_, others.history_)
        assert alone.best_schedule_ == others.best_schedule_
    assert alone.n_copied_ > 0
    assert len(alone.history_["fold"]) == 3 * len(set(alone.history_["segment"]))


# -- As in the other searches ----------------------------------------------------


def test_tuples_are_lists_in_a_param_grid():
    found = PBTSearchCV(
        Descent(), param_grid={"rate": (0.01, 0.1)}, max_resource=2, n_generations=2
    )
    found.set_params(population_size=6, random_state=0).fit(X, y)
    assert set(found.cv_results_["param_rate"]) == {0.01, 0.1}


def test_refit_names_the_metric_that_is_optimised():
    def rated(model, X, y):
        return {"up": model.rate, "down": -model.rate}

    space = {"rate": (0.01, 0.5)}
    for name in ("up", "down"):
        found = search(space=space, scoring=rated, refit=name).fit(X, y)
        rates = found.cv_results_["param_rate"]
        assert found.best_params_["rate"] == (max if name == "up" else min)(rates)
        assert found.multimetric_


def test_nested_in_a_pipeline_and_in_cross_validation():
    inner = search()
    assert cross_val_score(inner, X, y, cv=2).shape == (2,)
    assert make_pipeline(StandardScaler(), inner).fit(X, y).score(X, y) > 0.8


def test_unsupervised():
    found = search(
        MiniBatchKMeans(n_clusters=3, random_state=0),
        {"reassignment_ratio": (0.0, 0.1)},
    )
    found.fit(X)
    assert found.predict(X).shape == (150,)


def test_multimetric_needs_no_best():
    found = search(scoring=["accuracy", "f1_macro"], refit=False).fit(X, y)
    assert not hasattr(found, "best_schedule_")
    assert "test_f1_macro" in found.history_


# -- What can go on --------------------------------------------------------------


CONTINUING = [
    (
        SGDClassifier(learning_rate="constant", eta0=0.1, random_state=0),
        {"eta0": (1e-4, 1e0, "log-uniform"), "alpha": (1e-5, 1e-1, "log-uniform")},
        {},
    ),
    (
        make_pipeline(StandardScaler(), SGDClassifier(random_state=0)),
        {"sgdclassifier__alpha": (1e-5, 1e-1, "log-uniform")},
        {"batch_size": 20},
    ),
    (
        RandomForestClassifier(random_state=0),
        {"max_features": (0.2, 1.0), "min_samples_leaf": (1, 5)},
        {},
    ),
    (
        MLPClassifier(hidden_layer_sizes=(5,), random_state=0),
        {"learning_rate_init": (1e-3, 1e-1, "log-uniform"), "alpha": (0.0, 0.1)},
        {},
    ),
    (
        make_pipeline(StandardScaler(), Descent()),
        {"descent__rate": (1e-3, 1e0, "log-uniform"), "descent__momentum": (0.0, 0.9)},
        {"explore": "bayes"},
    ),
]


@pytest.mark.parametrize(
    ("estimator", "space", "options"),
    CONTINUING,
    ids=["partial_fit", "batches", "warm_start", "neural", "pipeline"],
)
def test_every_estimator_that_goes_on(estimator, space, options):
    found = search(estimator, space, error_score="raise", **options).fit(X, y)
    assert found.n_copied_ > 0
    assert found.fixed_parameters_ == []
    assert found.score(X, y) > 0.6
    by_itself = ScheduledEstimator(
        estimator,
        found.save_schedule(),
        **({"batch_size": 20} if "batch_size" in options else {}),
    )
    assert by_itself.fit(X, y).score(X, y) > 0.6
    assert (found.cv_results_["n_resources"] == 8).all()


@pytest.mark.parametrize(
    ("estimator", "name"),
    [
        (DecisionTreeClassifier(), "max_depth"),
        (make_pipeline(StandardScaler(), SVC()), "svc__C"),
        (MLPClassifier(early_stopping=True), "alpha"),
    ],
)
def test_an_estimator_that_cannot_go_on_is_refused(estimator, name):
    with pytest.raises(SearchError, match="cannot go on"):
        search(estimator, {name: [1, 2]}).fit(X, y)
    with pytest.raises(SearchError, match="cannot be trained by a schedule"):
        ScheduledEstimator(
            estimator, [{"start": 0, "end": 1, "params": {name: 1}}]
        ).fit(X, y)


def test_the_learning_rate_of_a_live_network_changes():
    # scikit-learn's own partial_fit goes on with the rate of the first call.
    model = MLPClassifier(hidden_layer_sizes=(3,), random_state=0)
    segments = [
        {"start": 0, "end": 3, "params": {"learning_rate_init": 0.1}},
        {"start": 3, "end": 6, "params": {"learning_rate_init": 1e-12}},
    ]
    for solver in ("adam", "sgd"):
        two = ScheduledEstimator(model.set_params(solver=solver), segments).fit(X, y)
        one = ScheduledEstimator(model, segments[:1]).fit(X, y)
        for a, b in zip(two.estimator_.coefs_, one.estimator_.coefs_, strict=True):
            # what momentum is left moves it a little
            np.testing.assert_allclose(a, b, atol=0.0 if solver == "adam" else 2.0)
    assert two.estimator_._optimizer.learning_rate_init == 1e-12


def test_what_cannot_change_is_inherited():
    model = MLPClassifier(random_state=0)
    space = {
        "hidden_layer_sizes": [(3,), (4,), (5,), (6,)],
        "activation": ["relu", "tanh"],
        "learning_rate_init": (1e-3, 1e-1, "log-uniform"),
    }
    found = search(model, space, exploit="tournament", population_size=6).fit(X, y)
    assert found.fixed_parameters_ == ["activation", "hidden_layer_sizes"]
    params = dict(zip(found.history_["segment"], found.history_["params"], strict=True))
    for segment, parent in zip(
        found.history_["segment"], found.history_["parent"], strict=True
    ):
        if parent >= 0:
            for name in found.fixed_parameters_:
                assert params[segment][name] == params[parent][name]
    assert found.n_copied_ > 0
    assert np.isfinite(found.cv_results_["mean_test_score"]).all()


def test_steps_of_a_pipeline_are_inherited():
    pipe = make_pipeline(StandardScaler(), SGDClassifier(random_state=0))
    scalers = [StandardScaler(), MinMaxScaler()]
    space = {"standardscaler": scalers, "sgdclassifier__alpha": (1e-4, 1.0)}
    found = search(pipe, space).fit(X, y)
    assert found.fixed_parameters_ == ["standardscaler"]
    # The user's objects come back, unfitted.
    steps = [params["standardscaler"] for params in found.cv_results_["params"]]
    assert {id(step) for step in steps} <= {id(scaler) for scaler in scalers}
    assert not any(hasattr(scaler, "scale_") for scaler in scalers)
    assert len({str(s["params"]["standardscaler"]) for s in found.lineage_}) == 1


def test_the_regressor_of_transformed_targets_changes():
    found = search(
        TransformedTargetRegressor(
            SGDRegressor(random_state=0), transformer=StandardScaler()
        ),
        {
            "regressor__eta0": (1e-4, 1e-1, "log-uniform"),
            "regressor__penalty": ["l1", "l2"],
            "transformer__with_mean": [False, True],
        },
    ).fit(X, X[:, 0])
    assert found.fixed_parameters_ == ["transformer__with_mean"]
    assert len({s["params"]["regressor__eta0"] for s in found.lineage_}) > 1
    replayed = ScheduledEstimator(found.estimator, found.best_schedule_)
    replayed.fit(X, X[:, 0])
    np.testing.assert_array_equal(replayed.predict(X), found.predict(X))


def test_more_can_be_fixed_by_name():
    found = search(fixed_parameters=["momentum"], exploit="tournament").fit(X, y)
    assert len({s["params"]["momentum"] for s in found.lineage_}) == 1
    with pytest.raises(SearchError, match="'momentu', which is not in the space"):
        search(fixed_parameters=["momentu"]).fit(X, y)


def test_gradient_boosting_keeps_its_learning_rate():
    model = GradientBoostingClassifier(random_state=0)
    space = {"learning_rate": (0.01, 0.5), "subsample": (0.5, 1.0)}
    found = search(model, space, max_resource=4).fit(X, y)
    assert found.fixed_parameters_ == ["learning_rate"]


# -- Failures --------------------------------------------------------------------


class Diverges(Descent):
    """Cannot be trained at a high rate."""

    def train_more(self, X, y, amount, **params):
        if self.rate > 1.0:
            raise ValueError("diverged")
        return super().train_more(X, y, amount, **params)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
@pytest.mark.filterwarnings("ignore:One or more of the test scores:UserWarning")
@pytest.mark.parametrize("exploit", ["truncation", "tournament"])
def test_members_that_fail_are_replaced_and_counted(exploit):
    given = [{"rate": 0.1}, {"rate": 5.0}, {"rate": 8.0}, {"rate": 2.0}]
    found = search(
        Diverges(),
        {"rate": (1e-3, 1e1, "log-uniform")},
        initial_params=given,
        exploit=exploit,
        resample_probability=0.0,
        return_train_score=True,
    ).fit(X, y)
    assert found.n_failed_ == 3
    assert found.n_copied_ >= 3
    assert (found.cv_results_["status"] == "completed").all()
    assert found.lineage_[0]["params"] == given[0]
    first = found.history_["generation"] == 0
    assert (found.history_["status"][first] == "failed").sum() == 9


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
def test_all_failed():
    with pytest.raises(AllFitsFailedError, match="All the 12 fits failed"):
        search(Diverges(), {"rate": (2.0, 3.0)}).fit(X, y)


class DivergesLate(Descent):
    """Fails after four epochs."""

    def train_more(self, X, y, amount, **params):
        if getattr(self, "done_", 0) >= 4:
            raise ValueError("diverged")
        return super().train_more(X, y, amount, **params)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
@pytest.mark.filterwarnings("ignore:One or more of the test scores:UserWarning")
def test_when_all_fail_later_what_was_trained_counts():
    found = search(DivergesLate(), refit="best_member").fit(X, y)
    assert (found.cv_results_["n_resources"] == 4).all()
    assert (found.cv_results_["status"] == "failed").all()
    assert found.best_schedule_[-1]["end"] == 4
    assert found.best_estimator_.estimators[0].done_ == 4
    assert np.isfinite(found.best_score_)


def test_error_score_raise():
    with pytest.raises(ValueError, match="diverged"):
        search(Diverges(), {"rate": (2.0, 3.0)}, error_score="raise").fit(X, y)


# -- Ensembles -------------------------------------------------------------------


def test_the_models_of_the_best_members_folds_vote():
    found = search(refit="best_member", checkpoint_memory=0).fit(X, y)
    models = found.best_estimator_.estimators
    assert len(models) == 3
    mean = np.mean([model.predict_proba(X) for model in models], axis=0)
    np.testing.assert_allclose(found.predict_proba(X), mean)
    np.testing.assert_array_equal(found.predict(X), mean.argmax(axis=1))
    assert found.checkpoint_use_.peak_disk_bytes > 0
    scores = [
        model.score(X[test], y[test])
        for model, (_, test) in zip(models, StratifiedKFold(3).split(X, y), strict=True)
    ]
    assert np.mean(scores) == pytest.approx(found.best_score_)
    assert list(found.classes_) == [0, 1, 2]
    restored = pickle.loads(pickle.dumps(found))
    np.testing.assert_array_equal(restored.predict(X), found.predict(X))


def test_models_without_probabilities_and_regressors_vote():
    by_votes = search(
        SGDClassifier(random_state=0), {"alpha": (1e-4, 1.0)}, refit="best_member"
    )
    assert by_votes.fit(X, y).score(X, y) > 0.6
    model = SGDRegressor(random_state=0)
    found = search(model, {"alpha": (1e-4, 1.0)}, refit="best_member")
    found.fit(X[:, :3], X[:, 3])
    mean = np.mean([m.predict(X[:, :3]) for m in found.best_estimator_.estimators], 0)
    np.testing.assert_allclose(found.predict(X[:, :3]), mean)


# -- Plans, limits, exploration --------------------------------------------------


def test_plan(capsys):
    search(interval=[2, 3], population_size=5, max_resource=7).plan()
    assert capsys.readouterr().out.splitlines() == [
        "Resource: epochs, continued with weights and optimizer state.",
        "3 members, 4 generations of 2 epochs",
        "2 members, 3 generations of 3 epochs",
        "35 epochs for each of 3 folds",
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"interval": 9}, "interval=9 is longer than the whole training of 8 epochs"),
        ({"interval": []}, "list of ints"),
        ({"interval": [1, 0]}, "all at least 1"),
        ({"interval": [1, 2, 2, 2, 3]}, "5 intervals need as many members"),
        ({"perturbation_factors": (0.8, -1)}, "positive numbers"),
        ({"mutate_architecture": True}, "got Descent"),
        ({"space": {"epochs": (1, 3)}}, "'epochs' is the resource"),
        ({"initial_params": {"rate": 100.0}}, "is not in"),
        ({"explore": lambda params, rng: {"rate": "low"}}, "is not in"),
        ({"quantile": 0.6}, "quantile"),
    ],
)
def test_what_does_not_fit_together_is_told(options, message):
    with pytest.raises(ValueError, match=message):
        search(**options).fit(X, y)


def test_max_resource_is_interval_times_generations():
    found = search(interval=3, n_generations=2, max_resource="auto").fit(X, y)
    assert found.max_resource_ == 6
    assert search(max_resource="auto").fit(X, y).max_resource_ == 20  # Descent.epochs


def test_a_function_can_explore():
    seen = []

    def halve(params, rng):
        seen.append(params)
        return {"rate": params["rate"] / 2} if params["rate"] > 1e-3 else {}

    found = search(explore=halve, exploit="tournament").fit(X, y)
    assert len(seen) == found.n_copied_ > 0
    for one, two in itertools.pairwise(found.lineage_):
        if two["origin"] == "perturbed":
            assert two["params"]["rate"] == pytest.approx(one["params"]["rate"] / 2)


def test_what_a_function_returns_stays_in_the_range():
    found = search(explore=lambda params, rng: {"rate": 100 * params["rate"]})
    found.fit(X, y)
    explored = found.history_["origin"] == "perturbed"
    rates = [params["rate"] for params in found.history_["params"][explored]]
    assert max(rates) == 10.0
    assert min(rates) >= 1e-2


def test_what_is_bought_by_time_is_kept():
    class Slow(Descent):
        def train_more(self, X, y, amount, **params):
            time.sleep(0.02)
            return super().train_more(X, y, amount, **params)

    found = search(Slow(), time_budget=2.0, n_generations=99, max_resource=99)
    found.fit(X, y)
    assert found.stop_reason_ == "time_budget"
    reached = found.best_schedule_[-1]["end"]
    assert reached == max(found.cv_results_["n_resources"]) < 99
    assert found.best_estimator_.done_ == reached


def test_history_and_learning_curves():
    pytest.importorskip("pandas")
    found = search().fit(X, y)
    history = found.history_
    assert len(history["member"]) == 4 * 4 * 3
    assert set(history["origin"]) <= {"initial", "design", "kept", "perturbed"}
    assert (history["parent"][history["generation"] == 0] == -1).all()
    assert found.learning_curves().shape == (4, 4)
    assert found.stop_reason_ == "completed"
    assert found.best_score_ == found.lineage_[-1]["score"]
    assert [s["end"] for s in found.lineage_] == [2, 4, 6, 8]
    assert found.checkpoint_use_.memory_bytes == 0


# -- ScheduledEstimator ----------------------------------------------------------


SEGMENTS = [
    {"start": 0, "end": 2, "params": {"rate": 0.5}},
    {"start": 2, "end": 5, "params": {"rate": 0.05}},
]


def test_a_schedule_is_a_list_or_json_or_a_file(tmp_path):
    path = tmp_path / "schedule.json"
    path.write_text(json.dumps(SEGMENTS))
    models = [
        ScheduledEstimator(Descent(), schedule).fit(X, y)
        for schedule in (SEGMENTS, json.dumps(SEGMENTS), path, str(path))
    ]
    for model in models:
        np.testing.assert_array_equal(
            model.estimator_.weights_, models[0].estimator_.weights_
        )
    assert models[0].estimator_.done_ == 5
    by_hand = Descent(epochs=5, rate=0.5).train_more(X, y, 2)
    by_hand.set_params(rate=0.05).train_more(X, y, 3)
    np.testing.assert_array_equal(models[0].estimator_.weights_, by_hand.weights_)


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        ([], "no segments"),
        ({"start": 0}, "a schedule is a list"),
        (SEGMENTS[1:], "must begin at 0, got 2"),
        ([{"start": 0, "end": 2}], "no 'params'"),
        ([{"start": 0, "end": 0, "params": {}}], "end after its start"),
        ([{"start": 0, "end": 1.5, "params": {}}], "must be ints"),
        ([{"start": 0, "end": 1, "params": []}], "must be a dict"),
        ([3], "must be a dict, got 3"),
        ("[{", "no JSON"),
    ],
)
def test_what_is_wrong_with_a_schedule_is_told(schedule, message):
    with pytest.raises(SearchError, match=message):
        ScheduledEstimator(Descent(), schedule).fit(X, y)


def test_a_schedule_cannot_change_what_is_fixed():
    schedule = [
        {"start": 0, "end": 1, "params": {"hidden_layer_sizes": (3,)}},
        {"start": 1, "end": 2, "params": {"hidden_layer_sizes": (4,)}},
    ]
    with pytest.raises(SearchError, match="cannot change: give each of them one"):
        ScheduledEstimator(MLPClassifier(), schedule).fit(X, y)


def test_a_scheduled_estimator_is_an_estimator():
    model = ScheduledEstimator(
        make_pipeline(StandardScaler(), Descent()),
        [{"start": 0, "end": 4, "params": {"descent__rate": 0.5}}],
    )
    assert clone(model).get_params()["estimator__descent__rate"] == 0.1
    assert is_classifier(model)
    assert hasattr(model, "predict_proba")
    assert not hasattr(model, "transform")
    assert cross_val_score(model, X, y, cv=3).mean() > 0.8
    weight = np.ones(len(X))
    fitted = clone(model).fit(X, y, descent__sample_weight=weight)
    restored = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(restored.predict(X), fitted.predict(X))


def test_a_schedule_with_objects_is_no_json():
    pipe = make_pipeline(StandardScaler(), SGDClassifier(random_state=0))
    space = {"standardscaler": [StandardScaler()], "sgdclassifier__alpha": (0.1, 1.0)}
    found = search(pipe, space, max_resource=2, n_generations=1).fit(X, y)
    with pytest.raises(SearchError, match="which JSON cannot hold"):
        found.save_schedule()

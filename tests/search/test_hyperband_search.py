"""What is new in `HyperbandSearchCV`; what all searches do is in test_api.py."""

from __future__ import annotations

import pickle
import time

import joblib
import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_digits
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import GroupKFold, KFold
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from sktune import HyperbandSearchCV, Integer
from sktune.exceptions import SearchError, SktuneWarning, SpaceError
from tests.execution.estimators import Descent

from .estimators import X, y

SGD = SGDClassifier(random_state=0)
ALPHA = {"alpha": (1e-6, 1e1, "log-uniform")}


class Curve(ClassifierMixin, BaseEstimator):
    """Its score grows towards `top` with each call; it keeps a record."""

    calls: list = []

    def __init__(self, top=0.5, speed=0.5, fails=False):
        self.top = top
        self.speed = speed
        self.fails = fails

    def partial_fit(self, X, y, classes=None):
        if self.fails:
            raise ValueError("it fails")
        self.classes_ = classes if classes is not None else self.classes_
        self.n_ = getattr(self, "n_", 0) + 1
        self.calls.append((self.top, self.n_, len(X)))
        return self

    def fit(self, X, y):
        raise AssertionError("it is trained by partial_fit")

    def predict(self, X):
        return np.full(len(X), self.classes_[0])

    def score(self, X, y):
        return self.top * (1 - self.speed**self.n_)


SPACE = {"top": (0.0, 1.0), "speed": (0.1, 0.9)}


@pytest.fixture
def calls():
    Curve.calls.clear()
    return Curve.calls


def search(estimator=None, space=None, **options):
    options = {"max_resource": 9, "cv": 2, "random_state": 0} | options
    estimator = Curve() if estimator is None else estimator
    return HyperbandSearchCV(estimator, SPACE if space is None else space, **options)


# -- What is trained -------------------------------------------------------------


@pytest.mark.parametrize("sampler", ["bayes", "random"])
def test_units_of_the_paper(calls, sampler):
    fold = [(np.arange(100), np.arange(100, 150))]
    found = search(max_resource=81, cv=fold, sampler=sampler, refit=False).fit(X, y)
    assert len(calls) == 1581
    assert found.resource_ == "passes"
    assert (found.min_resource_, found.max_resource_) == (1, 81)
    results = found.cv_results_
    assert results["n_resources"].sum() == 1581
    assert len(results["params"]) == 143
    bracket = results["bracket"] == 4
    counts = np.unique(results["n_resources"][bracket], return_counts=True)
    assert list(zip(*counts, strict=True)) == [
        (1, 54),
        (3, 18),
        (9, 6),
        (27, 2),
        (81, 1),
    ]
    assert found.stop_reason_ == "completed"


def test_each_fold_goes_on_from_its_own_model(calls):
    found = search(cv=KFold(3), refit=False).fit(X, y)
    assert len(calls) == 3 * found.cv_results_["n_resources"].sum()
    history = found.history_
    assert set(history["fold"]) == {0, 1, 2}
    for name in ("candidate", "bracket", "rung", "n_resources", "test_score"):
        assert len(history[name]) == len(history["fold"])
    n_rungs = {c: sum(history["candidate"] == c) for c in set(history["candidate"])}
    for candidate, n in n_rungs.items():
        # bracket 2 has rungs at 1, 3, 9
        if found.cv_results_["bracket"][candidate] == 2:
            assert n == 3 * (1 + found.cv_results_["rung"][candidate])


def test_the_best_one_wins_and_is_trained_in_full(calls):
    found = search(max_resource=27).fit(X, y)
    results = found.cv_results_
    assert results["n_resources"][found.best_index_] == 27
    assert results["rank_test_score"][found.best_index_] == 1
    full = results["n_resources"] == 27
    assert found.best_score_ == results["mean_test_score"][full].max()
    assert (
        results["rank_test_score"][full].max() < results["rank_test_score"][~full].min()
    )
    assert found.best_estimator_.n_ == 27
    assert calls[-1][2] == 150
    assert set(results["status"]) == {"completed", "stopped"}
    assert found.best_params_["top"] > 0.8


@pytest.mark.parametrize("promotion", ["sync", "async"])
def test_the_refit_goes_on_from_a_fold(calls, promotion):
    options = {"brackets": 1, "refit_from": "fold", "promotion": promotion}
    found = search(max_resource=27, **options).fit(X, y)
    assert [n for _, n, rows in calls if rows == 150] == list(range(10, 28))
    assert found.best_estimator_.n_ == 27
    assert found.checkpoint_use_.memory_bytes == 0
    calls.clear()
    # a candidate that was trained in one go has no state to go on from
    search(max_resource=9, factor=10, n_candidates=3, **options).fit(X, y)
    assert [n for _, n, rows in calls if rows == 150] == list(range(1, 10))


def test_learning_curves():
    pytest.importorskip("pandas")
    found = search(refit=False).fit(X, y)
    curves = found.learning_curves()
    assert list(curves.columns) == [1, 3, 9]
    assert len(curves) == len(found.cv_results_["params"])
    best = curves.loc[found.best_index_]
    assert best[9] == pytest.approx(found.best_score_)
    with pytest.raises(SearchError, match="choose one of"):
        found.learning_curves("accuracy")


def test_times_are_those_of_all_rungs():
    found = search(refit=False).fit(X, y)
    history = found.history_
    for row, mean in enumerate(found.cv_results_["mean_fit_time"]):
        of_row = history["fit_time"][history["candidate"] == row]
        assert mean == pytest.approx(of_row.sum() / found.n_splits_)


def test_fewer_folds_at_low_rungs(calls):
    found = search(cv=3, rung_folds=[1, 2], refit=False).fit(X, y)
    results = found.cv_results_
    n_folds = {1: 1, 3: 2, 9: 3}
    for row, n in enumerate(results["n_resources"]):
        scores = [results[f"split{fold}_test_score"][row] for fold in range(3)]
        assert np.isfinite(scores).sum() == n_folds[n]
        assert results["mean_test_score"][row] == pytest.approx(np.nanmean(scores))
    # a fold that joins late is trained from the beginning
    assert len(calls) == sum(n * n_folds[n] for n in results["n_resources"])
    assert results["n_resources"][found.best_index_] == 9


@pytest.mark.parametrize("rung_folds", [4, [2, 1], [], [0], [1, 2.5]])
def test_numbers_of_folds_that_make_no_sense(rung_folds):
    with pytest.raises(SearchError, match="rung_folds"):
        search(cv=3, rung_folds=rung_folds).fit(X, y)


def test_patience(calls):
    found = search(max_resource=27, patience=3, tol=0.0, refit=False)
    found.set_params(scoring=lambda e, X, y: e.top).fit(X, y)
    results = found.cv_results_
    in_first = results["bracket"] == 3
    # compared at 1, 3 and 9: from 3 to 9 nobody gained, so none goes on to 27
    assert results["n_resources"][in_first].max() == 9
    assert "completed" in results["status"][in_first]


# -- Resources -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("estimator", "space", "resource", "usual"),
    [
        (SGD, ALPHA, "passes", 81),
        (MLPClassifier(random_state=0), ALPHA, "passes", 81),
        (Descent(epochs=12), {"rate": (0.01, 1.0)}, "epochs", 12),
        (RandomForestClassifier(20), {"max_depth": (1, 9)}, "n_estimators", 20),
        (
            make_pipeline(StandardScaler(), GradientBoostingClassifier(n_estimators=7)),
            {"gradientboostingclassifier__max_depth": (1, 9)},
            "gradientboostingclassifier__n_estimators",
            7,
        ),
        (SVC(), {"C": (0.1, 10.0)}, "n_samples", 100),
        (LogisticRegression(max_iter=1000), {"C": (0.1, 10.0)}, "n_samples", 100),
    ],
)
def test_the_resource_is_found_and_said(estimator, space, resource, usual, capsys):
    options = {"max_resource": "auto", "brackets": 1, "n_candidates": 2, "cv": 3}
    found = search(estimator, space, verbose=1, **options)
    found.fit(X, y)
    assert found.resource_ == resource
    assert found.max_resource_ == usual
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith("Resource: ")
    assert resource in first or found.resource_ == "n_samples"


def test_what_all_candidates_have_in_common(capsys):
    pipe = Pipeline([("scale", StandardScaler()), ("model", SGD)])
    linear = {"model": [SGD], "model__alpha": (1e-6, 1e-1, "log-uniform")}
    forest = {"model": [RandomForestClassifier(20)], "model__max_depth": (1, 9)}
    same = {"model": [SGD, MLPClassifier((5,))]}
    found = search(pipe, [linear, forest], max_resource="auto", verbose=1).fit(X, y)
    assert found.resource_ == "n_samples"
    assert "no other resource in common" in capsys.readouterr().out
    assert search(pipe, same, max_resource=3).fit(X, y).resource_ == "passes"
    with pytest.raises(SearchError, match="RandomForestClassifier in the Pipeline"):
        search(pipe, [linear, forest], resource="passes").fit(X, y)


def test_a_choice_that_takes_the_resource_away():
    space = {"solver": ["adam", "lbfgs"]}
    found = search(MLPClassifier((5,), tol=0.1), space, max_resource="auto")
    assert (
        found.set_params(n_candidates=2, brackets=1).fit(X, y).resource_ == "n_samples"
    )


def test_the_resource_is_no_parameter_of_the_space():
    space = {"n_estimators": (1, 9), "max_depth": (1, 9)}
    with pytest.raises(SearchError, match="'n_estimators' is the resource"):
        search(RandomForestClassifier(), space).fit(X, y)
    found = search(RandomForestClassifier(), space, resource="n_samples")
    assert found.set_params(max_resource=75).fit(X, y).resource_ == "n_samples"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_resource": 10}, "min_resource=10 is larger than max_resource=9"),
        (
            {"resource": "n_samples", "max_resource": 99},
            "max_resource=99 is more than there is: a fold has 75",
        ),
        ({"resource": "epochs"}, "Looked for: 'epochs' of a Keras estimator"),
        ({"resource": "batches"}, "needs batch_size"),
    ],
)
def test_budgets_that_do_not_exist(options, message):
    with pytest.raises(SearchError, match=message):
        search(SGD, ALPHA, **options).fit(X, y)


@pytest.mark.parametrize(
    "options",
    [
        {"factor": 1},
        {"factor": 2.5},
        {"max_resource": 0},
        {"min_resource": "all"},
        {"brackets": 0},
        {"sampler": "grid"},
        {"promotion": "maybe"},
        {"patience": 0},
        {"n_candidates": 0},
        {"checkpoint_memory": -1},
    ],
)
def test_arguments_are_checked(options):
    (name,) = options
    with pytest.raises(
        ValueError, match=f"The '{name}' parameter of HyperbandSearchCV"
    ):
        search(**options).fit(X, y)


@pytest.mark.parametrize("sampler", ["bayes", "random"])
def test_pairs_share_the_candidates_of_every_bracket(sampler):
    low = {"top": (0.0, 0.5), "speed": (0.1, 0.9)}
    pairs = [(low, 10), ({"top": (0.6, 1.0)}, 20)]
    found = search(space=pairs, max_resource=27, sampler=sampler, refit=False)
    results = found.fit(X, y).cv_results_
    in_low = np.array(["speed" in params for params in results["params"]])
    assert in_low.sum() == pytest.approx(len(in_low) / 3, abs=1)
    for number, n in ((3, 27), (2, 12), (1, 6), (0, 4)):
        bracket = results["bracket"] == number
        assert bracket.sum() == n
        assert in_low[bracket].sum() == pytest.approx(n / 3, abs=1)
    assert found.best_params_["top"] > 0.9
    again = search(space=pairs, max_resource=27, sampler=sampler, refit=False, n_jobs=2)
    with joblib.parallel_config("threading"):
        again.fit(X, y)
    assert again.cv_results_["params"] == results["params"]


def test_a_pair_that_is_used_up_leaves_its_share_to_the_others():
    pairs = [({"top": [0.1, 0.2]}, 9), (SPACE, 1)]
    results = search(space=pairs, refit=False).fit(X, y).cv_results_
    assert sum(params["top"] in (0.1, 0.2) for params in results["params"]) == 2
    assert len(results["params"]) == 9 + 5 + 3


def test_candidates_to_try_first_go_to_their_pair():
    pairs = [({"top": (0.0, 0.5)}, 2), ({"top": (0.6, 1.0)}, 1)]
    first = [{"top": 0.7}, {"top": 0.3}]
    results = search(space=pairs, initial_params=first, refit=False).fit(X, y)
    tops = [params["top"] for params in results.cv_results_["params"]]
    assert tops[:2] == [0.3, 0.7]


@pytest.mark.parametrize("number", [0, -1, 2.5, None])
def test_a_share_is_a_whole_number(number):
    other = SPACE if number is None else (SPACE, number)
    with pytest.raises(SearchError, match="each dict needs an n_iter of at least 1"):
        search(space=[({"top": [0.1]}, 2), other]).fit(X, y)


def test_groups_stay_whole_when_rows_are_the_resource():
    groups = np.arange(150) // 10
    seen = []

    class Sees(Curve):
        def fit(self, X, y):
            self.n_ = 1
            self.classes_ = np.unique(y)
            seen.append(len(X))
            return self

    found = search(Sees(), resource="n_samples", max_resource="auto", min_resource=10)
    found.set_params(cv=GroupKFold(3), refit=False).fit(X, y, groups=groups)
    assert set(seen) == {10, 30, 100}


# -- The plan ----------------------------------------------------------------------


def test_plan(capsys):
    assert search(max_resource=81, cv=3).plan() is None
    assert capsys.readouterr().out.splitlines() == [
        "Resource: passes over the training rows, continued by partial_fit.",
        "Bracket 4: 81 to 1, 27 to 3, 9 to 9, 3 to 27, 1 to 81 passes",
        "Bracket 3: 34 to 3, 11 to 9, 3 to 27, 1 to 81 passes",
        "Bracket 2: 15 to 9, 5 to 27, 1 to 81 passes",
        "Bracket 1: 8 to 27, 2 to 81 passes",
        "Bracket 0: 5 to 81 passes",
        "143 candidates, 1581 passes for each of 3 folds: as much as 19.5 candidates "
        "trained to 81",
    ]


def test_plan_of_rows(capsys):
    of_rows = search(SVC(), {"C": (0.1, 10.0)}, max_resource="auto", cv=3)
    with pytest.raises(SearchError, match=r"Call plan\(X, y\)"):
        of_rows.plan()
    of_rows.plan(X, y)
    planned = capsys.readouterr().out
    of_rows.set_params(verbose=1).fit(X, y)
    assert planned in capsys.readouterr().out


def test_rows_that_nobody_asked_for():
    early = SGDClassifier(early_stopping=True, random_state=0)
    unasked = search(early, ALPHA, max_resource=90, min_resource=30, cv=3)
    match = (
        "max_resource=90 are rows, of 100 in a fold.*partial_fit with early_stopping"
    )
    with pytest.warns(SktuneWarning, match=match):
        unasked.fit(X, y)
    assert unasked.resource_ == "n_samples"
    with pytest.warns(SktuneWarning, match="are rows"):
        unasked.plan(X, y)
    unasked.set_params(resource="n_samples").fit(X, y)
    unasked.set_params(resource="auto", max_resource="auto").fit(X, y)


def test_a_plan_of_one_candidate_is_refused():
    with pytest.raises(SearchError, match="max_resource=2 passes there is no second"):
        search(max_resource=2).plan()
    one = search(max_resource=2, n_candidates=2).fit(X, y)
    assert list(one.cv_results_["n_resources"]) == [2, 2]
    few = search(SVC(), {"C": (0.1, 10.0)}, max_resource="auto", cv=2)
    assert len(few.fit(X[45:55], y[45:55]).cv_results_["params"]) == 1
    # nothing to choose from: no reason to refuse
    fixed = search(space={"top": [0.5]}, max_resource=2).fit(X, y)
    assert fixed.best_params_ == {"top": 0.5}


def test_integers_of_numpy():
    options = {"max_resource": 9, "factor": 3, "n_candidates": 9, "brackets": 1}
    of_numpy = {name: np.int32(value) for name, value in options.items()}
    found, same = search(**of_numpy).fit(X, y), search(**options).fit(X, y)
    assert found.cv_results_["params"] == same.cv_results_["params"]


def test_a_finite_space_is_searched_to_the_end(calls):
    space = {"top": [0.1, 0.5, 0.9], "speed": [0.1, 0.2]}
    found = search(space=space, max_resource=81).fit(X, y)
    assert len(found.cv_results_["params"]) == 6
    assert found.cv_results_["n_resources"].max() == 81
    assert found.best_params_ == {"top": 0.9, "speed": 0.1}


# -- Samplers ----------------------------------------------------------------------


def test_the_estimators_own_parameters_come_first():
    found = search(Curve(top=0.25, speed=0.75), refit=False).fit(X, y)
    assert found.cv_results_["params"][0] == {"top": 0.25, "speed": 0.75}
    given = search(initial_params={"top": 0.125}, sampler="random", refit=False)
    assert given.fit(X, y).cv_results_["params"][0]["top"] == 0.125
    with pytest.raises(SpaceError, match="initial_params"):
        search(initial_params={"top": 2.0}).fit(X, y)


def test_the_model_is_better_than_chance():
    def best(sampler, seed):
        # few candidates: chance rarely meets the corner
        space = SPACE | {"speed": (0.2, 0.99)}
        options = {"sampler": sampler, "random_state": seed, "refit": False}
        found = search(space=space, **options).fit(X, y)
        return found.best_score_

    gains = [best("bayes", seed) - best("random", seed) for seed in range(6)]
    assert np.mean(gains) > 0


def test_warm_start_from_an_earlier_search():
    earlier = search(max_resource=27, sampler="random", refit=False).fit(X, y)
    warm = search(warm_start_from=earlier, refit=False).fit(X, y)
    cold = search(refit=False).fit(X, y)

    def start(found):
        return np.mean([p["top"] for p in found.cv_results_["params"][1:8]])

    assert start(warm) > start(cold)


# -- Failures ----------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
@pytest.mark.filterwarnings("ignore:One or more of the test scores:UserWarning")
@pytest.mark.parametrize("promotion", ["sync", "async"])
def test_failures_rank_last_and_starve_no_rung(promotion):
    space = SPACE | {"fails": [True, False]}
    found = search(space=space, max_resource=27, promotion=promotion).fit(X, y)
    results = found.cv_results_
    failed = results["status"] == "failed"
    assert failed.sum() > 5
    assert all(p["fails"] for p in np.array(results["params"])[failed])
    assert np.isnan(results["mean_test_score"][failed]).all()
    assert (results["rung"][failed] == 0).all()
    assert results["rank_test_score"][failed].min() > (~failed).sum()
    assert results["n_resources"][~failed].max() == 27
    assert not found.best_params_["fails"]


class Diverges(Curve):
    """Its score is not finite after the second unit, for a high `top`."""

    def score(self, X, y):
        return np.nan if self.top > 0.5 and self.n_ > 2 else super().score(X, y)


@pytest.mark.filterwarnings("ignore:One or more of the test scores:UserWarning")
def test_divergence_at_a_later_rung():
    # without the bracket whose first training is the longest
    found = search(Diverges(), max_resource=27, brackets=3).fit(X, y)
    results = found.cv_results_
    failed = results["status"] == "failed"
    # a good one at 1 unit is promoted, and fails at 3
    assert set(results["n_resources"][failed]) == {3, 9}
    assert results["rung"][results["n_resources"] == 3][0] == 1
    assert found.best_params_["top"] <= 0.5
    assert np.isfinite(found.best_score_)


def test_error_score_raise():
    with pytest.raises(ValueError, match="it fails"):
        search(Curve(fails=True), error_score="raise").fit(X, y)


# -- Same seed, same answer ----------------------------------------------------------


class Erratic(Curve):
    """Takes a random time."""

    def partial_fit(self, X, y, classes=None):
        time.sleep(np.random.default_rng().uniform(0, 0.004))
        return super().partial_fit(X, y, classes)


def assert_same(one, other):
    assert one.cv_results_["params"] == other.cv_results_["params"]
    for table, name in [("cv_results_", "cv_results_"), ("history_", "history_")]:
        ours, theirs = getattr(one, table), getattr(other, name)
        assert ours.keys() == theirs.keys()
        for key, column in ours.items():
            if not key.endswith("_time") and key != "params":
                np.testing.assert_array_equal(column, theirs[key], err_msg=key)
    assert one.best_params_ == other.best_params_


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
@pytest.mark.filterwarnings("ignore:One or more of the test scores:UserWarning")
@pytest.mark.parametrize(
    ("n_jobs", "backend"),
    [(2, "loky"), (2, "threading"), (5, "threading"), (8, "threading")],
)
@pytest.mark.parametrize("sampler", ["bayes", "random"])
def test_same_results_on_any_backend(n_jobs, backend, sampler):
    space = SPACE | {"fails": Integer(0, 3)}
    estimator = Erratic() if backend == "threading" else Curve()
    alone = search(Curve(), space, sampler=sampler, max_resource=27).fit(X, y)
    with joblib.parallel_config(backend, n_jobs=n_jobs):
        many = search(estimator, space, sampler=sampler, max_resource=27, n_jobs=n_jobs)
        assert_same(alone, many.fit(X, y))


def test_same_results_on_dask():
    distributed = pytest.importorskip("distributed")
    alone = search(SGD, ALPHA).fit(X, y)
    with (
        distributed.Client(n_workers=2, threads_per_worker=1, dashboard_address=":0"),
        joblib.parallel_config("dask"),
    ):
        many = search(SGD, ALPHA, n_jobs=-1, checkpoint_memory=0).fit(X, y)
    assert_same(alone, many)
    assert many.checkpoint_use_.peak_disk_bytes > 0


def test_checkpoints_on_disk_give_the_same(tmp_path):
    in_memory = search(SGD, ALPHA).fit(X, y)
    options = {"checkpoint_memory": 5_000, "checkpoint_folder": str(tmp_path)}
    on_disk = search(SGD, ALPHA, n_jobs=2, **options).fit(X, y)
    assert_same(in_memory, on_disk)
    assert in_memory.checkpoint_use_.peak_disk_bytes == 0
    assert on_disk.checkpoint_use_.peak_disk_bytes > 0
    assert on_disk.checkpoint_use_.peak_memory_bytes <= 5_000
    assert not list(tmp_path.iterdir())


def test_what_checkpoints_took_is_said(capsys):
    found = search(SGD, ALPHA, verbose=1).fit(X, y)
    use = found.checkpoint_use_
    said = capsys.readouterr().out
    assert f"Checkpoints: {use.n_written} written, the largest" in said
    assert "kB in memory and 0 bytes on disk at a time" in said


@pytest.mark.parametrize("promotion", ["sync", "async"])
def test_max_no_improvement(promotion):
    options = {"promotion": promotion, "max_resource": 27, "sampler": "random"}
    found = search(SGD, ALPHA, scoring=lambda e, X, y: 1.0, **options)
    whole = found.fit(X, y)
    assert whole.stop_reason_ == "completed"
    n_full = np.sum(whole.cv_results_["n_resources"] == 27)
    found = search(SGD, ALPHA, scoring=lambda e, X, y: 1.0, **options)
    cut = found.set_params(max_no_improvement=1).fit(X, y)
    assert cut.stop_reason_ == "max_no_improvement"
    assert 2 <= np.sum(cut.cv_results_["n_resources"] == 27) < n_full


def test_losers_take_no_memory():
    found = search(SGD, ALPHA, max_resource=81, brackets=1, sampler="random")
    found.set_params(refit=False).fit(X, y)
    use = found.checkpoint_use_
    # 81 candidates of two folds, then only their best third
    assert use.peak_memory_bytes <= 2 * 84 * use.largest_bytes
    assert use.memory_bytes == 0


def test_a_fitted_search_can_be_pickled():
    found = search(SGD, ALPHA).fit(X, y)
    again = pickle.loads(pickle.dumps(found))
    np.testing.assert_array_equal(again.predict(X), found.predict(X))
    assert again.brackets_ == found.brackets_


# -- Ends ----------------------------------------------------------------------------


def test_time_budget():
    class Slow(Curve):
        def partial_fit(self, X, y, classes=None):
            time.sleep(0.002)
            return super().partial_fit(X, y, classes)

    found = search(Slow(), max_resource=243, time_budget=1.5)
    started = time.monotonic()
    found.fit(X, y)
    assert time.monotonic() - started < 8
    assert found.stop_reason_ == "time_budget"
    assert "unfinished" in found.cv_results_["status"]
    assert found.best_estimator_.n_ == found.cv_results_["n_resources"].max()


@pytest.mark.slow
def test_a_real_search_is_as_good_as_full_training():
    digits, labels = load_digits(return_X_y=True)
    model = make_pipeline(StandardScaler(), SGD)
    space = {
        "sgdclassifier__alpha": (1e-6, 1e2, "log-uniform"),
        "sgdclassifier__penalty": ["l1", "l2", "elasticnet"],
    }
    found = search(model, space, max_resource=27, cv=3).fit(digits, labels)
    assert found.best_score_ > 0.9
    assert found.score(digits, labels) > 0.95

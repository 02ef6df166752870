"""What users of `GridSearchCV` expect, of all searches."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from scipy import sparse, stats
from sklearn import config_context
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.exceptions import FitFailedWarning
from sklearn.metrics import accuracy_score, f1_score, get_scorer, make_scorer
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    ShuffleSplit,
    cross_val_score,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC, LinearSVC

from sktune.exceptions import AllFitsFailedError, SktuneWarning

from .estimators import CHOOSING, LOGISTIC, SEARCHES, TREE, Recorder, X, y


@pytest.fixture(params=SEARCHES)
def search(request):
    """Makes a search with few candidates and a seed."""
    return SEARCHES[request.param]


# Members of a population are drawn, not chosen, and may be alike.
only_choosing = pytest.mark.parametrize("search", CHOOSING.values(), ids=CHOOSING)


@pytest.fixture
def log():
    Recorder.log.clear()
    return Recorder.log


# -- As GridSearchCV ------------------------------------------------------------


GRIDS = [
    {"max_depth": [3, 1, 2], "criterion": ["gini", "entropy"]},
    [{"max_depth": [1, 2]}, {"criterion": ["entropy"], "min_samples_leaf": [5, 1]}],
    {"max_depth": np.array([2, 4]), "min_samples_leaf": range(1, 3)},
    {"class_weight": [None, "balanced", {0: 1, 1: 2, 2: 1}]},
]


@only_choosing
@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("name", ["param_grid", "param_distributions"])
@pytest.mark.filterwarnings("ignore:The total space:sktune.exceptions.SktuneWarning")
def test_a_covered_grid_gives_the_rows_of_grid_search(search, grid, name):
    ours = search(TREE, **{name: grid}, n_iter=50).fit(X, y)
    theirs = GridSearchCV(TREE, grid, cv=3).fit(X, y)
    assert ours.cv_results_["params"] == theirs.cv_results_["params"]
    more = ("n_resources", "bracket", "rung", "status", "error")
    keys = [key for key in ours.cv_results_ if key not in more]
    assert keys == list(theirs.cv_results_)
    for key, column in theirs.cv_results_.items():
        if not key.endswith("_time") and key != "params":
            assert ours.cv_results_[key].dtype == column.dtype, key
            np.testing.assert_array_equal(ours.cv_results_[key], column, err_msg=key)
    assert ours.best_params_ == theirs.best_params_
    assert ours.best_index_ == theirs.best_index_
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))


@only_choosing
def test_tuples_are_lists_in_a_param_grid(search):
    grid = {"max_depth": (1, 4)}
    assert len(search(TREE, param_grid=grid).fit(X, y).cv_results_["params"]) == 2
    assert len(search(space=grid, n_iter=4).fit(X, y).cv_results_["params"]) == 4


def test_multimetric(search):
    found = search(scoring=["accuracy", "f1_macro"], refit="f1_macro").fit(X, y)
    assert {"mean_test_accuracy", "rank_test_f1_macro"} <= found.cv_results_.keys()
    best = found.cv_results_["mean_test_f1_macro"].max()
    assert found.best_score_ == best
    assert found.multimetric_
    assert set(found.scorer_) == {"accuracy", "f1_macro"}
    assert found.score(X, y) == found.scorer_["f1_macro"](found.best_estimator_, X, y)


def test_multimetric_without_refit_has_no_best(search):
    found = search(scoring=["accuracy", "f1_macro"], refit=False).fit(X, y)
    assert not hasattr(found, "best_params_")
    assert not hasattr(found, "best_estimator_")


@only_choosing
def test_refit_names_the_metric_that_is_optimised(search):
    # The two metrics have opposite optima.
    class Linear(Recorder):
        pass

    scoring = {"up": lambda e, X, y: e.a, "down": lambda e, X, y: -e.a}
    for name, end in [("up", 1.0), ("down", 0.0)]:
        found = search(
            Linear(), {"a": (0.0, 1.0)}, n_iter=15, scoring=scoring, refit=name
        )
        assert abs(found.fit(X, y).best_params_["a"] - end) < 0.02


def test_a_metric_is_no_scorer(search):
    with pytest.raises(ValueError, match="looks like it is a metric function"):
        search(scoring=f1_score).fit(X, y)


def test_callable_scoring_that_returns_several(search):
    def scoring(estimator, X, y):
        accuracy = accuracy_score(y, estimator.predict(X))
        return {"accuracy": accuracy, "error": 1 - accuracy}

    found = search(scoring=scoring, refit="accuracy").fit(X, y)
    assert found.multimetric_
    assert found.best_score_ == found.cv_results_["mean_test_accuracy"].max()
    with pytest.raises(ValueError, match="refit must be set to a scorer key"):
        search(scoring=scoring).fit(X, y)


def test_callable_refit(search):
    found = search(refit=lambda results: 2).fit(X, y)
    assert found.best_index_ == 2
    assert found.best_params_ == found.cv_results_["params"][2]
    assert not hasattr(found, "best_score_")
    assert found.predict(X).shape == y.shape


def test_refit_false(search):
    found = search(refit=False).fit(X, y)
    assert found.best_params_
    assert not hasattr(found, "best_estimator_")
    assert not hasattr(found, "refit_time_")


def test_fitted_attributes(search):
    found = search(return_train_score=True).fit(X, y)
    assert found.n_splits_ == 3
    assert found.n_features_in_ == 4
    assert list(found.classes_) == [0, 1, 2]
    assert found.refit_time_ > 0
    assert not found.multimetric_
    assert found.optimizer_time_.shape == (6,)
    assert (found.optimizer_time_ >= 0).all()
    assert found.stop_reason_ in ("n_iter", "completed")
    assert found.space_.names == ("max_depth", "min_samples_leaf")
    assert "mean_train_score" in found.cv_results_
    assert found.predict_proba(X).shape == (150, 3)


def test_folds_are_drawn_once(search):
    class OneTime:
        """A splitter that can be asked once."""

        def __init__(self):
            self.folds = iter(list(KFold(3, shuffle=True).split(X)))

        def get_n_splits(self, *args, **kwargs):
            return 3

        def split(self, *args, **kwargs):
            yield from self.folds

    found = search(cv=OneTime()).fit(X, y)
    assert np.isfinite(found.cv_results_["mean_test_score"]).all()
    generator = iter(list(KFold(3, shuffle=True, random_state=0).split(X)))
    assert search(cv=generator).fit(X, y).n_splits_ == 3


def test_unseeded_shuffling_compares_on_the_same_folds(search, log):
    cv = ShuffleSplit(2, test_size=0.5)
    search(Recorder(), {"a": [0.1, 0.2, 0.3]}, cv=cv, n_iter=3, refit=False).fit(X, y)
    first_rows = {row["X"].tobytes() for row in log}
    assert len(log) == 6
    assert len(first_rows) == 2


def test_boolean_masks_as_folds(search):
    mask = np.arange(150) % 3 == 0
    found = search(cv=[(~mask, mask), (mask, ~mask)]).fit(X, y)
    assert found.n_splits_ == 2


def test_groups(search):
    groups = np.arange(150) % 5
    found = search(cv=GroupKFold(5)).fit(X, y, groups=groups)
    assert found.n_splits_ == 5
    with pytest.raises(ValueError, match="groups"):
        search(cv=GroupKFold(5)).fit(X, y)


def test_fit_params_are_sliced_and_used_in_the_refit(search, log):
    weight = np.arange(150.0)
    space = {"a": (0.0, 1.0)}
    cv = KFold(3)
    search(Recorder(), space, n_iter=2, cv=cv).fit(X, y, sample_weight=weight, note="n")
    train = [train for train, _ in cv.split(X)]
    assert len(log) == 2 * 3 + 1
    for i, row in enumerate(log[:-1]):
        np.testing.assert_array_equal(row["weight"], weight[train[i % 3]])
        assert row["note"] == "n"
    np.testing.assert_array_equal(log[-1]["weight"], weight)


def test_metadata_routing(search):
    weight = np.linspace(0.1, 1, 150)
    seen = []

    def metric(y_true, y_pred, sample_weight):
        seen.append(len(sample_weight))
        return accuracy_score(y_true, y_pred, sample_weight=sample_weight)

    with config_context(enable_metadata_routing=True):
        model = clone(LOGISTIC).set_fit_request(sample_weight=True)
        scorer = make_scorer(metric).set_score_request(sample_weight=True)
        cv = GroupKFold(3)
        found = search(model, {"C": (0.1, 10.0)}, n_iter=2, scoring=scorer, cv=cv)
        found.fit(X, y, sample_weight=weight, groups=np.arange(150) % 3)
        assert seen == [50] * 6
        unrouted = search(LOGISTIC, {"C": (0.1, 10.0)})
        with pytest.raises(ValueError, match="sample_weight"):
            unrouted.fit(X, y, sample_weight=weight)


@only_choosing
def test_pipelines_with_steps_as_choices(search):
    pipe = Pipeline([("scale", StandardScaler()), ("model", LOGISTIC)])
    space = [
        {"model": [SVC()], "model__C": (0.1, 10.0, "log-uniform")},
        {"model": [LinearSVC()], "scale": ["passthrough", MinMaxScaler()]},
    ]
    found = search(pipe, space, n_iter=10).fit(X, y)
    params = found.cv_results_["params"]
    assert all(("model__C" in p) == isinstance(p["model"], SVC) for p in params)
    # The user's objects come back, unfitted.
    assert {id(p["model"]) for p in params} <= {id(part["model"][0]) for part in space}
    assert not any(hasattr(p["model"], "classes_") for p in params)
    assert found.cv_results_["param_model__C"].mask.any()


@pytest.mark.parametrize("make", [sparse.csr_matrix, sparse.coo_matrix])
def test_sparse_input(search, make):
    found = search(LOGISTIC, {"C": (0.1, 10.0)}, n_iter=3).fit(make(X), y)
    assert found.predict(make(X)).shape == (150,)


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_data_frames(search, library, n_jobs):
    frames = pytest.importorskip(library)
    names = ["a", "b", "c", "d"]
    frame = frames.DataFrame(dict(zip(names, X.T, strict=True)))
    target = frames.Series(y)
    found = search(LOGISTIC, {"C": (0.1, 10.0)}, n_iter=3, n_jobs=n_jobs)
    found.fit(frame, target)
    # scikit-learn 1.6 does not read the names of polars' columns.
    alone = clone(LOGISTIC).fit(frame, target)
    assert hasattr(found, "feature_names_in_") == hasattr(alone, "feature_names_in_")
    if library == "pandas":
        assert list(found.feature_names_in_) == names
    assert found.predict(frame).shape == (150,)


def test_lists_as_input(search):
    found = search(n_iter=2).fit(X.tolist(), y.tolist())
    assert found.score(X, y) > 0.5


def test_unsupervised(search):
    found = search(PCA(), {"n_components": (1, 4)}, n_iter=4).fit(X)
    assert found.transform(X).shape == (150, found.best_params_["n_components"])


def test_clone_pickle_and_set_params(search):
    original = search(estimator=SVC(), space={"C": stats.loguniform(0.1, 10)})
    copy = clone(original).set_params(estimator__gamma=0.5, cv=2)
    assert original.get_params()["estimator__gamma"] == "scale"
    found = copy.fit(X, y)
    restored = pickle.loads(pickle.dumps(found))
    np.testing.assert_array_equal(restored.predict(X), found.predict(X))
    assert restored.best_params_ == found.best_params_


@only_choosing
def test_nested_in_cross_validation_pipeline_and_itself(search):
    inner = search(n_iter=3)
    assert cross_val_score(inner, X, y, cv=2).shape == (2,)
    piped = make_pipeline(StandardScaler(), inner).fit(X, y)
    assert piped.score(X, y) > 0.9
    outer = search(inner, {"cv": [2, 3]}, n_iter=2, cv=2, n_jobs=2).fit(X, y)
    assert outer.best_params_["cv"] in (2, 3)
    assert outer.best_estimator_.best_params_


def test_html_repr(search):
    assert type(search()).__name__ in search()._repr_html_()
    assert "best_estimator_" in search(n_iter=2).fit(X, y)._repr_html_()


def test_verbose_messages(search, capsys):
    search(n_iter=2, verbose=3).fit(X, y)
    out = capsys.readouterr().out
    assert "Fitting 3 folds for each of 2 candidates, totalling 6 fits" in out
    assert out.count("score=") == 6
    assert "[CV 1/3] END" in out


def test_callbacks_of_scikit_learn(search):
    pytest.importorskip("sklearn.callback")
    calls = []

    class Counter:
        def setup(self, estimator, context):
            calls.append("setup")

        def on_fit_task_begin(self, estimator, context, **kwargs):
            calls.append(context.task_name)

        def on_fit_task_end(self, estimator, context, **kwargs):
            return False

        def teardown(self, estimator, context):
            calls.append("teardown")

    search(n_iter=4).set_callbacks(Counter()).fit(X, y)
    assert calls.count("candidate-split-evaluation") == 12
    assert calls.count("refit-with-best-params") == 1
    assert (calls[0], calls[-1]) == ("setup", "teardown")


@pytest.mark.filterwarnings("ignore:The estimator .* does not support callbacks")
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_progress_bar_of_scikit_learn(search, n_jobs, capsys):
    callback = pytest.importorskip("sklearn.callback")
    pytest.importorskip("rich")
    search(n_iter=4, n_jobs=n_jobs).set_callbacks(callback.ProgressBar()).fit(X, y)
    assert "100%" in capsys.readouterr().out


# -- Failures --------------------------------------------------------------------


class Fails(Recorder):
    """Fails for large `a`."""

    def fit(self, X, y):
        if self.a > 0.6:
            raise ValueError(f"a={self.a} is too large")
        return super().fit(X, y)


def test_failures_are_nan_and_the_search_goes_on(search):
    with (
        pytest.warns(FitFailedWarning, match="fits failed out of a total of 60"),
        pytest.warns(UserWarning, match="non-finite"),
    ):
        found = search(Fails(), {"a": (0.0, 1.0)}, n_iter=20).fit(X, y)
    scores = found.cv_results_["mean_test_score"]
    assert np.isnan(scores).any()
    # It learns where it fails and still comes close to the edge.
    assert 0.5 < found.best_score_ <= 0.6


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
def test_error_score_is_what_is_shown(search):
    found = search(Fails(), {"a": [0.1, 0.9]}, n_iter=2, error_score=-3).fit(X, y)
    assert found.cv_results_["mean_test_score"] == pytest.approx([0.1, -3])


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_error_score_raise(search, n_jobs):
    failing = search(Fails(), {"a": [0.1, 0.9]}, n_iter=2, error_score="raise")
    with pytest.raises(ValueError, match=r"a=0\.9 is too large"):
        failing.set_params(n_jobs=n_jobs).fit(X, y)


@pytest.mark.parametrize("n_iter", [1, 12])
def test_all_failed(search, n_iter):
    failing = search(Fails(), {"a": (0.7, 1.0)}, n_iter=n_iter)
    with pytest.raises(AllFitsFailedError, match=f"All the {3 * n_iter} fits failed"):
        failing.fit(X, y)


class Exits(Recorder):
    """Leaves the interpreter for large `a`."""

    def fit(self, X, y):
        if self.a > 0.6:
            raise SystemExit(3)
        return super().fit(X, y)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
@pytest.mark.filterwarnings("ignore:One or more of the test scores:UserWarning")
def test_sys_exit_is_a_failed_candidate(search):
    found = search(Exits(), {"a": [0.1, 0.9]}, n_iter=2).fit(X, y)
    assert found.best_params_ == {"a": 0.1}


@pytest.mark.filterwarnings("ignore:One or more of the test scores:UserWarning")
@pytest.mark.parametrize("odd", [np.inf, -np.inf, np.nan])
def test_a_score_that_is_not_finite_never_wins(search, odd):
    def scoring(estimator, X, y):
        return odd if estimator.a > 0.5 else estimator.a

    found = search(Recorder(), {"a": (0.0, 1.0)}, n_iter=12, scoring=scoring).fit(X, y)
    assert found.best_params_["a"] <= 0.5
    assert np.isfinite(found.best_score_)
    ranks = found.cv_results_["rank_test_score"]
    finite = np.isfinite(found.cv_results_["mean_test_score"])
    assert ranks[finite].max() <= ranks[~finite].min()


@pytest.mark.filterwarnings("ignore:One or more of the test scores:UserWarning")
@pytest.mark.parametrize("odd", [None, "good", np.ones(2), 1j])
def test_a_scorer_that_returns_no_number(search, odd):
    def scoring(estimator, X, y):
        return odd if estimator.a > 0.5 else estimator.a

    found = search(Recorder(), {"a": [0.2, 0.9]}, n_iter=2, scoring=scoring)
    with pytest.warns(SktuneWarning, match="scoring must return a number"):
        found.fit(X, y)
    assert found.best_params_ == {"a": 0.2}


@pytest.mark.filterwarnings("ignore:One or more of the test scores:UserWarning")
@pytest.mark.filterwarnings("ignore:Scoring failed")
def test_one_metric_that_fails_leaves_the_others(search):
    def broken(estimator, X, y):
        raise RuntimeError("no score today")

    scoring = {"broken": broken, "accuracy": get_scorer("accuracy")}
    found = search(scoring=scoring, refit="accuracy").fit(X, y)
    assert np.isnan(found.cv_results_["mean_test_broken"]).all()
    assert np.isfinite(found.best_score_)

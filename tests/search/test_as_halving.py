"""The part of scikit-learn's ``test_successive_halving.py`` that applies to Hyperband.

Ported, since the names differ: there a row of ``cv_results_`` is a candidate at an
iteration, which here is a row of ``history_``. Left out is what tests private helpers
(``_SubsampleMetaSplitter``, ``_top_k``), ``aggressive_elimination`` and how many
resources ``min_resources="exhaust"`` takes: Hyperband has none of them.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm, randint
from sklearn.datasets import make_classification
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import (
    GroupKFold,
    GroupShuffleSplit,
    LeaveOneGroupOut,
    LeavePGroupsOut,
    StratifiedKFold,
    StratifiedShuffleSplit,
)
from sklearn.svm import SVC, LinearSVC

from sktune import HyperbandSearchCV
from sktune.exceptions import SearchError

X, y = make_classification(n_samples=1000, random_state=0)
SPACE = {"a": ("l1", "l2"), "b": list(range(30))}


class Fast(DummyClassifier):
    """A dummy with parameters that change nothing."""

    _parameter_constraints: dict = {
        **DummyClassifier._parameter_constraints,
        "a": "no_validation",
        "b": "no_validation",
        "n_estimators": "no_validation",
        "fail": "no_validation",
    }

    def __init__(
        self,
        strategy="stratified",
        random_state=None,
        constant=None,
        a="l1",
        b=0,
        n_estimators=10,
        fail=None,
    ):
        super().__init__(
            strategy=strategy, random_state=random_state, constant=constant
        )
        self.a = a
        self.b = b
        self.n_estimators = n_estimators
        self.fail = fail

    def fit(self, X, y, sample_weight=None):
        if self.fail == "fit":
            raise Exception("fitting failed")
        return super().fit(X, y, sample_weight)

    def predict(self, X):
        if self.fail == "predict":
            raise Exception("predict failed")
        return super().predict(X)


def search(estimator=None, space=None, **options):
    options = {"brackets": 1, "factor": 2, "cv": 5, "random_state": 0} | options
    estimator = Fast() if estimator is None else estimator
    options["param_grid"] = SPACE if space is None else space
    return HyperbandSearchCV(estimator, **options)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
@pytest.mark.filterwarnings("ignore:Scoring failed:UserWarning")
@pytest.mark.filterwarnings("ignore:One or more of the:UserWarning")
@pytest.mark.parametrize("fail_at", ["fit", "predict"])
def test_nan_handling(fail_at):
    space = {"fail": [None, fail_at], "b": range(3)}
    found = search(space=space, resource="n_estimators", max_resource=4)
    found.set_params(n_candidates=6).fit(X, y)
    assert found.best_params_["fail"] is None
    scores = found.cv_results_["mean_test_score"]
    ranks = found.cv_results_["rank_test_score"]
    assert np.isnan(scores).any()
    unique_nan_ranks = np.unique(ranks[np.isnan(scores)])
    assert len(unique_nan_ranks) == 1
    assert (unique_nan_ranks[0] >= ranks).all()


def test_resource_parameter():
    found = search(resource="b", max_resource=20, space={"a": ["l1", "l2"]}).fit(X, y)
    assert set(found.history_["n_resources"]) <= {1, 2, 5, 10, 20}
    with pytest.raises(SearchError, match="resource='x' cannot be used with Fast"):
        search(resource="x").fit(X, y)
    with pytest.raises(SearchError, match="'b' is the resource, and cannot be"):
        search(resource="b").fit(X, y)


@pytest.mark.parametrize(
    ("space", "expected"),
    [
        ({"a": norm, "b": norm}, None),
        ({"a": [0, 1, 2], "b": randint(1, 3)}, 3 * 2),
        ({"a": [0, 1], "b": [1, 2, 3, 4]}, 8),
    ],
)
def test_random_search_discrete_distributions(space, expected):
    if expected is None:
        space = {name: dist() for name, dist in space.items()}
    found = HyperbandSearchCV(Fast(), space, brackets=1, n_candidates=10, cv=3)
    n = len(found.fit(X, y).cv_results_["params"])
    assert n == (10 if expected is None else expected)


def test_cv_results():
    rng = np.random.RandomState(0)
    found = search(scoring=lambda estimator, X, y: rng.rand(), cv=2, n_candidates=60)
    found.fit(X, y)
    history = found.history_
    by_rung: dict = {}
    for row, rung in enumerate(history["rung"]):
        scores = by_rung.setdefault(rung, {})
        scores.setdefault(history["candidate"][row], []).append(
            history["test_score"][row]
        )
    assert [len(by_rung[rung]) for rung in sorted(by_rung)] == [60, 30, 15, 7, 3]
    for rung in range(4):
        means = {candidate: np.mean(s) for candidate, s in by_rung[rung].items()}
        kept = set(by_rung[rung + 1])
        assert kept <= means.keys()
        discarded = [mean for c, mean in means.items() if c not in kept]
        assert max(discarded) < min(means[c] for c in kept)


def test_base_estimator_inputs():
    fitted, predicted, passed = [], [], []

    class BookKeeping(Fast):
        def fit(self, X, y, sample_weight=None):
            fitted.append(len(X))
            return super().fit(X, y, sample_weight)

        def predict(self, X):
            predicted.append(len(X))
            return super().predict(X)

        def set_params(self, **params):
            passed.append(params)
            return super().set_params(**params)

    found = search(BookKeeping(), cv=2, refit=False, n_candidates=60)
    passed.clear()
    found.fit(X, y)
    # The space is tried on the estimator before the search.
    passed = passed[-len(fitted) :]
    n_resources = found.history_["n_resources"]
    assert sorted(fitted) == sorted(n_resources)
    assert predicted == [500] * len(fitted)
    params = [found.cv_results_["params"][c] for c in found.history_["candidate"]]
    assert sorted(map(str, passed)) == sorted(map(str, params))


def test_groups_support():
    rng = np.random.RandomState(0)
    X, y = make_classification(n_samples=50, n_classes=2, random_state=0)
    groups = rng.randint(0, 3, 50)
    options = {"space": {"C": [1]}, "n_candidates": 1}
    for cv in [
        LeaveOneGroupOut(),
        LeavePGroupsOut(2),
        GroupKFold(n_splits=3),
        GroupShuffleSplit(random_state=0),
    ]:
        found = search(LinearSVC(random_state=0), cv=cv, **options)
        with pytest.raises(ValueError, match="The 'groups' parameter should not be"):
            found.fit(X, y)
        found.fit(X, y, groups=groups)
    for cv in [StratifiedKFold(), StratifiedShuffleSplit(random_state=0)]:
        search(LinearSVC(random_state=0), cv=cv, **options).fit(X, y)


def test_list_of_dicts():
    space = [{"kernel": ["linear"], "C": [1, 10]}, {"kernel": ["rbf"], "gamma": [0.1]}]
    X, y = make_classification(n_samples=150, n_features=4, random_state=0)
    found = search(SVC(), space, cv=3, n_candidates=3, refit=False).fit(X, y)
    results = found.cv_results_
    for key in ("param_C", "param_gamma", "param_kernel", "n_resources", "rung"):
        assert len(results[key]) == 3
    assert results["param_gamma"].mask[:2].all()
    assert results["param_C"].mask[2]


def test_unequal_folds_are_used_whole_at_the_largest_budget():
    sizes = []

    class Sees(Fast):
        def fit(self, X, y, sample_weight=None):
            sizes.append(len(X))
            return super().fit(X, y, sample_weight)

    groups = np.repeat([0, 1, 2], [100, 300, 600])
    found = search(Sees(), cv=LeaveOneGroupOut(), n_candidates=2, refit=False)
    found.fit(X, y, groups=groups)
    assert found.max_resource_ == 400
    assert {400, 700, 900} <= set(sizes)

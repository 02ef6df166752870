"""Data, estimators and searches that the tests of all searches share."""

from __future__ import annotations

import pickle

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from sktune import BayesSearchCV, HyperbandSearchCV, PBTSearchCV

X, y = load_iris(return_X_y=True)
LOGISTIC = LogisticRegression(max_iter=1000)
TREE = DecisionTreeClassifier(random_state=0)
DEPTHS = {"max_depth": (1, 30), "min_samples_leaf": (1, 20)}

# A factor so large leaves one bracket of one rung: every candidate is trained in full.
ONE_RUNG = {"resource": "n_samples", "factor": 10**9}


def bayes(estimator=TREE, space=None, **options):
    """A search with few candidates and a seed."""
    options = {"n_iter": 6, "cv": 3, "random_state": 0} | options
    if "param_grid" not in options and "param_distributions" not in options:
        options["param_distributions"] = DEPTHS if space is None else space
    return BayesSearchCV(estimator, **options)


def hyperband(estimator=TREE, space=None, *, n_iter=6, **options):
    """The same by a single rung of Hyperband."""
    options = ONE_RUNG | {"cv": 3, "random_state": 0} | options
    if "param_grid" not in options and "param_distributions" not in options:
        options["param_distributions"] = DEPTHS if space is None else space
    return HyperbandSearchCV(estimator, n_candidates=n_iter, **options)


class InParts:
    """A whole fit as the one unit of a training that could go on."""

    training_resource = "units"

    def set_params(self, **params):
        params.pop("units", None)
        return super().set_params(**params)

    def train_more(self, X, y, amount, **params):
        return self.fit(X, **params) if y is None else self.fit(X, y, **params)

    def get_training_state(self):
        return pickle.dumps(vars(self))

    def set_training_state(self, state):
        vars(self).update(pickle.loads(state))
        return self


class TreeInParts(InParts, DecisionTreeClassifier):
    """A tree."""


class LogisticInParts(InParts, LogisticRegression):
    """Logistic regression."""


class SVCInParts(InParts, SVC):
    """A support vector machine."""


class PCAInParts(InParts, PCA):
    """Principal components."""


IN_PARTS = {kind.__mro__[2]: kind for kind in InParts.__subclasses__()}


def pbt(estimator=TREE, space=None, *, n_iter=6, **options):
    """The same by a population of one generation."""
    options = {"max_resource": 1, "cv": 3, "random_state": 0} | options
    options = {"n_generations": 1} | options
    if "param_grid" not in options and "param_distributions" not in options:
        options["param_distributions"] = DEPTHS if space is None else space
    if type(estimator) in IN_PARTS:
        estimator = clone(estimator)
        estimator.__class__ = IN_PARTS[type(estimator)]
    return PBTSearchCV(estimator, population_size=n_iter, **options)


SEARCHES = {"bayes": bayes, "hyperband": hyperband, "pbt": pbt}
# Those that try each configuration once, and choose it from the results so far.
CHOOSING = {name: SEARCHES[name] for name in ("bayes", "hyperband")}


class Recorder(InParts, ClassifierMixin, BaseEstimator):
    """Scores its parameter; records what it was given."""

    log: list[dict] = []

    def __init__(self, a=0.5):
        self.a = a

    def fit(self, X, y, sample_weight=None, note=None):
        self.classes_ = np.unique(y)
        row = {"a": self.a, "n": len(y), "weight": sample_weight, "note": note}
        self.log.append(row | {"X": X})
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])

    def score(self, X, y, sample_weight=None):
        return self.a

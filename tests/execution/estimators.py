"""Estimators that are trained in parts, written for the tests."""

from __future__ import annotations

import pickle

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.preprocessing import LabelBinarizer


class Descent(ClassifierMixin, BaseEstimator):
    """Softmax regression by gradient descent with momentum.

    The rate falls to zero over all of `epochs`, so that a training that is cut
    must know how long the whole one is. It satisfies `Resumable`.
    """

    training_resource = "epochs"

    def __init__(self, epochs=20, rate=0.1, momentum=0.9, seed=0):
        self.epochs = epochs
        self.rate = rate
        self.momentum = momentum
        self.seed = seed

    def fit(self, X, y, sample_weight=None):
        for name in ("weights_", "done_"):
            self.__dict__.pop(name, None)
        return self.train_more(X, y, self.epochs, sample_weight=sample_weight)

    def train_more(self, X, y, amount, *, sample_weight=None):
        X = np.asarray(X, dtype=float)
        self.classes_ = np.unique(y)
        self.n_features_in_ = X.shape[1]
        target = (
            LabelBinarizer()
            .fit(np.arange(len(self.classes_)))
            .transform(np.searchsorted(self.classes_, y))
        )
        if target.shape[1] == 1:
            target = np.hstack([1 - target, target])
        if not hasattr(self, "weights_"):
            rng = np.random.default_rng(self.seed)
            self.weights_ = rng.normal(size=(X.shape[1], target.shape[1])) / 100
            self.velocity_ = np.zeros_like(self.weights_)
            self.done_ = 0
        weight = np.ones(len(X)) if sample_weight is None else sample_weight
        for _ in range(amount):
            if self.done_ >= self.epochs:
                raise ValueError(f"trained beyond epochs={self.epochs}")
            rng = np.random.default_rng([self.seed, self.done_])
            rate = self.rate * (1 - self.done_ / self.epochs)
            for rows in np.array_split(rng.permutation(len(X)), 4):
                error = self._proba(X[rows]) - target[rows]
                gradient = X[rows].T @ (error * weight[rows, None]) / len(rows)
                self.velocity_ = self.momentum * self.velocity_ - rate * gradient
                self.weights_ = self.weights_ + self.velocity_
            self.done_ += 1
        return self

    def _proba(self, X):
        logits = np.asarray(X, dtype=float) @ self.weights_
        logits = np.exp(logits - logits.max(axis=1, keepdims=True))
        return logits / logits.sum(axis=1, keepdims=True)

    def predict_proba(self, X):
        return self._proba(X)

    def predict(self, X):
        return self.classes_[self._proba(X).argmax(axis=1)]

    def get_training_state(self):
        return pickle.dumps((self.weights_, self.velocity_, self.done_, self.classes_))

    def set_training_state(self, state):
        self.weights_, self.velocity_, self.done_, self.classes_ = pickle.loads(state)
        self.n_features_in_ = len(self.weights_)
        return self


class Net(ClassifierMixin, BaseEstimator):
    """The part of skorch's interface that is used: skorch needs torch."""

    def __init__(self, module=None, max_epochs=10, lr=0.1):
        self.module = module
        self.max_epochs = max_epochs
        self.lr = lr

    def initialize_module(self):
        self.descent_ = Descent(epochs=10_000, rate=self.lr)
        self.history_ = []
        return self

    def partial_fit(self, X, y=None, classes=None, **fit_params):
        if not hasattr(self, "descent_"):
            self.initialize_module()
        self.descent_.train_more(X, y, self.max_epochs)
        self.history_ += [{"epoch": 1}] * self.max_epochs
        self.classes_ = self.descent_.classes_
        return self

    def fit(self, X, y=None, **fit_params):
        self.initialize_module()
        return self.partial_fit(X, y, **fit_params)

    def predict_proba(self, X):
        return self.descent_.predict_proba(X)

    def predict(self, X):
        return self.descent_.predict(X)

"""What users of dask-ml's `HyperbandSearchCV` find again."""

from __future__ import annotations

import inspect
import pickle

import numpy as np
import pytest
from scipy.stats import loguniform, uniform
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier

import sktune
from sktune.compat.dask_ml import HyperbandSearchCV
from sktune.exceptions import SktuneWarning

X, y = load_digits(return_X_y=True)
PARAMETERS = {"alpha": loguniform(1e-6, 1e0), "l1_ratio": uniform(0, 1)}
MODEL = SGDClassifier(penalty="elasticnet", random_state=0)

# dask-ml 2025.1
SIGNATURE = [
    "estimator",
    "parameters",
    "max_iter",
    "aggressiveness",
    "patience",
    "tol",
    "test_size",
    "random_state",
    "scoring",
    "verbose",
    "prefix",
    "predict_meta",
    "predict_proba_meta",
    "transform_meta",
]


def search(**options):
    options = {"max_iter": 9, "random_state": 0} | options
    return HyperbandSearchCV(MODEL, PARAMETERS, **options)


def test_signature():
    names = list(inspect.signature(HyperbandSearchCV).parameters)
    assert names[: len(SIGNATURE)] == SIGNATURE
    assert search().get_params(deep=False).keys() == set(names)
    assert clone(search(patience=3)).patience == 3


def test_attributes():
    found = search().fit(X, y)
    assert isinstance(found, sktune.HyperbandSearchCV)
    results = found.cv_results_
    expected = {"model_id", "test_score", "partial_fit_calls", "bracket", "params"}
    assert expected <= results.keys()
    assert results["model_id"][0] == "bracket=2-0"
    assert len(set(results["model_id"])) == 17
    assert found.best_score_ == results["test_score"][found.best_index_]
    assert found.best_score_ > 0.9
    assert found.metadata == found.metadata_
    assert found.metadata["n_models"] == 17
    assert found.metadata["partial_fit_calls"] == 69
    assert found.metadata["brackets"][0] == {
        "bracket": 2,
        "n_models": 9,
        "partial_fit_calls": 21,
        "decisions": [1, 3, 9],
    }
    history = found.model_history_[results["model_id"][found.best_index_]]
    assert history[-1]["partial_fit_calls"] == 9
    assert history[-1]["score"] == found.best_score_
    assert len(found.history_) == sum(map(len, found.model_history_.values()))
    assert found.n_splits_ == 1
    assert found.predict(X).shape == y.shape
    again = pickle.loads(pickle.dumps(found))
    assert again.metadata_ == found.metadata_


def test_the_numbers_of_the_documentation_of_dask_ml():
    assert search(max_iter=81).metadata["partial_fit_calls"] == 1581
    six = search(max_iter=243).metadata["brackets"]
    assert [bracket["bracket"] for bracket in six] == [5, 4, 3, 2, 1, 0]


def test_rows_held_out():
    found = search(test_size=0.4).fit(X, y)
    _, test = next(found.cv.split(X))
    assert len(test) == pytest.approx(0.4 * len(X), abs=1)


@pytest.mark.parametrize(("patience", "units"), [(False, None), (True, 3), (5, 5)])
def test_patience(patience, units):
    assert search(patience=patience)._units_of_patience() == units
    assert search(patience=patience).fit(X, y).best_score_ > 0.85


def test_learning_curves():
    pytest.importorskip("pandas")
    assert list(search().fit(X, y).learning_curves().columns) == [1, 3, 9]


def test_what_has_no_effect_is_said():
    with pytest.warns(SktuneWarning, match="without effect in sktune: predict_meta"):
        search(predict_meta=np.zeros(0)).fit(X, y)


def test_arrays_of_dask():
    array = pytest.importorskip("dask.array")
    chunks = {"chunks": 600}
    found = search().fit(array.from_array(X, **chunks), array.from_array(y, **chunks))
    assert found.resource_ == "batches"
    assert found.best_score_ > 0.8
    assert search().fit(X, y).resource_ == "passes"

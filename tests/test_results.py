"""Tests of `sktune.results`."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.svm import SVC

from sktune._protocol import FoldResult, Status
from sktune.exceptions import SearchError, SktuneWarning
from sktune.results import (
    earlier_results,
    fold_rows,
    rank,
    warn_about_failed_scores,
)

NAN = math.nan


def fold(test_scores=None, **kwargs):
    return FoldResult(0, 0, Status.OK, test_scores=test_scores, **kwargs)


# -- fold_rows --------------------------------------------------------------------


def test_rows_of_one_metric():
    rows = fold_rows([fold(0.5, fit_time=1.0, score_time=2.0), fold()], -1.0, None)
    assert rows[0] == {
        "test_scores": 0.5,
        "train_scores": -1.0,
        "fit_time": 1.0,
        "score_time": 2.0,
        "fit_error": None,
    }
    assert rows[1]["test_scores"] == -1.0


def test_rows_of_several_metrics():
    results = [fold(fit_error="failed"), fold({"a": 0.5, "b": None})]
    rows = fold_rows(results, 0.0, ["a", "b"])
    assert rows[0]["test_scores"] == {"a": 0.0, "b": 0.0}
    assert rows[0]["fit_error"] == "failed"
    assert rows[1]["test_scores"] == {"a": 0.5, "b": 0.0}


def test_a_callable_scorer_reveals_its_metrics():
    rows = fold_rows([fold(), fold({"b": 1.0, "a": 0.5})], 0.0, None)
    assert rows[0]["test_scores"] == {"b": 0.0, "a": 0.0}
    assert rows[1]["test_scores"] == {"b": 1.0, "a": 0.5}


def test_no_score_is_a_score_of_zero():
    assert fold_rows([fold(0.0)], NAN, None)[0]["test_scores"] == 0.0
    assert fold_rows([fold({"a": 0.0})], NAN, None)[0]["test_scores"] == {"a": 0.0}


# -- rank --------------------------------------------------------------


@pytest.mark.parametrize(
    ("means", "ranks"),
    [
        ([0.5, math.inf, 0.7, NAN, -math.inf], [2, 3, 1, 3, 3]),
        ([math.inf, math.inf], [1, 1]),
        ([math.inf, 0.1, 0.1], [3, 1, 1]),
        ([math.inf, -1e300, -1e20], [3, 2, 1]),  # where minus 1 changes nothing
    ],
)
def test_an_infinite_score_never_wins(means, ranks):
    results = {"mean_test_score": np.array(means), "rank_test_score": np.ones(5)}
    rank(results, [0] * len(means))
    assert results["rank_test_score"].tolist() == ranks
    assert results["rank_test_score"].dtype == np.int32


def test_finite_scores_keep_the_ranks_of_scikit_learn():
    ranks = np.array([2, 1, 3], dtype=np.int32)
    results = {"mean_test_a": np.array([0.1, 0.2, NAN]), "rank_test_a": ranks}
    rank(results, [0] * 3)
    assert results["rank_test_a"].tolist() == ranks.tolist()


def test_what_was_trained_further_comes_first():
    results = {"mean_test_a": np.array([0.9, 0.1, 0.2, NAN]), "rank_test_a": np.ones(4)}
    rank(results, [1, 3, 3, 9])
    assert results["rank_test_a"].tolist() == [3, 2, 1, 4]


def test_each_metric_has_its_ranks():
    results = {
        "mean_test_a": np.array([math.inf, 1.0]),
        "rank_test_a": np.array([1, 2]),
        "mean_test_b": np.array([2.0, 1.0]),
        "rank_test_b": np.array([1, 2]),
    }
    rank(results, [0] * 2)
    assert results["rank_test_a"].tolist() == [2, 1]
    assert results["rank_test_b"].tolist() == [1, 2]


# -- earlier_results ----------------------------------------------------------------

CONFIGURATIONS = [
    {"C": 1, "kernel": "linear"},
    {"C": 1, "gamma": 0.5, "kernel": "rbf"},
    {"C": 10, "gamma": 0.5, "kernel": "rbf"},
]
GRID = [
    {"C": [1], "kernel": ["linear"]},
    {"C": [1, 10], "gamma": [0.5], "kernel": ["rbf"]},
]


@pytest.fixture(scope="module")
def search():
    return GridSearchCV(SVC(), GRID, cv=2).fit(*load_iris(return_X_y=True))


def without_params(search):
    table = pd.DataFrame(search.cv_results_)
    return table.drop(columns="params")


@pytest.mark.parametrize(
    "source",
    [
        lambda search: search,
        lambda search: search.cv_results_,
        lambda search: pd.DataFrame(search.cv_results_),
        lambda search: pd.DataFrame(search.cv_results_).iloc[::-1].iloc[::-1],
        without_params,
        lambda search: {k: v for k, v in search.cv_results_.items() if k != "params"},
    ],
    ids=["search", "dict", "pandas", "index", "columns alone", "masked arrays"],
)
def test_all_forms_of_earlier_results_read_alike(search, source):
    found = earlier_results(source(search), "score")
    assert [params for params, _ in found] == CONFIGURATIONS
    expected = search.cv_results_["mean_test_score"]
    assert [score for _, score in found] == expected.tolist()
    assert {type(score) for _, score in found} == {float}


def test_polars_frames():
    table = pl.DataFrame({"param_C": [1, 2], "mean_test_score": [0.5, 0.6]})
    assert earlier_results(table, "score") == [({"C": 1}, 0.5), ({"C": 2}, 0.6)]


def test_a_file_written_and_read_again(search, tmp_path):
    pd.DataFrame(search.cv_results_).to_csv(tmp_path / "results.csv")
    table = pd.read_csv(tmp_path / "results.csv")  # where params are strings
    assert [p for p, _ in earlier_results(table, "score")] == CONFIGURATIONS


def test_scores_that_are_not_finite_are_failures():
    table = {
        "params": [{"a": i} for i in range(4)],
        "mean_test_score": [1.0, NAN, math.inf, -math.inf],
    }
    assert [s for _, s in earlier_results(table, "score")] == [1.0, None, None, None]


def test_the_column_of_the_metric_comes_first():
    table = {"params": [{}], "mean_test_f1": [0.1], "mean_test_score": [0.2]}
    assert earlier_results(table, "f1") == [({}, 0.1)]
    assert earlier_results(table, "recall") == [({}, 0.2)]


def test_configurations_are_copies():
    table = {"params": [{"a": 1}], "mean_test_score": [0.2]}
    earlier_results(table, "score")[0][0]["a"] = 2
    assert table["params"] == [{"a": 1}]


@pytest.mark.parametrize(
    ("source", "pattern"),
    [
        (3, "got int$"),
        ([{"C": 1}], "got list$"),
        ("results.csv", "got str$"),
        (GridSearchCV(SVC(), {}), "got GridSearchCV, which is not fitted$"),
        ({}, r"no column 'mean_test_score', got \[\]"),
        ({"params": [{}], "mean_test_f1": [1.0]}, "no column 'mean_test_score'"),
        ({"mean_test_score": [1.0]}, "neither 'params' nor 'param_...' columns"),
        ({"params": [{}], "mean_test_score": ["good"]}, "must hold numbers"),
        (
            {"params": [{}, {}], "mean_test_score": [1.0]},
            "2 configurations but 1 scores",
        ),
    ],
)
def test_other_sources_are_refused(source, pattern):
    with pytest.raises(SearchError, match=f"warm_start_from.*{pattern}"):
        earlier_results(source, "score")


# -- warnings -----------------------------------------------------------------------


def test_failed_scorers_are_told_once():
    results = [fold(), fold(score_error="first"), fold(score_error="second")]
    with pytest.warns(
        SktuneWarning, match=r"failed in 2 fits.*set to 0.5.*\nfirst"
    ) as w:
        warn_about_failed_scores(results, 0.5)
    assert len(w) == 1


def test_nothing_is_told_of_sound_scorers():
    warn_about_failed_scores([fold(1.0)], NAN)

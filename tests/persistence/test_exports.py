"""What a journal knows, as a study of Optuna and as runs of MLflow."""

from __future__ import annotations

import re
import sys

import pytest
from sklearn.tree import DecisionTreeClassifier

from sktune import load_search

from .test_population import descent
from .test_resume import X, bayes, hyperband, y


@pytest.mark.parametrize("make", [bayes, hyperband, descent])
def test_a_study_of_optuna(make, tmp_path):
    optuna = pytest.importorskip("optuna")
    search = make(tmp_path / "search.db").fit(X, y)
    where = f"sqlite:///{tmp_path}/study.db"
    loaded = load_search(tmp_path / "search.db")
    loaded.to_optuna(study_name="mine", storage=where)
    study = optuna.load_study(study_name="mine", storage=where)
    assert len(study.trials) == len(search.cv_results_["params"])
    assert study.best_value == search.best_score_
    assert study.best_params == search.best_params_
    assert study.user_attrs["sktune"]["search"] == type(search).__name__
    states = {trial.state.name for trial in study.trials}
    assert states == ({"COMPLETE", "PRUNED"} if make is hyperband else {"COMPLETE"})
    curves = [trial.intermediate_values for trial in study.trials]
    if make is bayes:
        assert curves == [{}] * len(curves)
        of_a = study.trials[0].distributions["a"]
        assert (of_a.low, of_a.high, of_a.log) == (0.0, 0.9, False)
    if make is descent:
        assert [list(curve) for curve in curves] == [[2, 4, 6, 8]] * 4
        assert study.trials[0].distributions["rate"].log
    if make is hyperband:
        assert {tuple(curve) for curve in curves} >= {(1, 3, 9)}


@pytest.mark.filterwarnings("ignore:One or more of the test scores:UserWarning")
def test_values_that_optuna_cannot_hold(tmp_path):
    pytest.importorskip("optuna")
    models = [DecisionTreeClassifier(max_depth=1, random_state=0), None, (1, 2), 3, 3.0]
    space = [{"kind": models, "a": (0.0, 0.5)}, {"a": [0.95, 1]}]
    with pytest.warns(match="too much"):
        bayes(tmp_path / "search.db", space=space, n_iter=9).fit(X, y)
    study = load_search(tmp_path / "search.db").to_optuna()
    kinds = {repr(t.params["kind"]) for t in study.trials if "kind" in t.params}
    assert kinds <= {repr(repr(models[0])), "None", "'(1, 2)'", "3", "3.0"}
    failed = [t for t in study.trials if t.state.name == "FAIL"]
    assert failed
    assert all(t.params["a"] > 0.9 for t in failed)


def test_a_search_without_results(tmp_path):
    pytest.importorskip("optuna")
    search = bayes(tmp_path / "search.db", space={"a": [0.95]}, error_score="raise")
    search.set_params(n_iter=1)
    with pytest.raises(ValueError, match="too much"):
        search.fit(X, y)
    study = load_search(tmp_path / "search.db").to_optuna()
    assert study.trials == []


@pytest.mark.filterwarnings("ignore")  # those of MLflow
@pytest.mark.parametrize("make", [bayes, descent])
def test_runs_of_mlflow(make, tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    search = make(tmp_path / "search.db").fit(X, y)
    where = (tmp_path / "runs").as_uri()
    loaded = load_search(tmp_path / "search.db")
    run = loaded.to_mlflow("mine", tracking_uri=where)
    client = mlflow.MlflowClient(where)
    experiment = client.get_experiment_by_name("mine").experiment_id
    found = client.search_runs(experiment)
    [parent] = [r for r in found if r.info.run_id == run]
    assert parent.data.metrics["best_score"] == search.best_score_
    inner = [r for r in found if r.data.tags.get("mlflow.parentRunId") == run]
    assert len(inner) == len(search.cv_results_["params"])
    best = max(r.data.metrics["mean_test_score"] for r in inner)
    assert best == pytest.approx(search.best_score_)
    if make is descent:
        curve = client.get_metric_history(inner[0].info.run_id, "curve_score")
        assert [value.step for value in curve] == [2, 4, 6, 8]
    loaded.to_mlflow("mine", tracking_uri=where)
    assert len(client.search_runs(experiment)) == 2 * len(found)


@pytest.mark.parametrize("package", ["optuna", "mlflow"])
def test_what_is_missing_is_named(package, tmp_path, monkeypatch):
    bayes(tmp_path / "search.db", n_iter=2).fit(X, y)
    monkeypatch.setitem(sys.modules, package, None)
    loaded = load_search(tmp_path / "search.db")
    with pytest.raises(ImportError, match=re.escape(f"'sktune[{package}]'")):
        getattr(loaded, f"to_{package}")()

"""What a journal knows, for other tools: a study of Optuna, runs of MLflow."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .._optional import require

if TYPE_CHECKING:
    from ._loaded import LoadedSearch

__all__ = ["to_mlflow", "to_optuna"]

_PLAIN = (bool, int, float, str, type(None))
_MAX_BATCH = 100  # parameters or metrics that MLflow takes at once
_MAX_TEXT = 500  # characters of a parameter that any MLflow takes


@dataclass(frozen=True)
class _Row:
    """A candidate.

    Attributes
    ----------
    params : dict
        Its hyperparameters; of a member of a population, the last.
    status : str
        ``"completed"``, ``"stopped"``, ``"unfinished"``, or one of a failure.
    scores : dict of str to float
        Mean and deviation of each metric, ``mean_test_score`` and so on; finite
        ones only.
    curve : list of (units, score)
        Mean scores on its way, where there is a budget.
    """

    params: dict[str, Any]
    status: str
    scores: dict[str, float]
    curve: list[tuple[int, float]]

    @property
    def has_failed(self) -> bool:
        """Whether it has no score."""
        return self.status not in ("completed", "stopped", "unfinished")


def _rows(search: LoadedSearch, metric: str) -> Iterator[_Row]:
    table = search.cv_results_
    names = [n for n in table if n.startswith(("mean_", "std_"))]
    curves = _curves(search.history_, metric)
    for row, params in enumerate(table.get("params", ())):
        scores = {n: float(table[n][row]) for n in names}
        finite = {n: score for n, score in scores.items() if math.isfinite(score)}
        yield _Row(params, str(table["status"][row]), finite, curves[row])


def _curves(history: Mapping[str, Any], metric: str) -> list[list[tuple[int, float]]]:
    """Return the mean scores of each candidate at each of its budgets."""
    if not history:
        return []
    owner = history.get("member", history.get("candidate"))
    curves = []
    for number in np.unique(owner):
        own = owner == number
        units, scores = history["n_resources"][own], history[f"test_{metric}"][own]
        means = [(int(u), float(scores[units == u].mean())) for u in np.unique(units)]
        curves.append([(u, mean) for u, mean in means if u and math.isfinite(mean)])
    return curves


# -- Optuna --------------------------------------------------------------------------


def to_optuna(search: LoadedSearch, study_name: str | None, storage: Any) -> Any:
    """Return a study; see `LoadedSearch.to_optuna`."""
    optuna = require("optuna", "LoadedSearch.to_optuna")
    metric = search.metric_
    rows = list(_rows(search, metric))
    distributions = _distributions(optuna, search._space, [r.params for r in rows])
    study = optuna.create_study(
        storage=storage, study_name=study_name, direction="maximize"
    )
    study.set_user_attr("sktune", {"search": search.search_, "journal": search.path})
    for row in rows:
        state = optuna.trial.TrialState.PRUNED
        if row.has_failed:
            state = optuna.trial.TrialState.FAIL
        elif row.status == "completed":
            state = optuna.trial.TrialState.COMPLETE
        value = row.scores.get(f"mean_test_{metric}")
        study.add_trial(
            optuna.trial.create_trial(
                state=state,
                value=value if row.status == "completed" else None,
                params={n: _plain(v) for n, v in row.params.items()},
                distributions={n: distributions[n] for n in row.params},
                user_attrs={"status": row.status, **row.scores},
                intermediate_values=dict(row.curve),
            )
        )
    return study


def _plain(value: Any) -> Any:
    """Return a value as Optuna's storages can hold it."""
    number = isinstance(value, float) and not math.isfinite(value)
    return value if isinstance(value, _PLAIN) and not number else repr(value)


def _distributions(
    optuna: Any, space: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return the dimensions: ranges, or the values that were tried."""
    kinds = optuna.distributions
    found: dict[str, Any] = {}
    for name in dict.fromkeys(name for params in rows for name in params):
        tried = list(
            dict.fromkeys(
                (type(v), v) for v in (_plain(p[name]) for p in rows if name in p)
            )
        )
        values = [value for _, value in tried]
        bounds = _bounds(space, name)
        types = {kind for kind, _ in tried}
        if bounds is not None and types <= {int, float}:
            low, high, log = bounds
            kind = kinds.IntDistribution
            if types != {int}:
                kind, low, high = kinds.FloatDistribution, float(low), float(high)
            if all(low <= value <= high for value in values):
                found[name] = kind(low, high, log=log)
                continue
        if types == {float}:
            found[name] = kinds.FloatDistribution(min(values), max(values))
        else:
            found[name] = kinds.CategoricalDistribution(values)
    return found


def _bounds(space: Mapping[str, Any], name: str) -> tuple[Any, Any, bool] | None:
    """Return low, high and whether the scale is logarithmic, where it is a range."""
    described = space.get(name)
    if f"{name}'" in space or not isinstance(described, dict):
        return None  # of several dicts of a union
    params = described.get("values", {}).get("params", {})
    if not isinstance(params, dict) or not params.keys() >= {"low", "high", "prior"}:
        return None
    return params["low"], params["high"], params["prior"] == "log-uniform"


# -- MLflow --------------------------------------------------------------------------


def to_mlflow(
    search: LoadedSearch, experiment_name: str, tracking_uri: str | None
) -> str:
    """Return the number of a run; see `LoadedSearch.to_mlflow`."""
    mlflow = require("mlflow", "LoadedSearch.to_mlflow")
    client = mlflow.MlflowClient(tracking_uri)
    metric = search.metric_
    known = client.get_experiment_by_name(experiment_name)
    experiment = (
        client.create_experiment(experiment_name)
        if known is None
        else known.experiment_id
    )
    tags = {"mlflow.runName": search.search_, "sktune.journal": search.path}
    parent = client.create_run(experiment, tags=tags).info.run_id
    if search.best_params_ is not None and math.isfinite(search.best_score_):
        _log(
            client,
            mlflow,
            parent,
            {f"best_{name}": value for name, value in search.best_params_.items()},
            [("best_score", search.best_score_, 0)],
        )
    for number, row in enumerate(_rows(search, metric)):
        tags = {"mlflow.runName": f"{number}", "mlflow.parentRunId": parent}
        run = client.create_run(experiment, tags=tags).info.run_id
        values = [(name, score, 0) for name, score in row.scores.items()]
        values += [(f"curve_{metric}", score, units) for units, score in row.curve]
        _log(client, mlflow, run, row.params, values)
        status = "FAILED" if row.has_failed else "FINISHED"
        client.set_terminated(run, status)
    client.set_terminated(parent, "FINISHED" if search.stop_reason_ else "KILLED")
    return str(parent)


def _log(
    client: Any,
    mlflow: Any,
    run: str,
    params: Mapping[str, Any],
    values: Sequence[tuple[str, float, int]],
) -> None:
    now = int(time.time() * 1000)
    entities = mlflow.entities
    texts = [(name, str(value)) for name, value in params.items()]
    as_params = [entities.Param(name, text[:_MAX_TEXT]) for name, text in texts]
    metrics = [entities.Metric(name, value, now, step) for name, value, step in values]
    for start in range(0, max(len(as_params), len(metrics)), _MAX_BATCH):
        part = slice(start, start + _MAX_BATCH)
        client.log_batch(run, metrics=metrics[part], params=as_params[part])

"""A population goes on, with every member's weights as they were."""

from __future__ import annotations

import os
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import SGDClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sktune import PBTSearchCV, load_search
from sktune.exceptions import JournalError, SearchChangedError, SktuneWarning

from ..execution.estimators import Descent
from .test_loaded import assert_same_results
from .test_resume import X, damage, stop_after, y

RATES = {"rate": (1e-4, 1e1, "log-uniform"), "momentum": (0.0, 0.95)}
OF_SGD = {"alpha": (1e-6, 1.0, "log-uniform"), "eta0": (1e-3, 1.0, "log-uniform")}


def descent(storage=None, **options):
    options = {"max_resource": 8, "n_generations": 4} | options
    options = {"population_size": 4, "cv": 2, "random_state": 0} | options
    return PBTSearchCV(Descent(), RATES, storage=storage, **options)


def sgd(storage=None, **options):
    """Steps are calls of ``partial_fit``: schedules do not run over the whole."""
    model = make_pipeline(
        StandardScaler(), SGDClassifier(learning_rate="adaptive", random_state=0)
    )
    space = {f"sgdclassifier__{name}": values for name, values in OF_SGD.items()}
    options = {"interval": 2, "max_resource": 8} | options
    options = {"population_size": 4, "cv": 2, "random_state": 0} | options
    return PBTSearchCV(model, space, storage=storage, **options)


def table(search):
    """All that is found but times, as text."""
    tables = [search.cv_results_, search.history_]
    found = {
        f"{number}{name}": [repr(value) for value in column]
        for number, columns in enumerate(tables)
        for name, column in columns.items()
        if "time" not in name
    }
    return found | {"lineage": repr(search.lineage_)}


@pytest.mark.parametrize(("make", "n_steps"), [(descent, 1), (sgd, 6), (descent, 11)])
def test_it_ends_as_if_it_had_not_stopped(make, n_steps, tmp_path):
    stop_after(make(tmp_path / "search.db"), n_steps)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        resumed = make(tmp_path / "search.db").fit(X, y)
    plain = make().fit(X, y)
    assert table(resumed) == table(plain)
    assert resumed.best_schedule_ == plain.best_schedule_
    np.testing.assert_array_equal(resumed.predict(X), plain.predict(X))
    assert resumed.checkpoint_use_.n_units_again == 0
    assert os.listdir(tmp_path) == ["search.db"]


@pytest.mark.parametrize(
    "options",
    [
        {"interval": [2, 4]},
        {"exploit": "tournament"},
        {"explore": "bayes"},
        {"explore": lambda params, rng: {"rate": float(rng.uniform(0.01, 1.0))}},
        {"random_state": None},
    ],
    ids=lambda options: next(iter(options)),
)
def test_every_way_to_exchange(options, tmp_path):
    stop_after(descent(tmp_path / "search.db", **options), 9)
    resumed = descent(tmp_path / "search.db", **options).fit(X, y)
    again = descent(tmp_path / "search.db", **options).fit(X, y)
    assert table(resumed) == table(again)
    if "random_state" not in options:
        assert table(resumed) == table(descent(**options).fit(X, y))


@pytest.mark.parametrize(
    ("make", "harm"),
    [
        (descent, Path.unlink),
        (sgd, damage),
        (descent, lambda path: path.write_bytes(path.read_bytes()[:9])),
    ],
)
def test_a_lost_checkpoint_is_trained_again_along_its_lineage(make, harm, tmp_path):
    stop_after(make(tmp_path / "search.db"), 13)
    files = sorted((tmp_path / "search.db.checkpoints").iterdir())
    units = [int(path.name.split("-")[2]) for path in files]
    assert units
    assert max(units) > 2, "some have a lineage"
    for path in files:
        harm(path)
    with pytest.warns(SktuneWarning, match="cannot be used") as caught:
        resumed = make(tmp_path / "search.db").fit(X, y)
    assert len(caught) == 1
    assert "trained again" in str(caught[0].message)
    use = resumed.checkpoint_use_
    assert use.n_lost == len(files)
    assert use.n_units_again > 0
    plain = make().fit(X, y)
    assert table(resumed) == table(plain)
    np.testing.assert_array_equal(resumed.predict(X), plain.predict(X))


def test_the_warning_has_the_units_that_are_trained_again(tmp_path):
    stop_after(descent(tmp_path / "search.db"), 13)
    files = sorted((tmp_path / "search.db.checkpoints").iterdir())
    first = files[0]
    first.unlink()
    units = int(first.name.split("-")[2])
    with pytest.warns(SktuneWarning, match=f"{units} units of the resource"):
        resumed = descent(tmp_path / "search.db").fit(X, y)
    assert table(resumed) == table(descent().fit(X, y))


def test_a_file_that_vanishes_while_the_search_runs(tmp_path):
    search = descent(checkpoint_memory=0, checkpoint_folder=str(tmp_path))

    def clean_up(step):
        if step.suggestion.trial == 6:
            for path in tmp_path.glob("*/*"):
                path.unlink()
        return False

    search._on_step = clean_up
    with pytest.warns(SktuneWarning, match="cannot be read"):
        search.fit(X, y)
    assert table(search) == table(descent().fit(X, y))
    assert search.checkpoint_use_.n_lost > 0


@pytest.mark.parametrize("was_deleted", [False, True])
def test_the_best_member_is_kept_or_trained_again(was_deleted, tmp_path):
    path = tmp_path / "search.db"
    descent(path, refit="best_member" if was_deleted else True).fit(X, y)
    folder = tmp_path / "search.db.checkpoints"
    assert folder.exists() == was_deleted
    if was_deleted:
        again = descent(path, refit="best_member").fit(X, y)
        assert again.checkpoint_use_.n_units_again == 0
        shutil.rmtree(folder)
    with pytest.warns(SktuneWarning, match="best member was not kept|cannot be used"):
        again = descent(path, refit="best_member").fit(X, y)
    assert again.checkpoint_use_.n_units_again == 8 * 2
    plain = descent(refit="best_member").fit(X, y)
    np.testing.assert_array_equal(again.predict_proba(X), plain.predict_proba(X))


# -- More generations ------------------------------------------------------------------


@pytest.mark.parametrize("n_steps", [None, 9])
def test_more_generations_only_add(n_steps, tmp_path):
    if n_steps is None:
        sgd(tmp_path / "search.db").fit(X, y)
    else:
        stop_after(sgd(tmp_path / "search.db"), n_steps)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        more = sgd(tmp_path / "search.db", max_resource=12).fit(X, y)
    messages = [str(w.message) for w in caught if w.category is SktuneWarning]
    assert len(messages) == (n_steps is None)
    assert all("were not kept" in message for message in messages)
    assert table(more) == table(sgd(max_resource=12).fit(X, y))
    loaded = load_search(tmp_path / "search.db")
    assert_same_results(loaded, more)
    with pytest.raises(JournalError, match="for more"):
        sgd(tmp_path / "search.db").fit(X, y)


@pytest.fixture(scope="module")
def begun(memory_folder):
    """A journal of each search."""
    paths = {make: memory_folder / f"{make.__name__}.db" for make in (descent, sgd)}
    for make, path in paths.items():
        make(path).fit(X, y)
    return paths


@pytest.mark.parametrize(
    ("name", "make", "change"),
    [
        ("max_resource was 8, is 12", descent, {"max_resource": 12}),
        ("max_resource was 8, is 6", sgd, {"max_resource": 6}),
        ("interval was", descent, {"n_generations": 8}),
        ("interval was", sgd, {"interval": [2, 4]}),
        ("population_size was 4, is 5", sgd, {"population_size": 5}),
        ("explore was 'perturb'", sgd, {"explore": "bayes"}),
        ("explore was 'perturb'", sgd, {"explore": lambda params, rng: {}}),
        ("exploit was", sgd, {"exploit": "tournament"}),
        ("quantile was 0.25, is 0.5", sgd, {"quantile": 0.5}),
        ("resample_probability", sgd, {"resample_probability": 0.0}),
        ("perturbation_factors", sgd, {"perturbation_factors": (0.5, 2.0)}),
        ("fixed_parameters", sgd, {"fixed_parameters": ["sgdclassifier__alpha"]}),
        ("batch_size was None, is 10", sgd, {"batch_size": 10}),
        ("initial_params", sgd, {"initial_params": {"sgdclassifier__alpha": 0.1}}),
    ],
)
def test_what_differs_of_a_population_is_named(name, make, change, begun, tmp_path):
    shutil.copy(begun[make], tmp_path / "search.db")
    with pytest.raises(SearchChangedError, match=name) as caught:
        make(tmp_path / "search.db", **change).fit(X, y)
    plans = name.startswith(("max", "inter", "popul"))
    assert ("More generations can be added" in str(caught.value)) == plans


def test_an_explorer_that_draws_numbers_of_its_own_is_found_out(tmp_path):
    def drawn(params, rng):
        return {"rate": float(np.random.default_rng().uniform(0.01, 1.0))}

    stop_after(descent(tmp_path / "search.db", explore=drawn), 13)
    with pytest.raises(JournalError, match="a function of yours"):
        descent(tmp_path / "search.db", explore=drawn).fit(X, y)


def test_a_changed_population_begins_in_a_folder_of_its_own(tmp_path):
    path = tmp_path / "search.db"
    stop_after(descent(path), 13)
    files = sorted(file.name for file in (tmp_path / "search.db.checkpoints").iterdir())
    stop_after(descent(path, quantile=0.5, on_change="new"), 13)
    old = tmp_path / "search.db.1.checkpoints"
    assert sorted(file.name for file in old.iterdir()) == files
    resumed = descent(tmp_path / "search.db.1").fit(X, y)
    assert table(resumed) == table(descent().fit(X, y))
    resumed = descent(path, quantile=0.5).fit(X, y)
    assert table(resumed) == table(descent(quantile=0.5).fit(X, y))
    assert sorted(os.listdir(tmp_path)) == ["search.db", "search.db.1"]


# -- Looking at it ---------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"interval": [2, 4]}])
def test_what_a_journal_knows_of_a_population(options, tmp_path):
    search = descent(tmp_path / "search.db", **options).fit(X, y)
    loaded = load_search(tmp_path / "search.db")
    assert_same_results(loaded, search)
    assert loaded.best_schedule_ == search.best_schedule_
    assert loaded.lineage_ == search.lineage_
    for name, column in search.history_.items():
        if "time" not in name:
            assert list(loaded.history_[name]) == list(column)
    stop_after(descent(tmp_path / "other.db", **options), 9)
    assert load_search(tmp_path / "other.db").lineage_

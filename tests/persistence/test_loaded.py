"""What a journal says to those who only look."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest
from sklearn.tree import DecisionTreeClassifier

from sktune import load_search
from sktune.__main__ import main
from sktune.exceptions import JournalError, SearchChangedError

from .test_resume import X, bayes, hyperband, stop_after, table, y


def assert_same_results(loaded, search):
    assert loaded.cv_results_.keys() == search.cv_results_.keys()
    for name, column in search.cv_results_.items():
        if name == "params" or name.startswith("param_"):
            assert list(map(repr, loaded.cv_results_[name])) == list(map(repr, column))
        else:
            atol = 1e-4 if "time" in name else 0  # of sums of rounded microseconds
            equal = {"rtol": 0, "atol": atol}
            if column.dtype.kind in "fi":
                np.testing.assert_allclose(loaded.cv_results_[name], column, **equal)
            else:
                assert list(loaded.cv_results_[name]) == list(column)
    assert repr(loaded.best_params_) == repr(search.best_params_)
    assert loaded.best_score_ == search.best_score_
    assert loaded.best_index_ == search.best_index_


@pytest.mark.parametrize("make", [bayes, hyperband])
def test_the_results_are_those_of_the_search(make, tmp_path):
    search = make(tmp_path / "search.db").fit(X, y)
    loaded = load_search(tmp_path / "search.db")
    assert_same_results(loaded, search)
    assert loaded.search_ == type(search).__name__
    assert loaded.stop_reason_ == search.stop_reason_
    if make is hyperband:
        for name, column in search.history_.items():
            if "time" not in name:
                assert list(loaded.history_[name]) == list(column)


def test_several_metrics_and_values_that_json_cannot_hold(tmp_path):
    models = [DecisionTreeClassifier(max_depth=d, random_state=0) for d in (1, 2, 3)]
    search = bayes(
        tmp_path / "search.db",
        model=type("Holder", (type(bayes().estimator),), {})(),
        space={"kind": [*models, (1, 2)], "a": (0.0, 0.9)},
        scoring={"two": two, "one": one},
        refit="one",
        return_train_score=True,
        n_iter=6,
    ).fit(X, y)
    assert_same_results(load_search(tmp_path / "search.db"), search)


def one(estimator, X, y):
    return -estimator.a


def two(estimator, X, y):
    return estimator.a


def test_a_search_that_is_under_way(tmp_path):
    path = tmp_path / "search.db"
    search = bayes(path)
    seen = []

    def look(step):
        loaded = load_search(path)
        seen.append((len(loaded.cv_results_.get("params", ())), loaded.stop_reason_))
        return False

    search._on_step = look
    search.fit(X, y)
    numbers = [n for n, _ in seen]
    assert numbers == sorted(numbers)
    assert numbers[-1] >= 6
    assert {reason for _, reason in seen} == {None}
    assert load_search(path).stop_reason_ == "n_iter"


def test_one_that_an_error_ended(tmp_path):
    stop_after(bayes(tmp_path / "search.db"), 1)
    loaded = load_search(tmp_path / "search.db")
    assert loaded.stop_reason_ == "error"
    with pytest.raises(JournalError, match="there is no file"):
        load_search(tmp_path / "nothing.db")
    assert not (tmp_path / "nothing.db").exists()


def test_a_copy_that_is_read_only(tmp_path):
    search = bayes(tmp_path / "search.db").fit(X, y)
    (tmp_path / "search.db").chmod(0o444)
    tmp_path.chmod(0o555)
    try:
        assert_same_results(load_search(tmp_path / "search.db"), search)
    finally:
        tmp_path.chmod(0o755)


def test_commands(tmp_path, capsys):
    path = str(tmp_path / "search.db")
    search = bayes(path).fit(X, y)
    hyperband(tmp_path / "other.db").fit(X, y)
    (tmp_path / "notes.txt").write_text("no journal")
    assert main(["show", path, "--top", "3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "BayesSearchCV" in lines[1]
    assert "8 trials proposed, 8 with results" in lines[2]
    assert f"a={search.best_params_['a']!r}" in lines[5]
    assert len(lines) == 8
    assert main(["export", path, "--json"]) == 0
    table_ = json.loads(capsys.readouterr().out)
    assert table_["params"] == list(search.cv_results_["params"])
    assert table_["mean_test_score"] == list(search.cv_results_["mean_test_score"])
    out = tmp_path / "out.csv"
    assert main(["export", path, "--csv", "-o", str(out)]) == 0
    rows = list(csv.DictReader(io.StringIO(out.read_text())))
    assert [float(row["param_a"]) for row in rows] == list(
        search.cv_results_["param_a"]
    )
    assert main(["list", str(tmp_path)]) == 0
    listed = capsys.readouterr().out
    assert "search.db: BayesSearchCV, 8 trials" in listed
    assert "other.db: HyperbandSearchCV" in listed
    assert "notes" not in listed
    assert main(["show", str(tmp_path / "nothing.db")]) == 1
    assert "there is no file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "the following arguments are required: command"),
        (["bogus"], "invalid choice: 'bogus'"),
        (["show"], "the following arguments are required: file"),
        (["show", "s.db", "--top", "0"], "must be a whole number from 1, got '0'"),
        (["show", "s.db", "--top", "x"], "must be a whole number from 1, got 'x'"),
        (["show", "s.db", "--watch", "-1"], "from 0.1 to 1e6, got '-1'"),
        (["show", "s.db", "--watch", "soon"], "from 0.1 to 1e6, got 'soon'"),
        (["export", "s.db"], "one of the arguments --csv --json is required"),
        (["export", "s.db", "--csv", "--json"], "not allowed with argument"),
    ],
)
def test_commands_that_make_no_sense(arguments, words, capsys):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert words in capsys.readouterr().err


def test_files_that_commands_cannot_use(tmp_path, capsys):
    path = tmp_path / "search.db"
    bayes(path).fit(X, y)
    for arguments, words in (
        (["show", str(tmp_path)], "is a folder"),
        (["list", str(path)], "search.db: Not a directory"),
        (["list", str(tmp_path / "none")], "none: No such file"),
        (["export", str(path), "--csv", "-o", str(tmp_path)], ": Is a directory"),
    ):
        assert main(arguments) == 1
        assert words in capsys.readouterr().err


@pytest.mark.parametrize("storage", [5, None, b"search.db", "", "a\0b", "no/where.db"])
def test_what_names_no_journal(storage):
    with pytest.raises(JournalError, match=r"storage must be the|there is no folder"):
        load_search(storage)


def test_parameters_are_readable(tmp_path):
    search = bayes(tmp_path / "search.db", n_iter=3).fit(X, y)
    assert table(search)
    assert "3 candidates" in repr(load_search(tmp_path / "search.db"))


def test_another_search_learns_from_a_journal(tmp_path):
    path = tmp_path / "search.db"
    hyperband(path).fit(X, y)
    with pytest.raises(SearchChangedError, match=r"warm_start_from=load_search"):
        hyperband(path, max_resource=27).fit(X, y)
    loaded = load_search(path)
    larger = {"max_resource": 27, "warm_start_from": loaded}
    search = hyperband(tmp_path / "larger.db", **larger).fit(X, y)
    again = hyperband(tmp_path / "larger.db", **larger).fit(X, y)
    assert table(search) == table(again)
    bayes(tmp_path / "bayes.db", initial_params={"a": 0.4}).fit(X, y)
    best = load_search(tmp_path / "bayes.db").best_params_
    assert bayes(initial_params=best, n_iter=1).fit(X, y).best_params_ == best

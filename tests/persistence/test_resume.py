"""A search with a journal goes on where it stopped, and refuses what differs."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import GroupKFold, KFold
from sklearn.tree import DecisionTreeClassifier

from sktune import BayesSearchCV, HyperbandSearchCV
from sktune.exceptions import (
    AllFitsFailedError,
    JournalError,
    SearchChangedError,
    SktuneWarning,
)

X = np.random.default_rng(0).normal(size=(60, 3))
y = (X[:, 0] + 0.3 * X[:, 1] > 0).astype(int)

TRAINED: list[float] = []


class Counted(ClassifierMixin, BaseEstimator):
    """Scores a function of its parameters, and counts how often it is trained."""

    def __init__(self, a=0.5, kind=None, fails=False):
        self.a = a
        self.kind = kind
        self.fails = fails

    def fit(self, X, y):
        TRAINED.append(self.a)
        if self.fails or self.a > 0.9:
            raise ValueError(f"too much: {self.a}")
        self.classes_ = np.unique(y)
        return self

    def score(self, X, y):
        return 1 - (self.a - 0.4) ** 2 + 0.01 * X[0, 0]


def bayes(storage=None, model=None, space=None, **options):
    options = {"cv": 3, "random_state": 0, "n_iter": 8} | options
    space = {"a": (0.0, 0.9)} if space is None else space
    return BayesSearchCV(model or Counted(), space, storage=storage, **options)


def hyperband(storage=None, **options):
    options = {"cv": 2, "random_state": 0, "max_resource": 9} | options
    return HyperbandSearchCV(
        SGDClassifier(random_state=0),
        {"alpha": (1e-6, 1.0, "log-uniform"), "penalty": ["l1", "l2"]},
        storage=storage,
        **options,
    )


def table(search, n_rows=None):
    """All of ``cv_results_`` but times and ranks, as text."""
    return {
        name: [repr(value) for value in column][:n_rows]
        for name, column in search.cv_results_.items()
        if "time" not in name and "rank" not in name
    }


def n_trained(search, X=X, y=y, **params):
    """How many folds a fit trains."""
    TRAINED.clear()
    search.fit(X, y, **params)
    return len(TRAINED) - bool(search.refit)


# -- Going on ----------------------------------------------------------------------


@pytest.mark.parametrize("make", [bayes, hyperband])
def test_a_journal_changes_nothing(make, tmp_path):
    plain = make().fit(X, y)
    journalled = make(tmp_path / "search.db").fit(X, y)
    assert table(plain) == table(journalled)
    assert os.listdir(tmp_path) == ["search.db"]


@pytest.mark.parametrize("make", [bayes, hyperband])
def test_a_finished_search_is_not_trained_again(make, tmp_path):
    first = make(tmp_path / "search.db").fit(X, y)
    again = make(tmp_path / "search.db")
    assert n_trained(again) == (0 if make is bayes else -1)
    assert table(first) == table(again)
    assert again.best_params_ == first.best_params_
    assert hasattr(again, "best_estimator_")
    assert again.stop_reason_ == first.stop_reason_


@pytest.mark.parametrize("seed", [0, None])
@pytest.mark.parametrize("n_points", ["auto", 3, "async"])
def test_more_candidates_only_add(tmp_path, seed, n_points):
    options = {"random_state": seed, "n_points": n_points}
    first = bayes(tmp_path / "search.db", **options).fit(X, y)
    more = bayes(tmp_path / "search.db", n_iter=12, **options)
    assert n_trained(more) == 4 * 3
    assert len(more.cv_results_["params"]) == 12
    assert table(more, 8) == table(first)


def test_fewer_candidates_take_nothing_away(tmp_path):
    first = bayes(tmp_path / "search.db").fit(X, y)
    fewer = bayes(tmp_path / "search.db", n_iter=3)
    assert n_trained(fewer) == 0
    assert table(fewer) == table(first)


def test_the_number_of_workers_may_change(tmp_path):
    for n_jobs, n_iter in ((1, 5), (2, 9), (None, 12)):
        search = bayes(tmp_path / "search.db", n_jobs=n_jobs, n_iter=n_iter).fit(X, y)
    assert table(search, 5) == table(bayes(n_iter=5).fit(X, y))


class Stop(Exception):
    """Raised in the middle of a search."""


def stop_after(search, n_steps):
    """Fit a search until so many steps are told."""
    count = 0

    def on_step(step):
        nonlocal count
        count += 1
        if count == n_steps:
            raise Stop
        return False

    search._on_step = on_step
    with pytest.raises(Stop) as caught:
        search.fit(X, y)
    return caught.value


@pytest.mark.parametrize("make", [bayes, hyperband])
@pytest.mark.parametrize("n_steps", [1, 3, 7])
def test_an_error_in_a_callback_loses_nothing(make, n_steps, tmp_path):
    error = stop_after(make(tmp_path / "search.db"), n_steps)
    assert "kept: see cv_results_" in error.__notes__[0]
    assert "search.db" in error.__notes__[1]
    assert "goes on" in error.__notes__[1]
    resumed = make(tmp_path / "search.db").fit(X, y)
    assert table(resumed) == table(make().fit(X, y))


def test_limits_may_differ_when_a_search_goes_on(tmp_path):
    stop_after(hyperband(tmp_path / "search.db", trial_timeout=60), 7)
    resumed = hyperband(tmp_path / "search.db", memory_limit="2GB").fit(X, y)
    assert table(resumed) == table(hyperband().fit(X, y))


def test_a_seed_that_was_drawn_is_kept(tmp_path):
    path = tmp_path / "search.db"
    stop_after(bayes(path, random_state=None), 4)
    one = bayes(path, random_state=None).fit(X, y)
    assert len(one.cv_results_["params"]) == 8
    assert len({repr(params) for params in one.cv_results_["params"]}) == 8


@pytest.mark.filterwarnings("ignore:One or more of the test scores:UserWarning")
def test_failures_are_kept(tmp_path):
    options = {"space": {"a": [0.1, 0.95, 0.5]}, "n_iter": 3}
    with pytest.warns(match="too much: 0.95"):
        first = bayes(tmp_path / "search.db", **options).fit(X, y)
    again = bayes(tmp_path / "search.db", **options)
    with pytest.warns(match="too much: 0.95"):
        assert n_trained(again) == 0
    assert table(first) == table(again)
    options = {"space": {"a": [0.95, 0.99]}, "n_iter": 2}
    for _ in range(2):
        TRAINED.clear()
        with pytest.raises(AllFitsFailedError, match="too much"):
            bayes(tmp_path / "all.db", **options).fit(X, y)
    assert TRAINED == []


@pytest.mark.filterwarnings("ignore:One or more of the test scores:UserWarning")
def test_an_error_that_was_raised_is_met_again(tmp_path):
    options = {"space": {"a": [0.1, 0.95]}, "n_iter": 2}
    search = bayes(tmp_path / "search.db", error_score="raise", **options)
    with pytest.raises(ValueError, match="too much"):
        search.fit(X, y)
    search.set_params(error_score=np.nan)
    with pytest.warns(match="too much"):
        assert n_trained(search) == 3  # of the one that failed


def function(x):
    return x + 1


def test_values_that_json_cannot_hold(tmp_path):
    kinds = [LogisticRegression(), DecisionTreeClassifier(), function, None, (1, 2.0)]
    space = {"kind": kinds, "a": (0.0, 0.9)}
    stop_after(bayes(tmp_path / "search.db", space=space), 5)
    resumed = bayes(tmp_path / "search.db", space=space).fit(X, y)
    plain = bayes(space=space).fit(X, y)
    assert table(resumed) == table(plain)
    for params in resumed.cv_results_["params"]:
        assert any(params["kind"] is kind for kind in kinds)


def test_several_metrics_and_train_scores(tmp_path):
    options = {
        "model": DecisionTreeClassifier(random_state=0),
        "space": {"max_depth": (1, 9), "min_samples_leaf": (1, 20)},
        "scoring": ["accuracy", "neg_log_loss"],
        "refit": "neg_log_loss",
        "return_train_score": True,
    }
    stop_after(bayes(tmp_path / "search.db", **options), 4)
    resumed = bayes(tmp_path / "search.db", **options).fit(X, y)
    assert table(resumed) == table(bayes(**options).fit(X, y))


def test_parts_with_candidates_of_their_own(tmp_path):
    space = [({"a": (0.0, 0.4)}, 4), ({"a": (0.4, 0.9)}, 5)]
    stop_after(bayes(tmp_path / "search.db", space=space), 5)
    resumed = bayes(tmp_path / "search.db", space=space).fit(X, y)
    assert table(resumed) == table(bayes(space=space).fit(X, y))
    space[0] = (space[0][0], 6)
    with pytest.raises(SearchChangedError, match="n_iter"):
        bayes(tmp_path / "search.db", space=space).fit(X, y)


def test_hyperband_without_a_seed_and_asynchronous(tmp_path):
    for number, options in enumerate(
        [{"random_state": None}, {"promotion": "async"}, {"sampler": "random"}]
    ):
        path = tmp_path / f"{number}.db"
        stop_after(hyperband(path, **options), 9)
        resumed = hyperband(path, **options).fit(X, y)
        again = hyperband(path, **options).fit(X, y)
        assert table(resumed) == table(again)


@pytest.mark.parametrize("options", [{"rung_folds": 1}, {"patience": 2}])
def test_hyperband_with_options(options, tmp_path):
    options |= {"cv": 3}
    stop_after(hyperband(tmp_path / "search.db", **options), 12)
    resumed = hyperband(tmp_path / "search.db", **options).fit(X, y)
    assert table(resumed) == table(hyperband(**options).fit(X, y))


# -- Checkpoints -------------------------------------------------------------------


def cut_hyperband(folder):
    """Stop a search while models are trained in part; return their files."""
    stop_after(hyperband(folder / "search.db"), 9)
    files = sorted((folder / "search.db.checkpoints").iterdir())
    assert files
    return files


def test_checkpoints_are_private_and_go_with_the_search(tmp_path):
    files = cut_hyperband(tmp_path)
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in files)
    assert stat.S_IMODE(files[0].parent.stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "search.db").stat().st_mode) == 0o600
    hyperband(tmp_path / "search.db").fit(X, y)
    assert os.listdir(tmp_path) == ["search.db"]


def damage(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (Path.unlink, "cannot be read"),
        (damage, "is damaged"),
        (lambda path: path.write_bytes(b""), "is damaged"),
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), "is damaged"),
        (lambda path: path.chmod(0o666), "can be written by others"),
        (lambda path: (path.unlink(), path.mkdir()), "is no ordinary file"),
        (
            lambda path: (path.rename(f"{path}.x"), path.symlink_to(f"{path}.x")),
            "is no ordinary file",
        ),
    ],
)
def test_a_checkpoint_that_is_lost_costs_its_training_only(harm, message, tmp_path):
    for path in cut_hyperband(tmp_path):
        harm(path)
    with pytest.warns(SktuneWarning, match=message):
        resumed = hyperband(tmp_path / "search.db").fit(X, y)
    assert table(resumed) == table(hyperband().fit(X, y))


def test_a_checkpoint_of_somebody_else_is_not_loaded(tmp_path, monkeypatch):
    from sktune._execution import _checkpoint

    cut_hyperband(tmp_path)
    monkeypatch.setattr(_checkpoint, "user_key", lambda: b"another user's")
    with pytest.warns(SktuneWarning, match="not written by this user"):
        resumed = hyperband(tmp_path / "search.db").fit(X, y)
    assert table(resumed) == table(hyperband().fit(X, y))


def test_what_a_crash_left_half_written_is_deleted(tmp_path):
    cut_hyperband(tmp_path)
    folder = tmp_path / "search.db.checkpoints"
    (folder / "000001-001-9.tmp").write_bytes(b"half")
    (folder / "000777-001-9").write_bytes(b"never noted")
    (folder / "notes.txt").write_text("the user's")
    hyperband(tmp_path / "search.db").fit(X, y)
    assert os.listdir(folder) == ["notes.txt"]


# -- What differs is named -----------------------------------------------------------


EARLIER = {"param_a": [0.1], "mean_test_score": [0.1]}


def rows_swapped(X):
    return X[np.r_[1, 0, 2 : len(X)]]


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("X: the values differ", {"X": X + 1e-9}),
        ("X: the values differ", {"X": rows_swapped(X)}),
        ("X: type", {"X": X.astype(np.float32)}),
        ("X: shape", {"X": X[:, :2]}),
        ("y: the values differ", {"y": 1 - y}),
        ("estimator: kind was None, is 'other'", {"model": Counted(kind="other")}),
        ("estimator: class", {"model": type("Other", (Counted,), {})()}),
        ("space: a", {"space": {"a": (0.0, 0.8)}}),
        ("space: a: prior", {"space": {"a": (0.1, 0.9, "log-uniform")}}),
        ("space: fails was not there", {"space": {"a": (0.0, 0.9), "fails": [False]}}),
        ("space", {"space": {"a": stats.uniform(0, 0.8)}}),
        ("space", {"space": {"a": [0.1, 0.2, 0.3]}}),
        ("cv: splitter was 3, is 4", {"cv": 4}),
        ("cv: the folds differ", {"cv": KFold(3, shuffle=True, random_state=0)}),
        ("scoring was None, is 'accuracy'", {"scoring": "accuracy"}),
        ("scoring", {"scoring": lambda estimator, X, y: 0.0}),
        ("random_state was 0, is 1", {"random_state": 1}),
        ("random_state was 0, is None", {"random_state": None}),
        ("n_points was 'auto', is 3", {"n_points": 3}),
        ("return_train_score", {"return_train_score": True}),
        ("initial_params", {"initial_params": {"a": 0.2}}),
        ("warm_start_from", {"warm_start_from": EARLIER}),
    ],
)
def test_what_differs_is_named(name, change, tmp_path):
    path = tmp_path / "search.db"
    bayes(path, n_iter=3).fit(X, y)
    content = path.read_bytes()
    data = (change.pop("X", X), change.pop("y", y))
    with pytest.raises(SearchChangedError, match=name) as caught:
        bayes(path, n_iter=3, **change).fit(*data)
    assert "on_change='new'" in str(caught.value)
    assert path.read_bytes() == content, "a search that is refused changes nothing"
    assert os.listdir(tmp_path) == ["search.db"]


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("brackets", {"max_resource": 27}),
        ("brackets", {"factor": 2}),
        ("sampler", {"sampler": "random"}),
        ("rung_folds", {"rung_folds": 1}),
    ],
)
def test_what_differs_of_hyperband_is_named(name, change, tmp_path):
    hyperband(tmp_path / "search.db").fit(X, y)
    with pytest.raises(SearchChangedError, match=name):
        hyperband(tmp_path / "search.db", **change).fit(X, y)


def test_groups_and_weights_are_compared(tmp_path):
    groups = np.arange(60) % 6
    search = BayesSearchCV(
        LogisticRegression(),
        {"C": (0.1, 10.0)},
        n_iter=3,
        cv=GroupKFold(3),
        storage=tmp_path / "search.db",
    )
    weights = np.ones(60)
    search.fit(X, y, groups=groups, sample_weight=weights)
    search.fit(X, y, groups=groups, sample_weight=weights)
    with pytest.raises(SearchChangedError, match="groups"):
        search.fit(X, y, groups=groups + 1, sample_weight=weights)
    with pytest.raises(SearchChangedError, match="sample_weight"):
        search.fit(X, y, groups=groups, sample_weight=weights * 2)


def test_a_splitter_that_draws_anew_is_explained(tmp_path):
    search = bayes(tmp_path / "search.db", cv=KFold(3, shuffle=True))
    search.fit(X, y)
    with pytest.raises(SearchChangedError, match="a splitter without a random_state"):
        search.fit(X, y)


def test_a_changed_search_can_begin_anew(tmp_path):
    path = tmp_path / "search.db"
    first = bayes(path).fit(X, y)
    new = bayes(path, space={"a": (0.0, 0.5)}, on_change="new")
    assert n_trained(new) == 8 * 3
    assert n_trained(new) == 0
    assert sorted(os.listdir(tmp_path)) == ["search.db", "search.db.1"]
    again = bayes(tmp_path / "search.db.1")
    assert n_trained(again) == 0
    assert table(again) == table(first)


def test_another_kind_of_search_is_refused(tmp_path):
    bayes(tmp_path / "search.db").fit(X, y)
    with pytest.raises(SearchChangedError, match="search was 'BayesSearchCV'"):
        hyperband(tmp_path / "search.db").fit(X, y)


def test_other_versions_are_told(tmp_path, monkeypatch):
    from sktune.persistence import _journal

    known = _journal.versions()
    monkeypatch.setattr(_journal, "versions", lambda: known | {"numpy": "1.0"})
    bayes(tmp_path / "search.db").fit(X, y)
    monkeypatch.undo()
    with pytest.warns(SktuneWarning, match=r"numpy 1\.0 \(now"):
        bayes(tmp_path / "search.db").fit(X, y)


# -- Places --------------------------------------------------------------------------


def test_a_relative_path_outlives_a_change_of_folder(tmp_path, monkeypatch):
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    monkeypatch.chdir(tmp_path / "one")
    search = bayes("search.db")

    def move(step):
        os.chdir(tmp_path / "two")
        return False

    search._on_step = move
    search.fit(X, y)
    assert os.listdir(tmp_path / "one") == ["search.db"]
    assert os.listdir(tmp_path / "two") == []


@pytest.mark.parametrize("name", ["mit Leerzeichen.db", "größe ☃.db", "100%?#&.db"])
def test_any_name_of_a_file(name, tmp_path):
    bayes(tmp_path / name).fit(X, y)
    assert n_trained(bayes(tmp_path / name)) == 0
    assert os.listdir(tmp_path) == [name]


@pytest.mark.parametrize("storage", ["", ":memory:", "sqlite:///search.db", "a\0b"])
def test_what_is_no_name_of_a_file(storage):
    TRAINED.clear()
    with pytest.raises(JournalError, match="storage must be the name of a file"):
        bayes(storage).fit(X, y)
    assert TRAINED == []


def test_a_folder_or_nothing_in_place_of_a_file(tmp_path):
    with pytest.raises(JournalError, match="is a folder"):
        bayes(tmp_path).fit(X, y)
    with pytest.raises(JournalError, match="there is no folder"):
        bayes(tmp_path / "nowhere" / "search.db").fit(X, y)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(JournalError, match="no ordinary file"):
        bayes(tmp_path / "pipe").fit(X, y)
    (tmp_path / "link.db").symlink_to(tmp_path / "victim.db")
    with pytest.raises(JournalError, match="symbolic link"):
        bayes(tmp_path / "link.db").fit(X, y)


def test_a_name_that_is_too_long(tmp_path):
    with pytest.raises(JournalError, match="cannot be"):
        bayes(tmp_path / ("x" * 300)).fit(X, y)

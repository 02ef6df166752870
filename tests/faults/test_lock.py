"""One search at a time writes to a journal; a dead one holds up nobody."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sktune.exceptions import JournalLockedError
from sktune.persistence import Journal

from .searches import X, bayes, table, y


def start_slow(nursery, folder):
    pid = nursery.start(
        kind="bayes",
        n_trials=8,
        storage=str(folder / "search.db"),
        log=str(folder / "log"),
        out=str(folder / "out"),
        pause=0.1,
    )
    deadline = time.monotonic() + 30
    while not (folder / "log").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    return pid


def test_a_second_process_is_refused_and_a_dead_one_is_not_waited_for(
    nursery, references, tmp_path
):
    pid = start_slow(nursery, tmp_path)
    with pytest.raises(JournalLockedError, match=f"process {pid} on"):
        Journal(tmp_path / "search.db")
    nursery.kill()
    nursery.wait()
    started = time.monotonic()
    Journal(tmp_path / "search.db").close()
    assert time.monotonic() - started < 1
    out = tmp_path / "out"
    request = {"kind": "bayes", "n_trials": 8, "storage": str(tmp_path / "search.db")}
    request["pause"] = 0.1  # a parameter of the estimator
    assert nursery.run(**request, out=str(out), log=str(tmp_path / "log")) == 0
    assert json.loads(out.read_text()) == json.loads(references["bayes", 8])


def test_a_process_that_sleeps_keeps_its_lock(nursery, references, tmp_path):
    pid = start_slow(nursery, tmp_path)
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(JournalLockedError):
        Journal(tmp_path / "search.db")
    os.kill(pid, signal.SIGCONT)
    assert nursery.wait() == 0
    assert json.loads((tmp_path / "out").read_text()) == json.loads(
        references["bayes", 8]
    )


def test_a_search_inside_the_same_process_is_refused(tmp_path):
    with (
        Journal(tmp_path / "search.db"),
        pytest.raises(JournalLockedError, match=str(os.getpid())),
    ):
        Journal(tmp_path / "search.db")
    assert os.listdir(tmp_path) == []


def test_another_host_that_holds_the_lock_is_named(tmp_path):
    """On a file system with locks it is refused as another process is."""
    path = tmp_path / "search.db"
    with Journal(path):
        owner = {"pid": 7, "host": "elsewhere", "since": "2026-01-01 10:00:00"}
        Path(f"{path}.lock").write_text(json.dumps(owner))
        with pytest.raises(JournalLockedError, match="process 7 on 'elsewhere'"):
            Journal(path)
    assert json.loads(Path(f"{path}.lock").read_text()) == owner, "not ours to delete"
    Journal(path).close()  # nobody holds it: that process has died
    assert os.listdir(tmp_path) == []


def take_lock(journal, owner):
    """What a writer does where the locks of others are not seen."""
    lock = Path(f"{journal}.lock")
    if owner is None:
        lock.unlink()
    else:
        lock.write_text(json.dumps(owner))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
@pytest.mark.filterwarnings("ignore:One or more of the test scores:UserWarning")
@pytest.mark.parametrize(
    ("owner", "words"),
    [
        ({"pid": 7, "host": "elsewhere", "since": "today"}, "process 7 on 'elsewhere'"),
        (None, "its lock file was deleted"),
    ],
)
def test_a_search_whose_lock_is_taken_stops_writing(owner, words, tmp_path):
    path = tmp_path / "search.db"
    search = bayes(path)

    def take(step):
        if step.suggestion.trial == 3:
            take_lock(path, owner)
        return False

    search._on_step = take
    with pytest.raises(JournalLockedError, match=words):
        search.fit(X, y)
    assert os.path.exists(f"{path}.lock") == (owner is not None)
    assert table(bayes(path).fit(X, y)) == table(bayes().fit(X, y))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
@pytest.mark.filterwarnings("ignore:One or more of the test scores:UserWarning")
def test_of_two_writers_one_stops_and_nothing_is_mixed(tmp_path):
    """As where two hosts share a folder without locks."""
    path = tmp_path / "search.db"
    first, second = bayes(path), bayes(path)

    def begin_another(step):
        if step.suggestion.trial == 3:
            take_lock(path, None)
            second.fit(X, y)
        return False

    first._on_step = begin_another
    with pytest.raises(JournalLockedError, match="no longer this search's"):
        first.fit(X, y)
    assert table(second) == table(bayes().fit(X, y))
    assert table(bayes(path).fit(X, y)) == table(second)


CHILD_OUTLIVES = """
import os, signal, sys, time
from sktune.persistence import Journal
journal = Journal(sys.argv[1])
reader, writer = os.pipe()
if os.fork() == 0:
    os.write(writer, b"begun")
    time.sleep(30)
    os._exit(0)
os.read(reader, 5)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_forked_child_does_not_hold_the_lock_of_its_dead_parent(tmp_path):
    subprocess.run(
        [sys.executable, "-c", CHILD_OUTLIVES, str(tmp_path / "search.db")],
        cwd=Path(__file__).parents[2],
        start_new_session=True,
    )
    Journal(tmp_path / "search.db").close()


@pytest.mark.filterwarnings("ignore:One or more of the test scores:UserWarning")
def test_an_interrupt_keeps_everything(tmp_path):
    search = bayes(tmp_path / "search.db")

    def interrupt(step):
        if step.suggestion.trial == 3:
            raise KeyboardInterrupt
        return False

    search._on_step = interrupt
    with pytest.raises(KeyboardInterrupt), pytest.warns(match="this choice fails"):
        search.fit(X, y)
    assert len(search.cv_results_["params"]) >= 3
    with pytest.warns(match="this choice fails"):
        resumed = bayes(tmp_path / "search.db").fit(X, y)
    with pytest.warns(match="this choice fails"):
        assert table(resumed) == table(bayes().fit(X, y))

"""A file that is cut, damaged or foreign is refused, and the damage is named."""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from sktune import BayesSearchCV, HyperbandSearchCV, PBTSearchCV, load_search
from sktune.exceptions import JournalError, JournalLockedError, SktuneWarning
from sktune.persistence import Journal, read_events
from sktune.persistence._file import JournalFile, create

from .test_resume import TRAINED, Counted, X, bayes, table, y


class Stepwise(Counted):
    """Trained by ``partial_fit``."""

    def partial_fit(self, X, y, classes=None):
        return self.fit(X, y)


SPACE = {"a": (0.0, 0.9)}
OPTIONS = {"cv": 10, "random_state": 0, "refit": False}
SEARCHES = {
    "bayes": (BayesSearchCV, {"n_iter": 5, "cv": 20}),
    "hyperband": (HyperbandSearchCV, {"max_resource": 4, "factor": 2, "brackets": 1}),
    "population": (
        PBTSearchCV,
        {"population_size": 3, "n_generations": 3, "max_resource": 3},
    ),
}


def make(kind, path):
    """A search whose journal has some pages."""
    search, options = SEARCHES[kind]
    return search(Stepwise(), SPACE, storage=path, **OPTIONS | options)


@pytest.fixture(scope="module", params=SEARCHES)
def whole(request, tmp_path_factory):
    """A kind of search, the content of its journal, and the results in it."""
    path = tmp_path_factory.mktemp("whole") / "search.db"
    search = make(request.param, path).fit(X, y)
    return request.param, path.read_bytes(), table(search)


def outcome(path, kind="bayes"):
    """What comes of a file: the results of going on with it, or the error."""
    TRAINED.clear()
    try:
        return table(make(kind, path).fit(X, y))
    except JournalError as error:
        message = str(error)
    assert TRAINED == [], "an error comes before any training"
    assert path.name in message
    return message


def rows(path):
    database = sqlite3.connect(path)
    found = list(database.execute("SELECT seq, kind, payload, digest FROM event"))
    database.close()
    return found


def change(path, *statements):
    database = sqlite3.connect(path)
    for statement in statements:
        database.execute(*statement)
    database.commit()
    database.close()


def test_a_file_that_is_cut_at_any_page(whole, tmp_path):
    kind, content, _ = whole
    path = tmp_path / "search.db"
    assert len(content) > 3 * 4096
    for length in range(0, len(content), 4096):
        for n_more in (0, 1, 100):
            path.write_bytes(content[: length + n_more])
            found = outcome(path, kind)
            assert "damaged" in found or "no journal" in found
            with pytest.raises(JournalError, match=r"damaged|no journal"):
                load_search(path)


def test_a_flipped_bit_anywhere(whole, tmp_path):
    kind, content, results = whole
    path = tmp_path / "search.db"
    draw = np.random.default_rng(0)
    refused = 0
    for position in draw.choice(len(content), 60, replace=False):
        damaged = bytearray(content)
        damaged[position] ^= 1 << draw.integers(8)
        path.write_bytes(damaged)
        before = bytes(damaged)
        found = outcome(path, kind)
        # What SQLite does not use may be anything; all else is refused.
        assert isinstance(found, str) or found == results
        refused += isinstance(found, str)
        if isinstance(found, str):
            assert path.read_bytes() == before
    assert refused > 10


def test_damage_of_any_row_is_found(whole, tmp_path):
    search, content, _ = whole
    path = tmp_path / "search.db"
    path.write_bytes(content)
    assert len(rows(path)) > 50
    for seq, kind, payload, _ in rows(path):
        altered = payload.replace("0.", "1.", 1) if "0." in payload else payload + " "
        for statement in (
            ("UPDATE event SET payload=? WHERE seq=?", (altered, seq)),
            ("UPDATE event SET kind=? WHERE seq=?", (f"{kind}s", seq)),
            ("UPDATE event SET payload=? WHERE seq=?", (b"\xff\xfe", seq)),
            ("UPDATE event SET digest=? WHERE seq=?", (b"12345678", seq)),
        ):
            path.write_bytes(content)
            change(path, statement)
            with pytest.raises(JournalError, match=f"damaged: row {seq} "):
                read_events(path)
        path.write_bytes(content)
        change(path, ("UPDATE event SET payload=? WHERE seq=?", (altered, seq)))
        assert f"damaged: row {seq} " in outcome(path, search)


def test_a_row_that_is_gone_or_swapped(whole, tmp_path):
    kind, content, _ = whole
    path = tmp_path / "search.db"
    path.write_bytes(content)
    change(path, ("DELETE FROM event WHERE seq=4",))
    assert "row 4 is missing" in outcome(path, kind)
    path.write_bytes(content)
    change(
        path,
        ("UPDATE event SET seq=1000 WHERE seq=4",),
        ("UPDATE event SET seq=4 WHERE seq=5",),
        ("UPDATE event SET seq=5 WHERE seq=1000",),
    )
    assert "row 4" in outcome(path, kind)
    path.write_bytes(content)
    change(path, ("DELETE FROM event",))
    assert "row 0 is missing" in outcome(path, kind)


def test_a_file_that_is_no_journal(whole, tmp_path):
    kind, content, _ = whole
    path = tmp_path / "search.db"
    path.write_bytes(b"")
    assert "is empty" in outcome(path, kind)
    path.write_text("some notes of the user, longer than a header of SQLite" * 50)
    assert "no journal of sktune" in outcome(path, kind)
    path.unlink()
    change(path, ("CREATE TABLE notes (text)",))
    assert "another database" in outcome(path, kind)
    path.write_bytes(content)
    change(path, ("PRAGMA user_version=7",))
    assert "newer sktune: its format is 7" in outcome(path, kind)
    for statement in (
        "CREATE TABLE more (text)",
        "CREATE VIEW other AS SELECT * FROM event",
        "CREATE TRIGGER t AFTER INSERT ON event BEGIN DELETE FROM event; END",
    ):
        path.write_bytes(content)
        change(path, (statement,))
        assert "its tables are not those of a journal" in outcome(path, kind)


@pytest.mark.parametrize(
    "payload",
    ["[1, 2]", "{", "[" * 100_000, '{"n": %s}' % ("9" * 5000), "null", '"text"'],
)
def test_content_that_is_no_object(payload, whole, tmp_path):
    from sktune.persistence._file import _digest

    kind, content, _ = whole
    path = tmp_path / "search.db"
    path.write_bytes(content)
    previous = rows(path)[2][3]
    digest = _digest(previous, 3, "fold", payload.encode())
    statement = "UPDATE event SET kind='fold', payload=?, digest=? WHERE seq=3"
    change(path, (statement, (payload, digest)))
    assert "row 3" in outcome(path, kind)
    with pytest.raises(JournalError, match="row 3"):
        load_search(path)


@pytest.mark.parametrize(
    "payload",
    [
        {"trial": 99, "fold": 0, "status": "ok", "test": 1.0, "times": [0, 0]},
        {"trial": 0, "fold": 99, "status": "ok", "test": 1.0, "times": [0, 0]},
        {"trial": 0, "fold": -1, "status": "ok", "test": 1.0, "times": [0, 0]},
        {"trial": 0, "fold": 0, "status": "odd", "test": 1.0, "times": [0, 0]},
        {"trial": 0, "fold": 0, "status": "ok", "test": [1], "times": [0, 0]},
        {"trial": 0},
    ],
)
def test_a_result_that_belongs_nowhere(payload, tmp_path):
    path = tmp_path / "search.db"
    bayes(path, n_iter=5, refit=False).fit(X, y)
    file = JournalFile(path)
    list(file.events())
    file.add("fold", payload)
    file.commit()
    file.close()
    TRAINED.clear()
    with pytest.raises(JournalError, match="result"):
        bayes(path, n_iter=5).fit(X, y)
    assert TRAINED == []


def test_a_step_that_would_not_be_proposed_again(tmp_path):
    path = tmp_path / "search.db"
    make("bayes", path).fit(X, y)
    [(kind, begun), *events] = read_events(path)
    path.unlink()
    create(path, kind, begun)
    file = JournalFile(path)
    list(file.events())
    for kind, payload in events:
        if kind == "step" and payload["trial"] == 2:
            payload["params"]["a"] += 1e-12
        file.add(kind, payload)
    file.commit()
    file.close()
    assert "trial 2 was" in outcome(path)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs Linux's /proc")
def test_a_folder_that_cannot_be_written():
    # Root may write to any folder but one of the kernel's.
    with pytest.raises(JournalError, match="a folder that can be written"):
        Journal("/proc/search.db")


@contextlib.contextmanager
def largest_file(n_bytes):
    """Let no file grow beyond a size: what is beyond it fails as on a full disk."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def fit_on_a_full_disk(search, path, first, last, n_bytes=None):
    """Fit; nothing can be written from one step on until another one.

    The journal cannot grow; of `n_bytes`, no file can have more.
    """
    with contextlib.ExitStack() as stack:
        n_steps = 0

        def on_step(step):
            nonlocal n_steps
            n_steps += 1
            if n_steps == first:
                size = path.with_name(f"{path.name}-wal").stat().st_size
                stack.enter_context(largest_file(n_bytes or size))
            elif n_steps == last:
                stack.close()
            return False

        search._on_step = on_step
        return search.fit(X, y)


@pytest.mark.parametrize("kind", SEARCHES)
def test_a_disk_that_is_full_for_a_while(kind, tmp_path):
    path = tmp_path / "search.db"
    with pytest.warns(SktuneWarning, match="cannot be written at present") as caught:
        first = fit_on_a_full_disk(make(kind, path), path, 2, 4)
    assert len(caught) == 1
    assert table(first) == table(make(kind, None).fit(X, y))
    assert outcome(path, kind) == table(first)
    assert TRAINED == []
    assert os.listdir(tmp_path) == ["search.db"]


@pytest.mark.parametrize("kind", SEARCHES)
def test_a_disk_that_is_full_until_the_end(kind, tmp_path):
    path = tmp_path / "search.db"
    with pytest.warns(SktuneWarning) as caught:
        first = fit_on_a_full_disk(make(kind, path), path, 2, None)
    begins, ends = (str(warning.message) for warning in caught)
    assert "cannot be written at present" in begins
    assert "could not be written until the end" in ends
    assert table(first) == table(make(kind, None).fit(X, y))
    # What was in it goes on, with the checkpoints that belong to it.
    assert outcome(path, kind) == table(first)
    assert TRAINED
    assert os.listdir(tmp_path) == ["search.db"]


@pytest.mark.parametrize("kind", ["hyperband", "population"])
def test_a_disk_that_is_too_full_for_checkpoints(kind, tmp_path):
    path = tmp_path / "search.db"
    with pytest.warns(SktuneWarning) as caught:
        first = fit_on_a_full_disk(make(kind, path), path, 2, 5, n_bytes=50)
    messages = {str(warning.message).split(" (")[0] for warning in caught}
    assert f"{path} cannot be written at present" in messages
    assert any(re.match(r"The checkpoint .+ cannot be written", m) for m in messages)
    assert table(first) == table(make(kind, None).fit(X, y))
    assert outcome(path, kind) == table(first)
    assert TRAINED == []
    assert os.listdir(tmp_path) == ["search.db"]


def test_a_transaction_that_was_cut_is_made_once(tmp_path):
    path = tmp_path / "search.db"
    create(path, "search", {"n": 0})
    file = JournalFile(path)
    list(file.events())
    file.add("session", {"n": 1})
    file._is_unsure = True
    file._database.execute("BEGIN IMMEDIATE")  # Ctrl-C came here
    file.commit()
    file.add("session", {"n": 2})
    kept = list(file._unwritten)
    file.commit()
    file._unwritten, file._is_unsure = kept, True  # or after it was made
    file.commit()
    file.add("session", {"n": 3})
    file.commit()
    file.close()
    assert [payload["n"] for _, payload in read_events(path)] == [0, 1, 2, 3]


@pytest.mark.parametrize("when", ["before a transaction", "after one was cut"])
def test_rows_of_two_writers_are_not_mixed(when, tmp_path):
    path = tmp_path / "search.db"
    create(path, "search", {"n": 0})
    one, two = JournalFile(path), JournalFile(path)
    assert list(one.events()) == list(two.events())
    for number, file in enumerate([one, two]):
        file.add("session", {"n": 1 + number})
    one.commit()
    two._is_unsure = when == "after one was cut"
    with pytest.raises(JournalLockedError, match="written to by another search"):
        two.commit()
    two.commit()  # it has given up
    two.close()
    one.add("session", {"n": 3})
    one.commit()
    one.close()
    assert [payload["n"] for _, payload in read_events(path)] == [0, 1, 3]

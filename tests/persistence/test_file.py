"""A file that is cut, damaged or foreign is refused, and the damage is named."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest

from sktune import load_search
from sktune.exceptions import JournalError, JournalLockedError, SktuneWarning
from sktune.persistence import Journal, read_events
from sktune.persistence._file import JournalFile, create

from .test_resume import TRAINED, X, bayes, table, y


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The content of a journal, and the results in it."""
    path = tmp_path_factory.mktemp("whole") / "search.db"
    search = bayes(path, n_iter=5, cv=20).fit(X, y)
    return path.read_bytes(), table(search)


def outcome(path):
    """What comes of a file: the results of going on with it, or the error."""
    TRAINED.clear()
    try:
        return table(bayes(path, n_iter=5, cv=20, refit=False).fit(X, y))
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
    content, _ = whole
    path = tmp_path / "search.db"
    assert len(content) > 3 * 4096
    for length in range(0, len(content), 4096):
        for n_more in (0, 1, 100):
            path.write_bytes(content[: length + n_more])
            assert "damaged" in outcome(path) or "no journal" in outcome(path)
            with pytest.raises(JournalError, match=r"damaged|no journal"):
                load_search(path)


def test_a_flipped_bit_anywhere(whole, tmp_path):
    content, results = whole
    path = tmp_path / "search.db"
    draw = np.random.default_rng(0)
    refused = 0
    for position in draw.choice(len(content), 60, replace=False):
        damaged = bytearray(content)
        damaged[position] ^= 1 << draw.integers(8)
        path.write_bytes(damaged)
        before = bytes(damaged)
        found = outcome(path)
        # What SQLite does not use may be anything; all else is refused.
        assert isinstance(found, str) or found == results
        refused += isinstance(found, str)
        if isinstance(found, str):
            assert path.read_bytes() == before
    assert refused > 10


def test_damage_of_any_row_is_found(whole, tmp_path):
    content, _ = whole
    path = tmp_path / "search.db"
    path.write_bytes(content)
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
    change(path, ("DELETE FROM event WHERE seq=3",))
    assert "row" in outcome(path)


def test_a_row_that_is_gone_or_swapped(whole, tmp_path):
    content, _ = whole
    path = tmp_path / "search.db"
    path.write_bytes(content)
    change(path, ("DELETE FROM event WHERE seq=4",))
    assert "row 4 is missing" in outcome(path)
    path.write_bytes(content)
    change(
        path,
        ("UPDATE event SET seq=1000 WHERE seq=4",),
        ("UPDATE event SET seq=4 WHERE seq=5",),
        ("UPDATE event SET seq=5 WHERE seq=1000",),
    )
    assert "row 4" in outcome(path)
    path.write_bytes(content)
    change(path, ("DELETE FROM event",))
    assert "row 0 is missing" in outcome(path)


def test_a_file_that_is_no_journal(whole, tmp_path):
    path = tmp_path / "search.db"
    path.write_bytes(b"")
    assert "is empty" in outcome(path)
    path.write_text("some notes of the user, longer than a header of SQLite" * 50)
    assert "no journal of sktune" in outcome(path)
    path.unlink()
    change(path, ("CREATE TABLE notes (text)",))
    assert "another database" in outcome(path)
    path.write_bytes(whole[0])
    change(path, ("PRAGMA user_version=7",))
    assert "newer sktune: its format is 7" in outcome(path)
    for statement in (
        "CREATE TABLE more (text)",
        "CREATE VIEW other AS SELECT * FROM event",
        "CREATE TRIGGER t AFTER INSERT ON event BEGIN DELETE FROM event; END",
    ):
        path.write_bytes(whole[0])
        change(path, (statement,))
        assert "its tables are not those of a journal" in outcome(path)


@pytest.mark.parametrize(
    "payload",
    ["[1, 2]", "{", "[" * 100_000, '{"n": %s}' % ("9" * 5000), "null", '"text"'],
)
def test_content_that_is_no_object(payload, whole, tmp_path):
    from sktune.persistence._file import _digest

    path = tmp_path / "search.db"
    path.write_bytes(whole[0])
    previous = rows(path)[2][3]
    digest = _digest(previous, 3, "fold", payload.encode())
    statement = "UPDATE event SET kind='fold', payload=?, digest=? WHERE seq=3"
    change(path, (statement, (payload, digest)))
    assert "row 3" in outcome(path)
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
    bayes(path, n_iter=5, cv=20, refit=False).fit(X, y)
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


def test_a_disk_that_is_full_for_a_while(tmp_path, monkeypatch):
    path = tmp_path / "search.db"
    commit, n_calls = JournalFile.commit, 0

    def sometimes(self):
        nonlocal n_calls
        n_calls += 1
        if 3 <= n_calls <= 6:
            raise sqlite3.OperationalError("database or disk is full")
        commit(self)

    monkeypatch.setattr(JournalFile, "commit", sometimes)
    with pytest.warns(SktuneWarning, match="disk is full") as caught:
        first = bayes(path, n_iter=5, cv=20).fit(X, y)
    assert len(caught) == 1
    monkeypatch.undo()
    assert outcome(path) == table(first)
    assert TRAINED == []


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

"""The journal of a search: what happened, in its order.

A journal begins with what is searched. Then come, as they happen, the steps that
were proposed (``step``), the results of folds (``fold``), one ``session`` for each
``fit`` and an ``end`` for each that came to an end. A search goes on by doing again
what is written, without training.
"""

from __future__ import annotations

import contextlib
import os
import platform
import socket
import sqlite3
import warnings
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from .._protocol import Checkpoint, FoldResult, PastStep, Status, Suggestion
from ..exceptions import (
    JournalError,
    JournalLockedError,
    SearchChangedError,
    SktuneWarning,
)
from ..space import Space, shown
from ._file import (
    Event,
    JournalFile,
    checkpoint_folder,
    create,
    journal_path,
    move_aside,
    timestamp,
)
from ._fingerprint import differences
from ._lock import WriterLock
from ._values import encoded_params, is_same

__all__ = ["Journal", "fold_from", "versions"]

_MAX_ERROR = 10_000  # characters of a traceback that are kept
_COMPARED_VERSIONS = ("sktune", "scikit-learn", "numpy", "scipy")


def versions() -> dict[str, str]:
    """Return the versions that results may depend on."""
    found = {"python": platform.python_version()}
    for name in _COMPARED_VERSIONS:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


class Journal:
    """The journal that a search writes, and goes on from.

    Parameters
    ----------
    storage : str or path-like
        Name of its file.

    Attributes
    ----------
    path : Path
        Absolute, so that a change of the working folder changes nothing.
    kept : dict
        What was decided when the search began, and holds for all of it: the
        seed, and what the first proposals depend on.

    Raises
    ------
    JournalError
        When the file is damaged, no journal, or cannot be written.
    JournalLockedError
        When another search writes to it.
    """

    def __init__(self, storage: str | os.PathLike[str]) -> None:
        self.path = journal_path(storage)
        self.kept: dict[str, Any] = {}
        self._file: JournalFile | None = None
        self._begun: dict[str, Any] | None = None
        self._events: Iterator[Event] = iter(())
        self._space: Space | None = None
        self._new_facts: dict[str, Any] = {}
        self._is_read = False
        self._warned = False
        try:
            self._lock = WriterLock(self.path)
        except OSError as error:
            raise JournalError(
                f"{self.path} cannot be written: {error}. storage= must lie in a "
                "folder that can be written"
            ) from error
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        if self.path.exists():
            self._file = JournalFile(self.path)
            self._events = self._file.events()
            kind, self._begun = next(self._events)
            kept = self._begun.get("kept")
            if kind != "search" or not isinstance(kept, dict):
                raise JournalError(f"{self.path} is damaged: row 0 is no search")
            self.kept = kept

    @property
    def checkpoint_folder(self) -> Path:
        """Where the models lie that are trained in part."""
        return checkpoint_folder(self.path)

    def forget(self) -> None:
        """Begin anew; the old journal and its checkpoints get another name."""
        self._begun, self.kept, self._events = None, {}, iter(())
        if self._file is not None:
            self._file.close()
            self._file = None
            move_aside(self.path)

    # -- what is searched --------------------------------------------------------

    def changes(
        self, identity: Mapping[str, Any], growing: Mapping[str, int]
    ) -> list[str]:
        """Return what differs from the search in the journal.

        Parameters
        ----------
        identity : dict
            Descriptions by the names of what they describe.
        growing : dict of str to int
            What may be larger than it was, if that was a multiple of this.

        Returns
        -------
        list of str
            A sentence each.
        """
        if self._begun is None:
            return []
        before = self._begun.get("identity")
        found: list[str] = []
        for name in dict.fromkeys([*(before or {}), *identity]):
            one, two = (before or {}).get(name), identity.get(name)
            if not (name in growing and _is_prefix(one, two, growing[name])):
                found += differences(one, two, name)
        return found

    def begin(
        self,
        space: Space,
        identity: Mapping[str, Any],
        facts: Mapping[str, Any],
        growing: Mapping[str, int],
        advice: Mapping[str, str],
    ) -> None:
        """Write what is searched, or go on with it.

        Parameters
        ----------
        space : Space
        identity : dict
            As in `changes`.
        facts : dict
            What readers need besides; what differs is noted for them.
        growing : dict of str to int
            As in `changes`.
        advice : dict of str to str
            What to do where a description of this name differs.

        Raises
        ------
        SearchChangedError
            When it is not the search in the journal.
        JournalError
            When it cannot be written.
        """
        self._space = space
        changes = self.changes(identity, growing)
        if changes:
            of = {change.split(" was ")[0].split(":")[0] for change in changes}
            raise SearchChangedError(
                f"{self.path} holds another search: " + "; ".join(changes[:10]) + ". "
                "Give what it was begun with, another storage=, or on_change='new' to "
                "begin anew"
                + "".join(dict.fromkeys(f". {a}" for n, a in advice.items() if n in of))
            )
        now = versions()
        if self._begun is None:
            payload = {
                "identity": dict(identity),
                "kept": self.kept,
                "facts": dict(facts),
                "versions": now,
                "began": timestamp(),
            }
            create(self.path, "search", payload)
            self._file = JournalFile(self.path)
            self._events = self._file.events()
            _, self._begun = next(self._events)
            return
        known = self._begun.get("facts") or {}
        self._new_facts = {k: v for k, v in facts.items() if known.get(k) != v}
        before = self._begun.get("versions") or {}
        other = [
            f"{name} {before.get(name)} (now {now.get(name)})"
            for name in _COMPARED_VERSIONS
            if before.get(name) != now.get(name)
        ]
        if other:
            warnings.warn(
                f"{self.path} was written with {', '.join(other)}: what is proposed "
                "from here on may differ from what would have been",
                SktuneWarning,
                stacklevel=2,
            )

    # -- what happened -----------------------------------------------------------

    def past(self) -> Iterator[PastStep | FoldResult]:
        """Yield what happened, in its order.

        Yields
        ------
        PastStep or FoldResult

        Raises
        ------
        JournalError
            At the first row that is damaged.
        """
        for number, (kind, payload) in enumerate(self._events, 1):
            if kind == "step":
                yield PastStep(float(payload.get("seconds", 0.0)), payload)
            elif kind == "fold":
                try:
                    yield fold_from(payload)
                except (KeyError, TypeError, ValueError):
                    raise JournalError(
                        f"{self.path} is damaged: row {number} is no result of a fold"
                    ) from None
        session: dict[str, Any] = {"pid": os.getpid(), "host": socket.gethostname()}
        session |= {"began": timestamp()}
        if self._new_facts:
            session["facts"] = self._new_facts
        self._is_read = True
        self._add("session", session)

    def confirm(self, past: PastStep, suggestion: Suggestion | None) -> None:
        """Raise unless a step is proposed again as it was.

        Parameters
        ----------
        past : PastStep
        suggestion : Suggestion or None
            What is proposed now.

        Raises
        ------
        JournalError
        """
        now = None if suggestion is None else self._step(suggestion)
        before = {k: v for k, v in past.record.items() if k != "seconds"}
        number = past.record.get("trial")
        if now is None:
            raise JournalError(
                f"{self.path} cannot be gone on with: trial {number} is in it, and "
                "would not be proposed now. It was written by a search for more "
                "(max_resource, n_generations): give at least as much"
            )
        if not is_same(before, now):
            names = dict.fromkeys([*before, *now])
            other = next(n for n in names if not is_same(before.get(n), now.get(n)))
            raise JournalError(
                f"{self.path} cannot be gone on with: {other} of trial {number} was "
                f"{shown(before.get(other))}, and would now be "
                f"{shown(now.get(other))}. Other versions of numpy, scipy or sktune "
                "propose other candidates, and so does a function of yours that "
                "draws numbers of its own; the journal was written with "
                f"{self._begun and self._begun.get('versions')}"
            )

    def proposed(self, suggestion: Suggestion, seconds: float) -> None:
        """Note a step."""
        self._add("step", self._step(suggestion) | {"seconds": round(seconds, 6)})

    def finished(self, result: FoldResult) -> None:
        """Note the result of a fold."""
        self._add("fold", _fold_to(result))

    def ended(self, by: str, standing: Mapping[int, tuple[int, str]]) -> None:
        """Note that the search came to an end.

        Parameters
        ----------
        by : str
            What ended it.
        standing : dict of int to (level, status)
            How far each trial has come, where there are rungs.
        """
        if not self._is_read:
            return  # broken off before anything new happened
        rows = [[trial, *row] for trial, row in standing.items()]
        self._add("end", {"by": by, "at": timestamp(), "standing": rows})
        self.commit()

    def commit(self) -> None:
        """Write what was noted.

        Where that is impossible, as on a full disk, the search goes on: what was
        noted is kept for the next time.

        Raises
        ------
        JournalLockedError
            When another search has taken the journal over.
        """
        assert self._file is not None
        if self.is_written:
            return
        owner = self._lock.taken_by()
        if owner is not None:
            self._file.forget()
            raise JournalLockedError(
                f"{self.path} is no longer this search's ({owner}): its lock was taken "
                "away, and a journal has one writer. What was noted before is kept"
            )
        try:
            self._file.commit()
        except (OSError, sqlite3.Error) as error:
            if not self._warned:
                self._warned = True
                warnings.warn(
                    f"{self.path} cannot be written at present ({error}). The search "
                    "goes on; what is not written when it is killed is lost",
                    SktuneWarning,
                    stacklevel=2,
                )

    @property
    def is_written(self) -> bool:
        """Whether all that was noted is in the file."""
        return self._file is None or self._file.is_written

    def _add(self, kind: str, payload: dict[str, Any]) -> None:
        assert self._file is not None
        self._file.add(kind, payload)

    def _step(self, suggestion: Suggestion) -> dict[str, Any]:
        assert self._space is not None
        step: dict[str, Any] = {
            "trial": suggestion.trial,
            "params": encoded_params(self._space, suggestion.point, suggestion.params),
            "origin": suggestion.origin,
        }
        if suggestion.budget is not None:
            step["budget"] = suggestion.budget
            step["place"] = [suggestion.bracket, suggestion.rung]
        if suggestion.parent is not None:
            step["parent"] = suggestion.parent
        if suggestion.changed:
            step["changed"] = list(suggestion.changed)
        if suggestion.n_folds is not None:
            step["folds"] = suggestion.n_folds
        return step

    def close(self) -> None:
        """Write what is left, and let others in."""
        self._events = iter(())  # SQLite closes nothing that is being read
        try:
            if self._file is not None:
                self.commit()
                if not self.is_written:
                    warnings.warn(
                        f"{self.path} could not be written until the end: what is "
                        "missing in it is trained again, should this search go on",
                        SktuneWarning,
                        stacklevel=2,
                    )
        finally:
            if self._file is not None:
                self._file.close()
                self._file = None
            if hasattr(self, "_lock"):
                self._lock.release()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *exc_info: Any) -> None:
        self.close()


# -- Results of folds as JSON --------------------------------------------------------


def _fold_to(result: FoldResult) -> dict[str, Any]:
    payload: dict[str, Any] = {
        "trial": result.trial,
        "fold": result.fold,
        "status": result.status.value,
        "test": _scores_to(result.test_scores),
        "times": [round(result.fit_time, 6), round(result.score_time, 6)],
    }
    if result.train_scores is not None:
        payload["train"] = _scores_to(result.train_scores)
    for name in ("fit_error", "score_error"):
        text = getattr(result, name)
        if text is not None:
            payload[name] = _cut(text)
    kept = result.checkpoint
    if kept is not None and kept.path is not None:
        payload["checkpoint"] = [
            kept.units,
            Path(kept.path).name,
            kept.sha256,
            kept.mac,
        ]
    return payload


def fold_from(payload: Mapping[str, Any]) -> FoldResult:
    """Return the result of a fold that a journal holds.

    Parameters
    ----------
    payload : dict

    Returns
    -------
    FoldResult

    Raises
    ------
    KeyError, TypeError, ValueError
        When it is none.
    """
    fit_time, score_time = payload["times"]
    checkpoint = None
    if "checkpoint" in payload:
        units, name, sha256, mac = payload["checkpoint"]
        checkpoint = Checkpoint(int(units), path=str(name), sha256=sha256, mac=mac)
    return FoldResult(
        trial=int(payload["trial"]),
        fold=int(payload["fold"]),
        status=Status(payload["status"]),
        test_scores=_scores_from(payload["test"]),
        train_scores=_scores_from(payload.get("train")),
        fit_time=float(fit_time),
        score_time=float(score_time),
        fit_error=payload.get("fit_error"),
        score_error=payload.get("score_error"),
        checkpoint=checkpoint,
    )


def _is_prefix(before: Any, now: Any, unit: int) -> bool:
    """Whether what was planned first is the beginning of what is planned now."""
    whole = isinstance(before, int) and isinstance(now, int)
    return whole and before <= now and before % unit == 0


def _number_to(score: Any) -> Any:
    if score is None or np.isfinite(score):
        return score
    return repr(float(score))  # 'nan', 'inf', '-inf'


def _scores_to(scores: Any) -> Any:
    if isinstance(scores, Mapping):
        return {str(name): _number_to(score) for name, score in scores.items()}
    return _number_to(scores)


def _number_from(score: Any) -> float | None:
    return None if score is None else float(score)


def _scores_from(scores: Any) -> Any:
    if isinstance(scores, dict):
        return {name: _number_from(score) for name, score in scores.items()}
    return _number_from(scores)


def _cut(text: str) -> str:
    """Return a traceback of bounded length: its end says most."""
    if len(text) <= _MAX_ERROR:
        return text
    return f"[...]\n{text[-_MAX_ERROR:]}"

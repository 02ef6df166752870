"""A schedule of hyperparameters: what a training changes on its way.

It is a list of dicts that JSON can hold::

    [{"start": 0, "end": 5, "params": {"learning_rate": 0.1}},
     {"start": 5, "end": 10, "params": {"learning_rate": 0.02}}]

`start` and `end` count units of the resource: epochs, passes, trees.
"""

from __future__ import annotations

import json
import numbers
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from .exceptions import SearchError

__all__ = ["params_at", "read_schedule", "write_schedule"]

_KEYS = ("start", "end", "params")


def read_schedule(schedule: Any) -> list[dict[str, Any]]:
    """Return a schedule that was checked.

    Parameters
    ----------
    schedule : list of dict, str or path-like
        Segments, their JSON, or the path of a file that holds it.

    Returns
    -------
    list of dict
        With ``start``, ``end`` and ``params``; each begins where the one before
        it ends, the first at 0.

    Raises
    ------
    SearchError
        Names all that is wrong.

    Examples
    --------
    >>> from sktune._schedule import read_schedule
    >>> read_schedule('[{"start": 0, "end": 3, "params": {"alpha": 0.1}}]')
    [{'start': 0, 'end': 3, 'params': {'alpha': 0.1}}]
    """
    if isinstance(schedule, (str, os.PathLike)):
        schedule = _from_json(schedule)
    if not isinstance(schedule, Iterable) or isinstance(schedule, Mapping):
        raise SearchError(
            "a schedule is a list of dicts with 'start', 'end' and 'params', its "
            f"JSON, or the path of such a file, got {type(schedule).__name__}"
        )
    segments = list(schedule)
    problems = [] if segments else ["it has no segments"]
    end: Any = 0
    for number, segment in enumerate(segments):
        problems += [f"segment {number}: {p}" for p in _problems(segment, end)]
        end = segment.get("end") if isinstance(segment, Mapping) else None
    if problems:
        raise SearchError("the schedule cannot be used: " + "; ".join(problems))
    return [
        {
            "start": int(segment["start"]),
            "end": int(segment["end"]),
            "params": dict(segment["params"]),
        }
        for segment in segments
    ]


def _from_json(source: str | os.PathLike[str]) -> Any:
    text = str(source)
    if isinstance(source, os.PathLike) or not text.lstrip().startswith(("[", "{")):
        text = Path(source).read_text(encoding="utf-8")
    try:
        return json.loads(text)
    except ValueError as error:
        raise SearchError(f"the schedule is no JSON: {error}") from error


def _problems(segment: Any, expected: Any) -> list[str]:
    if not isinstance(segment, Mapping):
        return [f"it must be a dict, got {segment!r}"]
    missing = [key for key in _KEYS if key not in segment]
    if missing:
        return [f"it has no {key!r}" for key in missing]
    start, end, params = (segment[key] for key in _KEYS)
    found = []
    if not isinstance(params, Mapping):
        found.append(f"'params' must be a dict, got {params!r}")
    whole = all(
        isinstance(n, numbers.Integral) and not isinstance(n, bool)
        for n in (start, end)
    )
    if not whole:
        found.append(f"'start' and 'end' must be ints, got {start!r} and {end!r}")
    elif start >= end:
        found.append(f"it must end after its start, got {start} to {end}")
    elif expected is not None and start != expected:
        found.append(f"it must begin at {expected}, got {start}")
    return found


def write_schedule(schedule: Any, path: Any = None) -> str:
    """Return a schedule as JSON, and write it to a file if there is a path.

    Parameters
    ----------
    schedule : list of dict
        As `read_schedule` takes it.
    path : str or path-like, default=None
        Where to write it.

    Returns
    -------
    str

    Raises
    ------
    SearchError
        When a parameter is an object that JSON cannot hold.
    """
    segments = read_schedule(schedule)
    for segment in segments:
        for name, value in segment["params"].items():
            try:
                json.dumps(value)
            except (TypeError, ValueError) as error:
                raise SearchError(
                    f"{name!r} is {value!r}, which JSON cannot hold: set it on the "
                    "estimator and leave it out of the schedule"
                ) from error
    text = json.dumps(segments, indent=1)
    if path is not None:
        Path(path).write_text(text, encoding="utf-8")
    return text


def params_at(schedule: list[dict[str, Any]], unit: int) -> dict[str, Any]:
    """Return the parameters of a unit, those of the last segment after its end.

    Parameters
    ----------
    schedule : list of dict
        As `read_schedule` returns it.
    unit : int
        Counted from 0.

    Returns
    -------
    dict
    """
    for segment in schedule:
        if unit < segment["end"]:
            return dict(segment["params"])
    return dict(schedule[-1]["params"])

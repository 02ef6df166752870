"""The journal of a search, from which it goes on.

`_file` keeps rows in SQLite; `_lock` lets one writer in; `_values` and
`_fingerprint` turn parameters and all that is searched into JSON; `_journal` says
what the rows mean. Nothing here unpickles, imports or evaluates what a file holds.
"""

from __future__ import annotations

from ._file import Event, journal_path, read_events
from ._fingerprint import describe, describe_data, describe_space
from ._journal import Journal, fold_from
from ._values import Choice, decoded

__all__ = [
    "Choice",
    "Event",
    "Journal",
    "decoded",
    "describe",
    "describe_data",
    "describe_space",
    "fold_from",
    "journal_path",
    "read_events",
]

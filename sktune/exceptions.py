"""Errors and warnings of sktune.

Each error also inherits the builtin that a caller would catch.
"""

from __future__ import annotations

__all__ = [
    "AllFitsFailedError",
    "CheckpointError",
    "JournalError",
    "JournalLockedError",
    "ModelError",
    "NotPicklableError",
    "SearchChangedError",
    "SearchError",
    "SktuneError",
    "SktuneWarning",
    "SpaceError",
    "SpaceTypeError",
]


class SktuneError(Exception):
    """Base class of every error that sktune raises on purpose."""


class SpaceError(SktuneError, ValueError):
    """A search space, or a value said to lie in one, is malformed."""


class SpaceTypeError(SpaceError, TypeError):
    """What stands for a parameter in a search space is of a type that cannot."""


class SearchError(SktuneError, ValueError):
    """The arguments of a search contradict each other."""


class ModelError(SktuneError, ValueError):
    """A model, or a parameter of it, cannot be used as it was given."""


class CheckpointError(SktuneError, ValueError):
    """The saved state of a training is damaged, or belongs to something else."""


class JournalError(SktuneError, ValueError):
    """The journal of a search is damaged, or cannot be read or written."""


class JournalLockedError(JournalError):
    """Another search is writing to the journal."""


class SearchChangedError(JournalError):
    """What was asked for is not the search that is in the journal."""


class NotPicklableError(SktuneError, TypeError):
    """An object that must travel to a worker process cannot be pickled."""


class AllFitsFailedError(SktuneError, ValueError):
    """Every fit of a search failed."""


class SktuneWarning(UserWarning):
    """A search went on, but not as the caller may have expected."""

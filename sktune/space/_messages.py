"""How problems are told."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["did_you_mean", "one_message"]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return what to add to a message when a known name is near.

    Parameters
    ----------
    name : str
        What was given.
    known : iterable of str
        What could have been meant.

    Returns
    -------
    str
        Empty when no name is near.

    Examples
    --------
    >>> from sktune.space import did_you_mean
    >>> did_you_mean("gama", ["C", "gamma"])
    "; did you mean 'gamma'?"
    """
    by_lower = {other.lower(): other for other in sorted(known)}
    close = difflib.get_close_matches(name.lower(), by_lower, n=1)
    return f"; did you mean {by_lower[close[0]]!r}?" if close else ""


def one_message(problems: list[str]) -> str:
    """Return the message of an error that tells of all problems at once.

    Parameters
    ----------
    problems : list of str
        A sentence each.

    Returns
    -------
    str

    Examples
    --------
    >>> from sktune.space import one_message
    >>> print(one_message(["'C': the list is empty", "'tol': the list is empty"]))
    The search space has 2 problems:
    - 'C': the list is empty
    - 'tol': the list is empty
    """
    if len(problems) == 1:
        return f"The search space is malformed: {problems[0]}"
    lines = "".join(f"\n- {problem}" for problem in problems)
    return f"The search space has {len(problems)} problems:{lines}"

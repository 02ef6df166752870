"""Searches with the signatures of other libraries, one module a library.

Nothing is imported here: a user of one library does not pay for the others.
"""

from __future__ import annotations

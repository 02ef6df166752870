"""Tests of the room that trains."""

from __future__ import annotations

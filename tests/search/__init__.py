"""Tests of what users import."""

from __future__ import annotations

"""Tests of sktune."""

from __future__ import annotations

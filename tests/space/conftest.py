"""Settings of hypothesis."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile(
    "sktune",
    database=None,  # leaves no folder behind
    deadline=None,  # a busy machine is no bug
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("sktune")

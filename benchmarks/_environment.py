"""Limit the numerical libraries to one thread, and describe where a benchmark ran.

Import this module before numpy: thread pools are sized when they are first loaded. One
thread, because algebra this small gains nothing from more, and because contenders that
share the cores would disturb each other's times.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from importlib import metadata

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

PACKAGES = (
    "sktune",
    "scikit-learn",
    "numpy",
    "scipy",
    "joblib",
    "scikit-optimize",
    "optuna",
    "torch",
)


def version(package: str) -> str:
    """The installed version of a distribution, or what is known about it."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        # The library may be used from its source tree.
        return "source" if package == "sktune" else "absent"


def describe(packages: Sequence[str] = PACKAGES) -> str:
    """Versions, cores and load, as the lines of a markdown list."""
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    versions = ", ".join(f"{package} {version(package)}" for package in packages)
    return "\n".join(
        [
            f"- Python {platform.python_version()}, {platform.platform()}",
            f"- {cores} cores, load {load} at the start, 1 thread per process",
            f"- {versions}",
        ]
    )

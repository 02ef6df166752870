"""Soft dependencies: what is missing, and the extra that brings it.

A module that needs a soft dependency calls `require` where it needs it, so that
``import sktune`` loads none of them.
"""

from __future__ import annotations

import importlib
from types import ModuleType

__all__ = ["EXTRAS", "require"]

#: Top-level module of every soft dependency, and the extra that brings it.
EXTRAS = {
    "keras": "keras",
    "matplotlib": "plots",
    "mlflow": "mlflow",
    "optuna": "optuna",
    "pandas": "plots",
    "tensorflow": "keras",
}


def require(module: str, purpose: str) -> ModuleType:
    """Import a soft dependency, or say how to get it.

    Parameters
    ----------
    module : str
        Name of the module, such as ``"matplotlib.pyplot"``. Its first part is a
        key of `EXTRAS`.
    purpose : str
        What needs the module; the message begins with it.

    Returns
    -------
    module
        The imported module.

    Raises
    ------
    ModuleNotFoundError
        When the package is not installed. An installed package that cannot be
        imported raises its own error: installing it again would not help.

    Examples
    --------
    >>> from sktune._optional import require
    >>> pd = require("pandas", "A data frame of the results")
    >>> pd.__name__
    'pandas'
    """
    package = module.partition(".")[0]
    extra = EXTRAS[package]
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        raise ModuleNotFoundError(
            f"{purpose} needs {package}, which is not installed. "
            f"Install it with: pip install 'sktune[{extra}]'",
            name=package,
        ) from error

"""``python -m sktune``: look at journals of searches.

Usage::

    python -m sktune show search.db [--top 10] [--watch SECONDS]
    python -m sktune export search.db (--csv | --json) [-o FILE]
    python -m sktune list [FOLDER]
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import io
import json
import math
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .exceptions import JournalError
from .search import LoadedSearch, load_search

_FIRST_OF_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def show(path: str, top: int) -> str:
    """Return the state of a search and its best candidates as text."""
    search = load_search(path)
    results = search.cv_results_
    n_rows = len(results.get("params", ()))
    lines = [
        _plain(search.path),
        f"{_plain(search.search_)}, began {_plain(search.began_)}; {_end(search)}",
        f"{search.n_trials_} trials proposed, {n_rows} with results, "
        f"{search.n_splits_} folds",
    ]
    if not n_rows:
        return "\n".join(lines)
    metric = next(key for key in results if key.startswith("rank_test_"))
    metric = metric.removeprefix("rank_test_")
    for key in results:
        if key.startswith("mean_test_") and search.best_index_ is not None:
            score = results[key][search.best_index_]
            if np.array_equal(score, search.best_score_, equal_nan=True):
                metric = key.removeprefix("mean_test_")
                break
    order = np.argsort(results[f"rank_test_{metric}"], kind="stable")[:top]
    lines += ["", f"rank  mean_test_{_plain(metric)}  parameters"]
    for row in order:
        params = ", ".join(f"{k}={v!r}" for k, v in results["params"][row].items())
        rank = results[f"rank_test_{metric}"][row]
        mean, spread = (results[f"{k}_test_{metric}"][row] for k in ("mean", "std"))
        lines.append(f"{rank:4d}  {mean:.6g} +- {spread:.2g}  {_plain(params)}")
    return "\n".join(lines)


def export(path: str, kind: str) -> str:
    """Return ``cv_results_`` as CSV or JSON."""
    results = load_search(path).cv_results_
    if kind == "json":
        table = {name: list(map(_json, column)) for name, column in results.items()}
        return json.dumps(table, indent=1)
    names = [name for name in results if name != "params"]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(map(_cell, names))
    for row in zip(*(results[name] for name in names), strict=True):
        writer.writerow(map(_cell, row))
    return text.getvalue()


def list_journals(folder: str) -> str:
    """Return a line for each journal in a folder."""
    lines = []
    for path in sorted(Path(folder).iterdir()):
        if path.is_symlink() or not path.is_file():
            continue
        try:
            search = load_search(path)
        except JournalError as error:
            # Only of files that are journals, or were.
            if "damaged" in str(error) and path.suffix == ".db":
                lines.append(f"{_plain(path.name)}: {_plain(str(error))}")
            continue
        lines.append(
            f"{_plain(path.name)}: {_plain(search.search_)}, "
            f"{search.n_trials_} trials, best score {search.best_score_:.6g}, "
            f"{_end(search)}"
        )
    return "\n".join(lines) or f"no journals in {_plain(folder)}"


def _end(search: LoadedSearch) -> str:
    """Return what became of a search."""
    if search.stop_reason_ is None:
        return "running, or killed"
    return f"ended by {_plain(search.stop_reason_)}"


def _plain(text: str) -> str:
    """Return a text without what would steer a terminal."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def _cell(value: Any) -> Any:
    """Return what a spreadsheet takes for the value, not for a formula."""
    value = _json(value)
    if isinstance(value, (int, float)) or value is None:
        return value
    text = value if isinstance(value, str) else json.dumps(value)
    return f"'{text}" if text.startswith(_FIRST_OF_FORMULAS) else text


def _json(value: Any) -> Any:
    if value is np.ma.masked:
        return None
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: _json(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_json(item) for item in value]
    return value if isinstance(value, (str, int)) or value is None else repr(value)


def _number(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1, got {text!r}")
    return int(text)


def _seconds(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0.1 <= float(text) <= 1e6:
            return float(text)
    raise argparse.ArgumentTypeError(f"must be a number from 0.1 to 1e6, got {text!r}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m sktune", description="Look at journals of searches."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("show", help="the state of a search and its best")
    one.add_argument("file")
    one.add_argument("--top", type=_number, default=10, help="number of candidates")
    one.add_argument(
        "--watch", type=_seconds, metavar="SECONDS", help="show it again and again"
    )
    one = commands.add_parser("export", help="cv_results_ as a table")
    one.add_argument("file")
    kinds = one.add_mutually_exclusive_group(required=True)
    kinds.add_argument("--csv", dest="kind", action="store_const", const="csv")
    kinds.add_argument("--json", dest="kind", action="store_const", const="json")
    one.add_argument("-o", "--output", help="a file instead of the standard output")
    one = commands.add_parser("list", help="the journals of a folder")
    one.add_argument("folder", nargs="?", default=".")
    options = parser.parse_args(arguments)
    try:
        if options.command == "show":
            _show(options)
        elif options.command == "list":
            print(list_journals(options.folder))
        else:
            text = export(options.file, options.kind)
            if options.output is None:
                print(text, end="" if text.endswith("\n") else "\n")
            else:
                Path(options.output).write_text(text, encoding="utf-8")
    except JournalError as error:
        print(_plain(str(error)), file=sys.stderr)
        return 1
    except OSError as error:
        place = "" if error.filename is None else f"{error.filename}: "
        print(_plain(f"{place}{error.strerror}"), file=sys.stderr)
        return 1
    return 0


def _show(options: argparse.Namespace) -> None:
    text = show(options.file, options.top)
    if options.watch is None:
        print(text)
        return
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            print(f"\x1b[2J\x1b[H{text}", flush=True)
            time.sleep(options.watch)
            text = show(options.file, options.top)


if __name__ == "__main__":
    sys.exit(main())

"""Nothing of a journal is unpickled, imported or evaluated."""

from __future__ import annotations

import ast
import os
import pickle
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import sktune
from sktune import load_search
from sktune.__main__ import main
from sktune.exceptions import JournalError

from .test_resume import X, bayes, hyperband, stop_after, table, y

ROOT = Path(sktune.__file__).parent
FILES = [
    *sorted((ROOT / "persistence").glob("*.py")),
    ROOT / "search" / "_exports.py",
    ROOT / "search" / "_loaded.py",
    ROOT / "search" / "_members.py",
    ROOT / "__main__.py",
]
FORBIDDEN = {"pickle", "cloudpickle", "joblib", "marshal", "dill", "shelve", "yaml"}
CALLS = {"eval", "exec", "compile", "__import__", "load_module", "import_module"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_call_that_runs_what_it_reads(path):
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or "", *(alias.name for alias in node.names)]
        elif isinstance(node, ast.Call):
            called = node.func
            name = getattr(called, "id", getattr(called, "attr", ""))
            assert name not in CALLS, f"{path.name}:{node.lineno} calls {name}"
        for name in names:
            assert name.split(".")[0] not in FORBIDDEN
            assert name not in ("allow_pickle", "loads", "_pickling")


class Payload:
    """Makes a file when it is unpickled."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return (os.mkdir, (self.marker,))


def test_a_payload_in_any_file_is_not_run(tmp_path):
    marker = str(tmp_path / "it ran")
    payload = pickle.dumps(Payload(marker))
    pickle.loads(payload)
    os.rmdir(marker)
    stop_after(hyperband(tmp_path / "search.db"), 9)
    for file in (tmp_path / "search.db.checkpoints").iterdir():
        file.write_bytes(payload)
    with pytest.warns(match="is damaged"):
        resumed = hyperband(tmp_path / "search.db").fit(X, y)
    assert table(resumed) == table(hyperband().fit(X, y))
    (tmp_path / "search.db").write_bytes(payload * 200)
    (tmp_path / "search.db.lock").write_bytes(payload)
    for use in (load_search, lambda path: hyperband(path).fit(X, y)):
        with pytest.raises(JournalError):
            use(tmp_path / "search.db")
    assert not os.path.exists(marker)


def test_looking_at_a_journal_loads_and_runs_nothing(tmp_path):
    bayes(tmp_path / "search.db", n_iter=3).fit(X, y)
    code = """
        import sys
        import sktune.__main__
        from sktune import load_search
        import numpy.ma, encodings.idna
        seen = []
        def hook(event, arguments):
            if event in ("pickle.find_class", "exec", "compile", "os.system",
                         "subprocess.Popen", "socket.connect"):
                seen.append((event, str(arguments)[:80]))
        load_search(sys.argv[1])  # what it imports once
        sys.addaudithook(hook)
        search = load_search(sys.argv[1])
        sktune.__main__.main(["show", sys.argv[1]])
        print(seen)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(tmp_path / "search.db")],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT.parent,
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_text_of_a_journal_does_not_steer_a_terminal(tmp_path, capsys):
    space = {"a": [0.1, 0.2], "kind": ["\x1b[31mred", "=HYPERLINK(1)"]}
    bayes(tmp_path / "search.db", space=space, n_iter=4).fit(X, y)
    assert main(["show", str(tmp_path / "search.db")]) == 0
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "red" in shown
    assert main(["export", str(tmp_path / "search.db"), "--csv"]) == 0
    assert "'=HYPERLINK" in capsys.readouterr().out

"""Nets of skorch itself; `Net` stands in for them where torch is missing."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from sktune._execution import with_total

from .test_resource import TEST, TRAIN, X, found_for, train, y

pytestmark = pytest.mark.slow


def make_net(kind):
    """A net that begins with the same weights each time. Torch is loaded here."""
    torch = pytest.importorskip("torch")
    skorch = pytest.importorskip("skorch")

    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.first = torch.nn.Linear(8, 6)
            self.last = torch.nn.Linear(6, 3)

        def forward(self, X):
            return torch.softmax(self.last(torch.tanh(self.first(X.float()))), -1)

    schedules = {
        "cosine": {"policy": "CosineAnnealingLR", "T_max": 9},
        "halved": {"policy": "LambdaLR", "lr_lambda": lambda epoch: 0.5**epoch},
    }
    options = {"optimizer__momentum": 0.9}
    if kind == "adam":
        options = {"optimizer": torch.optim.Adam}
    if kind in schedules:
        callback = skorch.callbacks.LRScheduler(**schedules[kind])
        options["callbacks"] = [("schedule", callback)]
    if kind == "stopped":
        callback = skorch.callbacks.EarlyStopping(
            "train_loss", patience=2, threshold=100.0, threshold_mode="abs", sink=str
        )
        options["callbacks"] = [("stopping", callback)]
    common = {"max_epochs": 9, "lr": 0.05, "train_split": None, "verbose": 0}
    return skorch.NeuralNetClassifier(Network, **common, **options)


@pytest.mark.parametrize("kind", ["momentum", "adam", "cosine", "halved"])
def test_continued_is_uninterrupted(kind):
    net = make_net(kind)
    resource = with_total(found_for(net).resource, 9)
    assert (resource.name, resource.continues) == ("epochs", True)
    whole = train(net, resource, [9])
    np.testing.assert_array_equal(train(net, resource, [1, 3, 9]), whole)
    assert not np.array_equal(train(net, resource, [1]), whole)
    alone = net.fit(X[TRAIN], y[TRAIN]).predict_proba(X[TEST])
    np.testing.assert_array_equal(alone, whole)


def test_a_net_that_stopped_early_stays_as_it_is():
    net = make_net("stopped")
    resource = with_total(found_for(net).resource, 9)
    whole = train(net, resource, [9])
    np.testing.assert_array_equal(train(net, resource, [5, 9]), whole)
    assert len(net.fit(X[TRAIN], y[TRAIN]).history) == 3


SCRIPT = """
import pickle, sys
import torch
from skorch import NeuralNetClassifier
from sklearn.datasets import load_iris
from sktune import HyperbandSearchCV, PBTSearchCV

class Network(torch.nn.Module):
    def __init__(self, units=4):
        super().__init__()
        torch.manual_seed(0)
        self.first = torch.nn.Linear(4, units)
        self.last = torch.nn.Linear(units, 3)

    def forward(self, X):
        return torch.softmax(self.last(torch.tanh(self.first(X.float()))), -1)

if __name__ == "__main__":
    X, y = load_iris(return_X_y=True)
    net = NeuralNetClassifier(Network, train_split=None, verbose=0)
    common = {"max_resource": 9, "cv": 3, "random_state": 0, "n_jobs": int(sys.argv[1])}
    space = {"lr": (1e-3, 1.0, "log-uniform"), "module__units": [4, 8]}
    search = HyperbandSearchCV(net, space, refit_from="fold", **common).fit(X, y)
    print(search.cv_results_["mean_test_score"].tolist())
    again = pickle.loads(pickle.dumps(search.best_estimator_))
    print(len(again.history), (again.predict(X) == search.predict(X)).all())
    space = {"lr": (1e-3, 1.0, "log-uniform")}
    search = PBTSearchCV(net, space, population_size=3, **common).fit(X, y)
    print(search.cv_results_["mean_test_score"].tolist())
"""


def test_a_module_of_the_script(tmp_path):
    pytest.importorskip("skorch")
    (tmp_path / "script.py").write_text(SCRIPT)

    def run(n_jobs):
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "script.py", n_jobs],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    alone = run("1")
    assert "9 True" in alone
    assert "nan" not in alone
    assert run("2") == alone

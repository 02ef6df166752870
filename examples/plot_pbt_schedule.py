"""
Find a schedule, plot it, repeat it
===================================

A learning rate that is right at the start of a training is too large at its end. A
population finds the schedule while it trains: members that are behind copy the weights
of those ahead, and change their hyperparameters a little.
"""

# %%
# A network on handwritten digits
# -------------------------------
#
# Stochastic gradient descent with momentum, whose learning rate, dropout and batch size
# are to be found. Each of eight members has a model for each fold; every third epoch
# the last two of them copy one of the first two.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import StratifiedKFold, train_test_split

from sktune import PBTSearchCV, ScheduledEstimator
from sktune.keras import KerasClassifier

X, y = load_digits(return_X_y=True)
X = X / 16.0
X_train, X_test, y_train, y_test = train_test_split(
    X, y, train_size=800, random_state=0, stratify=y
)
net = KerasClassifier(
    optimizer="sgd", momentum=0.9, model__units=32, random_state=0, epochs=24
)
space = {
    "learning_rate": (1e-4, 1e0, "log-uniform"),
    "model__dropout": (0.05, 0.5),
    "batch_size": [16, 32, 64],
}
folds = StratifiedKFold(2, shuffle=True, random_state=0)
search = PBTSearchCV(
    net,
    space,
    population_size=8,
    interval=3,
    max_resource=24,
    cv=folds,
    scoring="neg_log_loss",
    random_state=0,
)
search.plan()
search.fit(X_train, y_train)
print(f"{search.n_copied_} copies, log loss {-search.best_score_:.3f} on the folds")

# %%
# The schedule
# ------------
#
# ``best_schedule_`` is walked back from the best member through its parents. Where the
# line jumps, it took over another member's weights, or was perturbed.

figure, axes = plt.subplots(2, 1, sharex=True, figsize=(7, 5), layout="constrained")
edges = [segment["start"] for segment in search.best_schedule_] + [24]
for axis, name in zip(axes, ["learning_rate", "model__dropout"], strict=True):
    for member in range(8):
        rows = (search.history_["member"] == member) & (search.history_["fold"] == 0)
        values = [params[name] for params in search.history_["params"][rows]]
        axis.stairs(values, edges, color="0.8", baseline=None)
    values = [segment["params"][name] for segment in search.best_schedule_]
    axis.stairs(values, edges, color="C0", linewidth=2.5, baseline=None)
    axis.set_ylabel(name)
axes[0].set_yscale("log")
axes[0].set_title("The best member's schedule among those of the population")
axes[1].set_xlabel("epoch")

# %%
# Repeat it
# ---------
#
# The refit has replayed it on all training data. The schedule is JSON: it can be kept,
# and trains another model by `ScheduledEstimator <sktune.ScheduledEstimator>`, or in
# ``model.fit`` by `ScheduleCallback <sktune.keras.ScheduleCallback>`.

schedule = search.save_schedule()
again = ScheduledEstimator(net, schedule).fit(X_train, y_train)
same = all(
    np.array_equal(one, two)
    for one, two in zip(
        again.estimator_.model_.get_weights(),
        search.best_estimator_.model_.get_weights(),
        strict=True,
    )
)
print("the same weights as the refit:", same)

# %%
# Against the best constant setting
# ---------------------------------
#
# The same number of trainings with constants: those of each member at its start.

first = search.history_["generation"] == 0
constants = [
    params
    for params, fold in zip(
        search.history_["params"][first], search.history_["fold"][first], strict=True
    )
    if fold == 0
]


def losses(params):
    """Log loss of constants on the folds."""
    found = []
    for train, valid in folds.split(X_train, y_train):
        model = net.set_params(**params).fit(X_train[train], y_train[train])
        found.append(log_loss(y_train[valid], model.predict_proba(X_train[valid])))
    return np.mean(found)


best = min(constants, key=losses)
constant = net.set_params(**best).fit(X_train, y_train)
for name, model in [("schedule", search), ("best constant", constant)]:
    loss = log_loss(y_test, model.predict_proba(X_test))
    accuracy = accuracy_score(y_test, model.predict(X_test))
    print(f"{name}: log loss {loss:.3f}, accuracy {accuracy:.3f}")

# sphinx_gallery_thumbnail_number = 1

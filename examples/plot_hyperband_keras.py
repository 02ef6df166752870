"""
Stop bad networks early
=======================

A network is tuned inside a pipeline, with three folds. A candidate that shows no
promise after an epoch or three is dropped. The others go on from their own weights and
optimizer state, fold by fold.
"""

# %%
# The network
# -----------
#
# The scaler is fitted once a fold; the network goes on. What is searched are the rate,
# the batches, and the network's own shape.

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sktune import HyperbandSearchCV
from sktune.keras import KerasClassifier
from sktune.plots import TrainingCurvesDisplay

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, train_size=900, stratify=y, random_state=0
)
net = make_pipeline(StandardScaler(), KerasClassifier(random_state=0))
space = {
    "kerasclassifier__learning_rate": (1e-4, 1e-1, "log-uniform"),
    "kerasclassifier__batch_size": [32, 64, 128],
    "kerasclassifier__model__units": [16, 32, 64],
    "kerasclassifier__model__activation": ["relu", "tanh"],
}

# %%
# The search
# ----------
#
# Two brackets: the bold one, which begins with an epoch for each of nine candidates,
# and a more careful one. A schedule of the learning rate would run to
# ``max_resource``, not to the rung.

search = HyperbandSearchCV(net, space, max_resource=9, brackets=2, cv=3, random_state=0)
search.plan()
search.fit(X_train, y_train)
print(f"resource            {search.resource_}")
print(f"score of the folds  {search.best_score_:.4f}")
print(f"score on test data  {search.score(X_test, y_test):.4f}")
for name, value in search.best_params_.items():
    print(f"{name:36}{value}")

# %%
# What it took
# ------------
#
# The states of the networks stay in memory, and are deleted as soon as a candidate is
# dropped. Here they took little.

use = search.checkpoint_use_
print(f"{use.n_written} states, at most {use.peak_memory_bytes / 1e6:.1f} MB at a time")

# %%
# The learning curves of all candidates; a line ends where its candidate was dropped.

TrainingCurvesDisplay.from_search(search)
plt.show()

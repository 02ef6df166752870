"""
Drop bad candidates early
=========================

A linear classifier on 20,000 rows has six parameters to tune. Trained in full, a
candidate passes over its rows 27 times. Most candidates show after one pass that they
are not worth it: Hyperband looks at 49 of them for the training that 13 take in full.
"""

# %%
# The model and its space
# -----------------------
#
# The model is trained by stochastic gradient descent, in a pipeline. The last step is
# what goes on with its training; the scaler is fitted once a fold.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_classification
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sktune import HyperbandSearchCV
from sktune.plots import TrainingCurvesDisplay

X, y = make_classification(
    20_000,
    30,
    n_informative=10,
    n_classes=4,
    n_clusters_per_class=1,
    class_sep=0.7,
    flip_y=0.03,
    random_state=0,
)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
model = make_pipeline(
    StandardScaler(), SGDClassifier(learning_rate="invscaling", random_state=0)
)
space = {
    "sgdclassifier__loss": ["hinge", "log_loss", "modified_huber"],
    "sgdclassifier__alpha": (1e-7, 1e-1, "log-uniform"),
    "sgdclassifier__eta0": (1e-4, 1e1, "log-uniform"),
    "sgdclassifier__power_t": (0.05, 0.9),
    "sgdclassifier__penalty": ["l2", "l1", "elasticnet"],
    "sgdclassifier__average": [False, True],
}

# %%
# The plan
# --------
#
# ``plan`` prints what ``fit`` is going to do, before anything is trained. The search
# has found by itself that the last step can be trained in passes.

search = HyperbandSearchCV(
    model, space, max_resource=27, cv=3, n_jobs=2, random_state=0
)
search.plan()

# %%
# The search
# ----------

search.fit(X_train, y_train)
print(f"score of the folds {search.best_score_:.4f}")
print(f"score on test data {search.score(X_test, y_test):.4f}")
for name, value in search.best_params_.items():
    print(f"{name:28}{value}")

# %%
# Who was trained how long? A row of ``cv_results_`` is a candidate as it was at its
# last rung.

results = search.cv_results_
for status in ("stopped", "completed"):
    here = results["status"] == status
    passes = np.bincount(results["n_resources"][here], minlength=28)
    counts = ", ".join(f"{n} after {k}" for k, n in enumerate(passes) if n)
    print(f"{status:10}{here.sum():>3} candidates: {counts} passes")

# %%
# The learning curves of all candidates
# -------------------------------------
#
# A line ends where its candidate was dropped.

TrainingCurvesDisplay.from_search(search)
plt.show()

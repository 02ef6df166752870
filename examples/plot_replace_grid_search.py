"""
Replace a grid search
=====================

A support vector machine is tuned three times on real data: by the grid search that one
would write today, by the same call with another class, and without the grid. The search
that learns from its results reaches the grid's score in fewer fits.
"""

# %%
# The grid search
# ---------------
#
# The data are handwritten digits, 8 by 8 pixels each. The grid has seven values for
# each of two parameters.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from sktune import BayesSearchCV

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, train_size=600, stratify=y, random_state=0
)
model = make_pipeline(StandardScaler(), SVC())
param_grid = {
    "svc__C": [0.01, 0.1, 1.0, 10.0, 100.0, 1e3, 1e4],
    "svc__gamma": [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0],
}
grid = GridSearchCV(model, param_grid, cv=5, n_jobs=2).fit(X_train, y_train)

# %%
# The same call
# -------------
#
# The estimator, the grid and the folds stay. ``n_iter`` says how many of the 49
# candidates are tried.

search = BayesSearchCV(
    model, param_grid, n_iter=20, cv=5, n_jobs=2, random_state=0
).fit(X_train, y_train)

# %%
# Without the grid
# ----------------
#
# Nothing but habit restricts the parameters to those values. Here they may lie anywhere
# between the first and the last, on a logarithmic scale.

space = {
    "svc__C": (0.01, 1e4, "log-uniform"),
    "svc__gamma": (1e-6, 1.0, "log-uniform"),
}
ranges = BayesSearchCV(model, space, n_iter=20, cv=5, n_jobs=2, random_state=0).fit(
    X_train, y_train
)

# %%
# What came out
# -------------

searches = {
    "GridSearchCV": grid,
    "BayesSearchCV, same grid": search,
    "BayesSearchCV, ranges": ranges,
}
print(f"{'':26}{'fits':>6}{'mean score of folds':>22}{'score on test data':>22}")
for name, fitted in searches.items():
    fits = len(fitted.cv_results_["params"]) * fitted.n_splits_
    test = fitted.score(X_test, y_test)
    print(f"{name:26}{fits:>6}{fitted.best_score_:>22.4f}{test:>22.4f}")

# %%
# The best score against the number of candidates tried. A grid is tried in the order in
# which it is written, so that its curve says little before the end.

figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
for name, fitted in searches.items():
    best = np.fmax.accumulate(fitted.cv_results_["mean_test_score"])
    axes.step(np.arange(1, len(best) + 1), best, where="post", label=name)
axes.set(
    xlabel="candidates tried", ylabel="best mean score of the folds", ylim=(0.9, 1)
)
axes.legend(loc="lower right")
plt.show()

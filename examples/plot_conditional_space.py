"""
Parameters that depend on others
================================

``gamma`` does nothing under a linear kernel, and a forest has no kernel at all. A
search that does not know this spends trials on values without effect. There are two
ways to say it: ``when=`` on a dimension, and a list of spaces.
"""

# %%
# Parameters of one estimator: ``when=``
# --------------------------------------
#
# The data are chemical analyses of wine from three growers.

from collections import Counter

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_wine
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from sktune import BayesSearchCV, Float, Integer

X, y = load_wine(return_X_y=True)
space = {
    "svc__kernel": ["linear", "rbf", "poly"],
    "svc__C": (1e-3, 1e3, "log-uniform"),
    "svc__gamma": Float(
        1e-5, 1.0, "log-uniform", when={"svc__kernel": ["rbf", "poly"]}
    ),
    "svc__degree": Integer(2, 4, when={"svc__kernel": "poly"}),
}
search = BayesSearchCV(
    make_pipeline(StandardScaler(), SVC()),
    space,
    n_iter=30,
    cv=5,
    n_jobs=2,
    random_state=0,
).fit(X, y)

# %%
# Only what is active is in ``params``. The estimator keeps its own value of the rest.

results = search.cv_results_
for kernel in ["linear", "rbf", "poly"]:
    of_kernel = np.flatnonzero(results["param_svc__kernel"] == kernel)
    best = of_kernel[np.argmax(results["mean_test_score"][of_kernel])]
    print(f"{results['mean_test_score'][best]:.4f}", results["params"][best])

# %%
# In the columns of ``cv_results_``, what is inactive is masked.

print(results["param_svc__degree"])

# %%
# Different estimators: a list of spaces
# --------------------------------------
#
# A step of a pipeline is a parameter like any other. Each dict holds an estimator and
# the parameters of it; the search finds out which dict deserves more trials.

pipeline = Pipeline([("scale", StandardScaler()), ("model", LogisticRegression())])
spaces = [
    {
        "model": [LogisticRegression(max_iter=2000)],
        "model__C": (1e-4, 1e2, "log-uniform"),
    },
    {
        "model": [LinearDiscriminantAnalysis(solver="lsqr")],
        "model__shrinkage": (0.0, 1.0),
    },
    {
        "scale": ["passthrough"],
        "model": [ExtraTreesClassifier(n_estimators=50, random_state=0)],
        "model__max_features": (0.1, 1.0),
        "model__min_samples_leaf": (1, 20, "log-uniform"),
    },
]
search = BayesSearchCV(
    pipeline,
    spaces,
    n_iter=40,
    scoring="neg_log_loss",
    cv=5,
    n_jobs=2,
    random_state=0,
).fit(X, y)

kinds = [type(params["model"]).__name__ for params in search.cv_results_["params"]]
print(Counter(kinds))
print(search.best_params_)

# %%
# The first trials are spread over all three. Later ones go where the loss is small.

figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
losses = -search.cv_results_["mean_test_score"]
for kind in sorted(set(kinds)):
    of_kind = np.array(kinds) == kind
    axes.plot(np.flatnonzero(of_kind), losses[of_kind], "o", label=kind)
axes.set(yscale="log", xlabel="trial", ylabel="log loss")
axes.legend()
plt.show()

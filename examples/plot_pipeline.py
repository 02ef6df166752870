"""
Tune a whole pipeline
=====================

Every step of a pipeline has parameters, and which steps there are is a choice too. All
of it is one space: what scales the data, how many components are kept, and how the
classifier is regularised. Two metrics are recorded; one of them decides.
"""

# %%
# The pipeline and its space
# --------------------------
#
# A parameter of a step is called ``step__parameter``. A step itself is a parameter as
# well: a list of estimators makes it a choice among them, and ``"passthrough"`` leaves
# it out.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import PowerTransformer, RobustScaler, StandardScaler

from sktune import BayesSearchCV

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
pipeline = Pipeline(
    [
        ("scale", StandardScaler()),
        ("reduce", PCA()),
        ("classify", LogisticRegression(max_iter=2000)),
    ]
)
space = {
    "scale": [StandardScaler(), RobustScaler(), PowerTransformer()],
    "reduce__n_components": (2, 30),
    "reduce__whiten": [True, False],
    "classify__C": (1e-3, 1e2, "log-uniform"),
    "classify__class_weight": [None, "balanced"],
}

# %%
# The search
# ----------
#
# With several metrics, ``refit`` names the one that is maximised. The estimator's own
# parameters, here no reduction at all and ``C=1``, are tried among the first.

search = BayesSearchCV(
    pipeline,
    space,
    n_iter=25,
    scoring={"log_loss": "neg_log_loss", "accuracy": "accuracy"},
    refit="log_loss",
    cv=StratifiedKFold(5, shuffle=True, random_state=0),
    n_jobs=2,
    random_state=0,
).fit(X, y)

for name, value in search.best_params_.items():
    print(f"{name:26}{value}")

# %%
# What came out
# -------------
#
# ``cv_results_`` is laid out as that of ``GridSearchCV``, with columns for each metric.

results = search.cv_results_
order = np.argsort(results["rank_test_log_loss"])[:5]
print(f"{'log loss':>10}{'accuracy':>10}  parameters")
for row in order:
    loss = -results["mean_test_log_loss"][row]
    accuracy = results["mean_test_accuracy"][row]
    params = results["params"][row]
    print(
        f"{loss:>10.4f}{accuracy:>10.4f}  {type(params['scale']).__name__}, "
        f"{params['reduce__n_components']} components, C={params['classify__C']:.3g}"
    )

# %%
# How the loss depends on the two numbers, over all trials:

figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
points = axes.scatter(
    results["param_classify__C"].astype(float),
    results["param_reduce__n_components"].astype(int),
    c=-results["mean_test_log_loss"],
    norm="log",
    cmap="viridis_r",
)
axes.set(xscale="log", xlabel="classify__C", ylabel="reduce__n_components")
figure.colorbar(points, label="log loss")
plt.show()

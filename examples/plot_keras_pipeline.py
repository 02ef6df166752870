"""
Tune a network and what comes before it
=======================================

How the data is scaled and how many components are kept matters to a network as much as
its own parameters do. In a pipeline all of it is one space, and the preprocessing is
fitted anew in each fold.
"""

# %%
# The pipeline and its space
# --------------------------
#
# The data are measurements of tumours. The network has a parameter for each thing that
# keeps it from learning the training data by heart: dropout and weight decay.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.decomposition import PCA
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import QuantileTransformer, RobustScaler, StandardScaler

from sktune import BayesSearchCV
from sktune.keras import KerasClassifier

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
pipeline = Pipeline(
    [
        ("scale", StandardScaler()),
        ("reduce", PCA()),
        (
            "net",
            KerasClassifier(
                model__units=(32, 16), optimizer="adamw", epochs=15, random_state=0
            ),
        ),
    ]
)
space = {
    "scale": [StandardScaler(), RobustScaler(), QuantileTransformer(n_quantiles=100)],
    "reduce__n_components": [5, 10, 20, 30],
    "net__model__dropout": (0.05, 0.6),
    "net__learning_rate": (3e-4, 3e-2, "log-uniform"),
    "net__weight_decay": (1e-5, 1e-1, "log-uniform"),
}

# %%
# The search
# ----------
#
# The number of components changes the input of the network, which is then compiled
# anew. All other parameters are inputs of the compiled function.

search = BayesSearchCV(
    pipeline,
    space,
    n_iter=20,
    scoring={"log_loss": "neg_log_loss", "accuracy": "accuracy"},
    refit="log_loss",
    cv=StratifiedKFold(3, shuffle=True, random_state=0),
    random_state=0,
).fit(X, y)

results = search.cv_results_
print(f"{'log loss':>8}{'accuracy':>10}  parameters")
for row in np.argsort(results["rank_test_log_loss"])[:5]:
    params = results["params"][row]
    print(
        f"{-results['mean_test_log_loss'][row]:>8.4f}"
        f"{results['mean_test_accuracy'][row]:>10.4f}  "
        f"{type(params['scale']).__name__}, "
        f"{params['reduce__n_components']} components, "
        f"dropout {params['net__model__dropout']:.2f}"
    )

# %%
# What came out
# -------------
#
# Each trial by its learning rate and the number of components.

figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
points = axes.scatter(
    results["param_net__learning_rate"].astype(float),
    results["param_reduce__n_components"].astype(int),
    c=-results["mean_test_log_loss"],
    norm="log",
    cmap="viridis_r",
)
axes.set(xscale="log", xlabel="net__learning_rate", ylabel="reduce__n_components")
figure.colorbar(points, label="log loss")
plt.show()

"""
Tune a neural network
=====================

Layers, units, activation, learning rate and batch size of a Keras network are tuned
together. The search sees one classifier with parameters, as any other: no function
that builds a model has to be written.
"""

# %%
# The network and its space
# -------------------------
#
# The data are handwritten digits. ``model__`` are parameters of the network, the others
# are those of its training. How many layers there are and how wide each is comes from
# one dimension: a ``Sequence`` of one or two widths.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from sktune import BayesSearchCV, Ordinal, Sequence
from sktune.keras import KerasClassifier

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, train_size=600, stratify=y, random_state=0
)
classifier = KerasClassifier(epochs=15, jit_compile=False, random_state=0)
network = make_pipeline(MinMaxScaler(), classifier)
space = {
    "kerasclassifier__model__units": Sequence(Ordinal([16, 32, 64]), 1, 2),
    "kerasclassifier__model__activation": ["relu", "tanh", "gelu"],
    "kerasclassifier__learning_rate": (1e-4, 1e-1, "log-uniform"),
    "kerasclassifier__batch_size": [16, 32],
}

# %%
# The search
# ----------
#
# All epochs of a training are one compiled function. The folds of a candidate share it,
# and so do candidates that differ in the learning rate only. But here nearly each
# candidate is another network, trained for some hundred steps. XLA would take longer to
# compile them than it saves: ``jit_compile=False`` leaves it out.

search = BayesSearchCV(network, space, n_iter=8, cv=3, random_state=0)
search.fit(X_train, y_train)

results = search.cv_results_
print(
    f"{'accuracy':>8}  {'units':14}{'activation':12}{'learning rate':>13}{'batch':>7}"
)
for row in np.argsort(results["rank_test_score"])[:5]:
    units, activation, rate, batch = (results["params"][row][name] for name in space)
    score = results["mean_test_score"][row]
    print(f"{score:>8.4f}  {units!s:14}{activation:12}{rate:>13.2g}{batch:>7}")

# %%
# The best network
# ----------------
#
# It was trained again on all the training data. The step of the pipeline has the model
# itself, ready to be saved, and the loss of each epoch.

best = search.best_estimator_[-1]
print(f"on test data: {search.score(X_test, y_test):.4f}")
print(f"trained by: {best.training_path_}")
best.model_.summary(line_length=72)

figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
axes.semilogy(np.arange(1, best.n_epochs_ + 1), best.history_["loss"], "o-")
axes.set(xlabel="epoch", ylabel="cross-entropy on the training data")
plt.show()

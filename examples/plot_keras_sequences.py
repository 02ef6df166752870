"""
Tune a recurrent network on sequences
=====================================

A recurrent network reads a sample step by step. The kind of cell in the ready-made
model ``"rnn"`` is a parameter like any other: here the LSTM and the GRU compete.
"""

# %%
# Sequences
# ---------
#
# scikit-learn ships no sequences. These are made of its images of digits: the eight
# rows of an image are read from the top down, eight pixels a step. The network has to
# remember the upper half of a digit while it reads the lower one. For images as such a
# convolutional network is the better choice.

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sktune import BayesSearchCV
from sktune.keras import KerasClassifier

digits = load_digits()
sequences = (digits.images / 16).astype(np.float32)
print("samples, steps, values a step:", sequences.shape)
X_train, X_test, y_train, y_test = train_test_split(
    sequences, digits.target, train_size=500, stratify=digits.target, random_state=0
)

# %%
# The search
# ----------
#
# Early stopping ends a training when the loss on a tenth of the training fold has not
# become better for three epochs, and keeps the weights of the best one.

network = KerasClassifier(
    model="rnn",
    model__units=32,
    epochs=30,
    early_stopping=True,
    patience=3,
    random_state=0,
)
space = {
    "model__cell": ["lstm", "gru"],
    "model__dropout": (0.05, 0.5),
    "learning_rate": (1e-3, 3e-2, "log-uniform"),
}
search = BayesSearchCV(network, space, n_iter=8, cv=2, random_state=0)
search.fit(X_train, y_train)

results = search.cv_results_
print(f"{'accuracy':>8}  {'cell':6}{'dropout':>7}{'learning rate':>15}")
for row in np.argsort(results["rank_test_score"]):
    cell, dropout, rate = (results["params"][row][name] for name in space)
    score = results["mean_test_score"][row]
    print(f"{score:>8.4f}  {cell:6}{dropout:>7.2f}{rate:>15.2g}")

# %%
# What came out
# -------------

best = search.best_estimator_
print(f"accuracy on test data: {search.score(X_test, y_test):.4f}")
print(f"trained for {best.n_epochs_} of {best.epochs} epochs")

# %%
# ``model__bidirectional=True`` reads the steps both ways. Sequences of whole numbers,
# such as words of a vocabulary, go through an embedding first, of the width
# ``model__embedding_dim``.

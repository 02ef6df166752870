"""
Tune a convolutional network on images
======================================

Images stay images: samples of shape (height, width, channels) go through the search
and the folds as they are. The ready-made model ``"cnn"`` is tuned on handwritten digits
of 8 by 8 pixels.
"""

# %%
# Images, and a network for them
# ------------------------------
#
# scikit-learn ships the digits as rows of 64 numbers. They become what they were, with
# one channel for the grey level.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sktune import BayesSearchCV
from sktune.keras import KerasClassifier

digits = load_digits()
images = (digits.images / 16)[..., np.newaxis].astype(np.float32)
print(images.shape)
X_train, X_test, y_train, y_test = train_test_split(
    images, digits.target, train_size=400, stratify=digits.target, random_state=0
)

# %%
# ``filters`` and ``pooling`` are parameters of the model, and so are ``kernel_size``,
# ``activation`` and others; ``units`` is the width of the dense layer after the
# convolutions.

network = KerasClassifier(
    model="cnn", model__units=32, epochs=10, schedule="cosine", random_state=0
)
space = {
    "model__filters": [(8,), (8, 16)],
    "model__pooling": ["max", "average"],
    "model__dropout": (0.0, 0.4),
    "learning_rate": (3e-4, 3e-2, "log-uniform"),
}

# %%
# The search
# ----------

search = BayesSearchCV(network, space, n_iter=7, cv=2, random_state=0)
search.fit(X_train, y_train)
for name, value in search.best_params_.items():
    print(f"{name:20}{value}")
print(f"mean accuracy of the folds: {search.best_score_:.4f}")
print(f"accuracy on test data: {search.score(X_test, y_test):.4f}")

# %%
# What it gets wrong
# ------------------
#
# The test images to which the network gives their true class the lowest probability.

probability = search.predict_proba(X_test)[np.arange(len(y_test)), y_test]
predicted = search.predict(X_test)
figure, axes = plt.subplots(1, 6, figsize=(8, 2), layout="constrained")
for axis, row in zip(axes, np.argsort(probability)[:6], strict=True):
    axis.imshow(X_test[row, ..., 0], cmap="gray_r")
    axis.set(title=f"{y_test[row]}, not {predicted[row]}", xticks=[], yticks=[])
plt.show()

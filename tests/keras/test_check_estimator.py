"""scikit-learn's own contract tests, unchanged."""

from __future__ import annotations

import re

import pytest

keras = pytest.importorskip("keras")

from sklearn.utils.estimator_checks import parametrize_with_checks  # noqa: E402

from sktune.keras import KerasClassifier, KerasRegressor  # noqa: E402

# Check: why a Keras estimator does not do what it asks.
PER_BATCH = (
    "batches are drawn by rows: a row of weight 2 is in one batch, a row that is there "
    "twice may be in two; and float32 does not add up to 7 digits in any order"
)
EXPECTED_FAILURES = {
    "check_do_not_raise_errors_in_init_or_set_params": (
        "passes all names of the signature as keywords, the one of **routed too; an "
        "unknown keyword is a TypeError, as in any Python function"
    ),
    "check_sample_weight_equivalence_on_dense_data": PER_BATCH,
    "check_sample_weight_equivalence_on_sparse_data": PER_BATCH,
}


def linear(meta):
    """A model without hidden layers: it compiles fast."""
    inputs = keras.Input(meta.input_shape)
    last = keras.layers.Dense(meta.n_outputs, activation=meta.output_activation)
    return keras.Model(inputs, last(inputs))


def checks(*estimators):
    # scikit-learn 1.6 hands pytest a generator, which pytest will refuse.
    mark = parametrize_with_checks(
        list(estimators), expected_failed_checks=lambda estimator: EXPECTED_FAILURES
    )
    names, values = mark.args

    def text(value):
        # Without the address of a function, which differs from process to process.
        return re.sub(r"at0x\w+", "", mark.kwargs["ids"](value))

    return pytest.mark.parametrize(names, list(values), ids=text)


TRAINED = {"epochs": 40, "random_state": 0}
QUICK = {**TRAINED, "model": linear, "learning_rate": 0.1, "jit_compile": False}


@pytest.mark.filterwarnings("ignore")  # the checks feed warnings on purpose
@checks(KerasClassifier(**QUICK))
def test_sklearn_contract(estimator, check):
    check(estimator)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@checks(KerasRegressor(**QUICK))
def test_sklearn_contract_of_the_regressor(estimator, check):
    check(estimator)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@checks(
    KerasClassifier(**TRAINED, learning_rate=0.01),
    KerasRegressor(**TRAINED, learning_rate=0.01, early_stopping=True, patience=20),
)
def test_sklearn_contract_of_the_ready_made_network(estimator, check):
    check(estimator)

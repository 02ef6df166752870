"""A training that is cut and continued is the training that is not."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.cluster import MiniBatchKMeans
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import make_classification
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import (
    LogisticRegression,
    Perceptron,
    SGDClassifier,
    SGDRegressor,
)
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.utils.class_weight import compute_class_weight

from sktune import HyperbandSearchCV
from sktune._execution import (
    FoldContext,
    FoldData,
    ResourceRequest,
    find_resource,
    with_total,
)
from sktune._execution._checkpoint import CheckpointStore
from sktune._execution._continued import PartialFit
from sktune._execution._fold import run_fold
from sktune._execution._resource import Samples
from sktune._protocol import Checkpoint, FoldTask, Resumable, Status
from sktune.exceptions import SearchError

from .estimators import Descent, Net

X, y = make_classification(
    120, 8, n_informative=5, n_classes=3, random_state=0, shuffle=True
)
TRAIN, TEST = np.arange(80), np.arange(80, 120)


def found_for(estimator, name="auto", *, batch_size=None, target=y):
    request = ResourceRequest(name, target, len(TRAIN), batch_size, 0)
    return find_resource(estimator, request)


def output(estimator, X, y):
    """What a model says, to the last bit."""
    seen.append(
        estimator.predict_proba(X)
        if hasattr(estimator, "predict_proba")
        else estimator.predict(X)
    )
    return 0.0


seen: list = []


def train(estimator, resource, stops, *, params=None, target=y, fit_params=None):
    """Train one fold in segments; return what the model says after the last."""
    data = FoldData(X, target, [(TRAIN, TEST)], fit_params or {}, {})
    context = FoldContext(estimator, output, raise_errors=True, resource=resource)
    checkpoint = None
    for stop in stops:
        task = FoldTask(0, 0, params or {}, stop, checkpoint, keep=resource.continues)
        result = run_fold(context, data, task)
        if result.exception:
            raise result.exception
        assert result.status is Status.OK, result.fit_error
        checkpoint = result.checkpoint
    return seen[-1]


def pipe(model):
    return make_pipeline(StandardScaler(), SelectKBest(k=6), model)


CONTINUED = {
    "epochs": (Descent(epochs=12), "epochs"),
    "epochs in a pipeline": (pipe(Descent(epochs=12)), "epochs"),
    "skorch": (Net(), "epochs"),
    "linear": (SGDClassifier(loss="log_loss", random_state=0), "passes"),
    "linear in a pipeline": (pipe(SGDClassifier(random_state=0)), "passes"),
    "averaged": (SGDClassifier(average=True, random_state=0), "passes"),
    "adaptive rate": (
        SGDClassifier(learning_rate="invscaling", eta0=0.5, random_state=0),
        "passes",
    ),
    "balanced": (SGDClassifier(class_weight="balanced", random_state=0), "passes"),
    "perceptron": (Perceptron(random_state=0), "passes"),
    "network": (MLPClassifier((8,), random_state=0), "passes"),
    "bayes": (GaussianNB(), "passes"),
    "forest": (RandomForestClassifier(random_state=0), "n_estimators"),
    "trees": (ExtraTreesClassifier(random_state=0), "n_estimators"),
    "balanced trees": (
        ExtraTreesClassifier(class_weight="balanced", random_state=0),
        "n_estimators",
    ),
    "bagging": (BaggingClassifier(random_state=0), "n_estimators"),
    "boosting": (
        GradientBoostingClassifier(subsample=0.7, max_depth=2, random_state=0),
        "n_estimators",
    ),
    "boosting in a pipeline": (
        pipe(GradientBoostingClassifier(max_depth=2, random_state=0)),
        "gradientboostingclassifier__n_estimators",
    ),
    "histograms": (
        HistGradientBoostingClassifier(min_samples_leaf=5, random_state=0),
        "max_iter",
    ),
}


@pytest.mark.parametrize("name", CONTINUED)
def test_continued_is_uninterrupted(name):
    estimator, expected = CONTINUED[name]
    found = found_for(estimator)
    assert found.resource.name == expected
    assert found.resource.continues
    resource = with_total(found.resource, 12)
    whole = train(estimator, resource, [12])
    np.testing.assert_array_equal(train(estimator, resource, [1, 3, 12]), whole)
    np.testing.assert_array_equal(train(estimator, resource, [5, 12]), whole)
    assert not np.array_equal(train(estimator, resource, [1]), whole) or name == "bayes"


@pytest.mark.parametrize("validation_fraction", [0.3, None])
def test_early_stopping_of_histograms_is_that_of_one_training(validation_fraction):
    model = HistGradientBoostingClassifier(
        learning_rate=0.5,
        early_stopping=True,
        n_iter_no_change=2,
        tol=0.02,
        validation_fraction=validation_fraction,
        random_state=0,
    )
    n = clone(model).fit(X[TRAIN], y[TRAIN]).n_iter_
    assert 5 < n < 40
    resource = found_for(model).resource
    whole = train(model, resource, [40])
    for stops in ([2, n - 1, 40], [n, 40], [n + 1, n + 2, 40]):
        np.testing.assert_array_equal(train(model, resource, stops), whole)


def test_whole_training_by_parts_is_fit():
    for estimator in (Descent(epochs=12), RandomForestClassifier(12, random_state=0)):
        resource = with_total(found_for(estimator).resource, 12)
        alone = estimator.fit(X[TRAIN], y[TRAIN]).predict_proba(X[TEST])
        np.testing.assert_array_equal(train(estimator, resource, [4, 12]), alone)


def test_schedules_run_to_the_largest_budget():
    estimator = Descent(epochs=3)
    assert isinstance(estimator, Resumable)
    resource = with_total(found_for(estimator).resource, 12)
    alone = Descent(epochs=12).fit(X[TRAIN], y[TRAIN]).predict_proba(X[TEST])
    np.testing.assert_array_equal(train(estimator, resource, [1, 12]), alone)


@pytest.mark.parametrize("kind", ["passes", "batches"])
@pytest.mark.parametrize("batch_size", [7, 30, 500])
def test_batches_continue(kind, batch_size):
    estimator = MLPClassifier((8,), random_state=0)
    resource = found_for(estimator, kind, batch_size=batch_size).resource
    whole = train(estimator, resource, [12])
    np.testing.assert_array_equal(train(estimator, resource, [1, 5, 12]), whole)


def test_batches_hold_each_row_once_a_pass():
    resource = PartialFit("passes", 30, None, 0)
    batches = list(resource._batches(100, range(2, 4)))
    assert [len(b) for b in batches] == [34, 33, 33] * 2
    for one in (batches[:3], batches[3:]):
        assert sorted(np.concatenate(one)) == list(range(100))
    singles = PartialFit("batches", 30, None, 0)
    np.testing.assert_array_equal(
        np.concatenate(list(singles._batches(100, range(6, 12)))),
        np.concatenate(batches),
    )


def test_classes_of_all_folds_are_known():
    # The training part lacks the last class.
    target = np.where(np.arange(120) < 80, y % 2, 2)
    found = found_for(SGDClassifier(loss="log_loss", random_state=0), target=target)
    result = train(SGDClassifier(loss="log_loss"), found.resource, [3], target=target)
    assert result.shape == (40, 3)


@pytest.mark.parametrize("batch_size", [None, 30])
def test_balanced_weights_are_those_of_all_training_rows(batch_size):
    rare = np.where(np.arange(120) % 10, "often", "rarely")
    model = SGDClassifier(loss="log_loss", random_state=0)
    weights = compute_class_weight("balanced", classes=np.unique(rare), y=rare[TRAIN])
    given = dict(zip(np.unique(rare), weights, strict=True))

    def weighted(class_weight):
        estimator = clone(model).set_params(class_weight=class_weight)
        resource = found_for(estimator, "passes", batch_size=batch_size, target=rare)
        return train(estimator, resource.resource, [2, 5], target=rare)

    np.testing.assert_array_equal(weighted("balanced"), weighted(given))
    assert not np.array_equal(weighted("balanced"), weighted(None))
    model.set_params(class_weight="balanced")
    resource = found_for(model, "passes", batch_size=batch_size, target=rare).resource
    resource.train(model, X, rare, {}, range(2))
    assert model.class_weight == "balanced"


def test_several_targets():
    target = np.c_[y, y % 2]
    model = MultiOutputClassifier(SGDClassifier(random_state=0))
    resource = found_for(model, target=target).resource
    assert resource.name == "passes"
    whole = train(model, resource, [4], target=target)
    np.testing.assert_array_equal(train(model, resource, [1, 4], target=target), whole)


def test_regression_and_clustering():
    for model, target in [
        (SGDRegressor(random_state=0), y * 1.0),
        (MLPRegressor(hidden_layer_sizes=(4,), random_state=0), y * 1.0),
        (RandomForestRegressor(random_state=0), y * 1.0),
        (MiniBatchKMeans(3, random_state=0, n_init=1), None),
    ]:
        resource = found_for(model, target=target).resource
        assert resource.continues
        data = FoldData(X, target, [(TRAIN, TEST)], {}, {})
        context = FoldContext(model, lambda e, X, y=None: 0.0, resource=resource)
        first = run_fold(context, data, FoldTask(0, 0, {}, 3, None, keep=True))
        assert first.status is Status.OK, first.fit_error
        last = run_fold(context, data, FoldTask(0, 0, {}, 9, first.checkpoint))
        assert last.status is Status.OK, last.fit_error


BOOSTERS = [("xgboost", "XGBClassifier"), ("lightgbm", "LGBMClassifier")]


@pytest.mark.parametrize(("package", "name"), BOOSTERS)
@pytest.mark.parametrize("in_pipeline", [False, True])
def test_boosters_continue(package, name, in_pipeline):
    module = pytest.importorskip(package)
    options = {"verbose": -1} if package == "lightgbm" else {"tree_method": "exact"}
    model = getattr(module, name)(n_estimators=12, n_jobs=1, max_depth=3, **options)
    if in_pipeline:
        model = pipe(model)
    found = found_for(model)
    assert found.resource.name.endswith("n_estimators")
    assert found.usual == 12
    whole = train(model, found.resource, [12])
    np.testing.assert_allclose(
        train(model, found.resource, [1, 5, 12]), whole, rtol=1e-5
    )
    alone = model.fit(X[TRAIN], y[TRAIN]).predict_proba(X[TEST])
    np.testing.assert_array_equal(whole, alone)


@pytest.mark.parametrize(
    ("package", "name", "options", "note"),
    [
        ("lightgbm", "LGBMClassifier", {"boosting_type": "rf"}, "boosting_type='rf'"),
        ("lightgbm", "LGBMRegressor", {"boosting": "dart"}, "boosting='dart'"),
        ("xgboost", "XGBRFClassifier", {}, ""),
        (
            "xgboost",
            "XGBRegressor",
            {"early_stopping_rounds": 5},
            "early_stopping_rounds=5",
        ),
        (
            "lightgbm",
            "LGBMRegressor",
            {"early_stopping_round": 5},
            "early_stopping_round=5",
        ),
    ],
)
def test_boosters_that_cannot_continue(package, name, options, note):
    model = getattr(pytest.importorskip(package), name)(**options)
    found = found_for(pipe(model))
    assert found.resource.name == "n_samples"
    assert found.note.endswith(note)
    assert not found_for(model, "n_estimators").resource.continues


def test_early_stopping_by_a_callback_of_the_model():
    xgboost = pytest.importorskip("xgboost")
    callbacks = [xgboost.callback.EarlyStopping(rounds=5)]
    found = found_for(xgboost.XGBClassifier(callbacks=callbacks))
    assert found.resource.name == "n_samples"
    assert found.note.endswith("no xgb_model with callbacks=[EarlyStopping(...)]")
    others = [xgboost.callback.EvaluationMonitor()]
    assert found_for(xgboost.XGBClassifier(callbacks=others)).resource.continues


@pytest.mark.filterwarnings("ignore:The argument 'eval_set' is deprecated")
def test_early_stopping_by_a_callback_for_fit():
    lightgbm = pytest.importorskip("lightgbm")
    model = lightgbm.LGBMClassifier(verbose=-1, n_jobs=1)
    space = {"learning_rate": (0.01, 0.5, "log-uniform")}
    common = {"max_resource": 9, "cv": 2, "random_state": 0}
    search = HyperbandSearchCV(model, space, **common)
    stopping = lightgbm.early_stopping(3, verbose=False)
    unlike = (X[TEST], y[TEST][::-1])
    fit_params = {"eval_set": [unlike], "callbacks": [stopping]}
    with pytest.raises(ValueError, match="a callback would count anew each time"):
        search.fit(X, y, **fit_params)
    search.set_params(resource="n_samples", max_resource="auto", n_candidates=4)
    search.fit(X, y, **fit_params)
    assert 0 < search.best_estimator_.best_iteration_ < 100


def test_a_solver_continues_where_it_is_asked_for():
    model = LogisticRegression(tol=1e-9)
    assert found_for(model).resource.name == "n_samples"
    found = found_for(model, "max_iter")
    assert found.resource.continues
    assert found.usual == 100
    alone = LogisticRegression(tol=1e-9, max_iter=900).fit(X[TRAIN], y[TRAIN])
    np.testing.assert_allclose(
        train(model, found.resource, [5, 50, 400]),
        alone.predict_proba(X[TEST]),
        atol=1e-4,
    )


def test_a_parameter_that_begins_anew():
    for model, name in [
        (SVC(), "max_iter"),
        (KNeighborsClassifier(), "n_neighbors"),
        (pipe(KNeighborsClassifier()), "n_neighbors"),
        (make_pipeline(PCA(), SVC()), "pca__n_components"),
    ]:
        found = found_for(model, name)
        assert not found.resource.continues
        assert found.resource.name.endswith(name)
    found = found_for(KNeighborsClassifier(), "n_neighbors")
    assert found.usual == 5
    alone = KNeighborsClassifier(3).fit(X[TRAIN], y[TRAIN]).predict_proba(X[TEST])
    np.testing.assert_array_equal(
        train(KNeighborsClassifier(), found.resource, [1, 3]), alone
    )


class ListsWhatWasSet(KNeighborsClassifier):
    """As the estimators of CatBoost do."""

    def get_params(self, deep=True):
        return {k: v for k, v in super().get_params(deep).items() if k == "weights"}


def test_a_parameter_that_is_not_listed():
    found = found_for(pipe(ListsWhatWasSet()), "n_neighbors")
    assert found.resource.name == "listswhatwasset__n_neighbors"
    assert not found.resource.continues
    with pytest.raises(SearchError, match="it has no parameter 'neighbors'"):
        found_for(ListsWhatWasSet(), "neighbors")


def test_n_samples_are_stratified_and_nested():
    resource = Samples(stratify=True, seed=0, total=80)
    train_rows = np.flatnonzero(np.arange(120) % 3)
    smaller: set = set()
    for n in (6, 13, 27, 60, 80):
        rows = resource.rows(train_rows, y, None, 0, n)
        assert len(rows) == n
        assert smaller <= set(rows) <= set(train_rows)
        assert list(rows) == sorted(rows)
        smaller = set(rows)
        shares = np.bincount(y[rows]) / n
        np.testing.assert_allclose(
            shares, np.bincount(y[train_rows]) / len(train_rows), atol=1.5 / n
        )
    other = resource.rows(train_rows, y, None, 1, 13)
    assert set(other) != set(resource.rows(train_rows, y, None, 0, 13))


def test_a_rare_class_is_in_the_smallest_sample():
    target = np.r_[np.zeros(500), [1, 2]]
    rows = Samples(stratify=True, seed=0, total=502).rows(
        np.arange(502), target, None, 0, 6
    )
    assert set(target[rows]) == {0, 1, 2}


def test_n_samples_take_whole_groups():
    groups = np.arange(120) // 7
    resource = Samples(stratify=True, seed=0, total=80)
    for budget in (3, 20, 50):
        rows = resource.rows(TRAIN, y, groups, 0, budget)
        inside = [g for g in np.unique(groups[TRAIN]) if g in groups[rows]]
        assert len(rows) == np.isin(groups[TRAIN], inside).sum()
        assert len(rows) <= max(budget, 7)
        assert set(rows) <= set(resource.rows(TRAIN, y, groups, 0, budget + 20))


def test_masks_and_weights():
    weight = np.linspace(0, 1, 120)
    resource = Samples(stratify=True, seed=0, total=80)
    mask = np.arange(120) < 80
    data = FoldData(X, y, [(mask, ~mask)], {"sample_weight": weight}, {})
    context = FoldContext(SVC(), lambda e, X, y: e.shape_fit_[0], resource=resource)
    assert run_fold(context, data, FoldTask(0, 0, {}, 30)).test_scores == 30
    assert run_fold(context, data, FoldTask(0, 0, {}, 80)).test_scores == 80


# -- Pipelines -------------------------------------------------------------------


class Counting(StandardScaler):
    n_fits = 0

    def fit(self, X, y=None, sample_weight=None):
        type(self).n_fits += 1
        return super().fit(X, y, sample_weight)


def test_transformers_are_fitted_once_a_fold():
    Counting.n_fits = 0
    model = Pipeline([("scale", Counting()), ("model", SGDClassifier(random_state=0))])
    train(model, found_for(model).resource, [1, 3, 9])
    assert Counting.n_fits == 1


def test_a_cached_pipeline_continues(tmp_path):
    model = Pipeline(
        [("scale", StandardScaler()), ("model", SGDClassifier(random_state=0))],
        memory=str(tmp_path),
    )
    resource = found_for(model).resource
    np.testing.assert_array_equal(
        train(model, resource, [1, 9]), train(model, resource, [9])
    )


def test_pipelines_in_pipelines():
    model = make_pipeline(StandardScaler(), pipe(Descent(epochs=9)))
    resource = with_total(found_for(model).resource, 9)
    np.testing.assert_array_equal(
        train(model, resource, [1, 4, 9]), train(model, resource, [9])
    )


def test_steps_that_change_the_rows():
    imblearn = pytest.importorskip("imblearn")
    rare = np.where(np.arange(120) % 6, "often", "rarely")
    sampler = imblearn.over_sampling.SMOTE(random_state=0)
    model = imblearn.pipeline.make_pipeline(
        StandardScaler(),
        sampler,
        "passthrough",
        SGDClassifier(loss="log_loss", random_state=0),
    )
    resource = found_for(model, target=rare).resource
    assert resource.continues
    whole = train(model, resource, [9], target=rare)
    continued = train(model, resource, [1, 3, 9], target=rare)
    np.testing.assert_array_equal(continued, whole)
    scaler = StandardScaler().fit(X[TRAIN])
    rows, labels = sampler.fit_resample(scaler.transform(X[TRAIN]), rare[TRAIN])
    alone = clone(model[-1])
    for _ in range(9):
        alone.partial_fit(rows, labels, classes=np.unique(rare))
    expected = alone.predict_proba(scaler.transform(X[TEST]))
    np.testing.assert_array_equal(whole, expected)
    weighted = {"standardscaler__sample_weight": np.ones(120)}
    with pytest.raises(ValueError, match="take no metadata"):
        train(model, resource, [3], target=rare, fit_params=weighted)


def test_weights_reach_the_step_they_are_meant_for():
    model = pipe(Descent(epochs=9))
    resource = with_total(found_for(model).resource, 9)
    weight = np.random.default_rng(0).uniform(size=120)
    plain = train(model, resource, [9])
    weighted = train(
        model, resource, [3, 9], fit_params={"descent__sample_weight": weight}
    )
    assert not np.array_equal(plain, weighted)
    both = {"descent__sample_weight": weight, "standardscaler__sample_weight": weight}
    assert not np.array_equal(train(model, resource, [3, 9], fit_params=both), weighted)
    alone = model.set_params(descent__epochs=9).fit(
        X[TRAIN], y[TRAIN], descent__sample_weight=weight[TRAIN]
    )
    np.testing.assert_array_equal(weighted, alone.predict_proba(X[TEST]))
    with pytest.raises(ValueError, match="sample_weight"):
        train(model, resource, [3], fit_params={"sample_weight": weight})


def test_weights_are_routed():
    weight = np.random.default_rng(0).uniform(size=120)
    with config_context(enable_metadata_routing=True):
        model = make_pipeline(
            StandardScaler().set_fit_request(sample_weight=False),
            Descent(epochs=9).set_fit_request(sample_weight=True),
        )
        resource = with_total(found_for(model).resource, 9)
        routed = train(model, resource, [3, 9], fit_params={"sample_weight": weight})
        alone = model.fit(X[TRAIN], y[TRAIN], sample_weight=weight[TRAIN])
        np.testing.assert_array_equal(routed, alone.predict_proba(X[TEST]))


# -- Transformed targets ---------------------------------------------------------

AMOUNTS = np.exp(2 * X[:, 0] + X[:, 1])
LOGS = {"func": np.log, "inverse_func": np.exp}
NETWORK = MLPRegressor(hidden_layer_sizes=(8,), random_state=0)
SCALED = TransformedTargetRegressor(
    SGDRegressor(random_state=0), transformer=StandardScaler()
)
BOOSTED = TransformedTargetRegressor(
    GradientBoostingRegressor(subsample=0.7, random_state=0), **LOGS
)


@pytest.mark.parametrize(
    ("estimator", "expected"),
    [
        (TransformedTargetRegressor(NETWORK, transformer=StandardScaler()), "passes"),
        (BOOSTED, "regressor__n_estimators"),
        (
            make_pipeline(StandardScaler(), BOOSTED),
            "transformedtargetregressor__regressor__n_estimators",
        ),
        (
            TransformedTargetRegressor(
                make_pipeline(PCA(4), SGDRegressor(random_state=0)), **LOGS
            ),
            "passes",
        ),
        (TransformedTargetRegressor(SCALED, **LOGS), "passes"),
    ],
)
def test_the_regressor_of_transformed_targets_continues(estimator, expected):
    resource = found_for(estimator, target=AMOUNTS).resource
    assert resource.name == expected
    assert resource.continues
    whole = train(estimator, resource, [12], target=AMOUNTS)
    continued = train(estimator, resource, [1, 3, 12], target=AMOUNTS)
    np.testing.assert_array_equal(continued, whole)


def test_transformed_targets_by_parts_are_fit():
    resource = found_for(BOOSTED, target=AMOUNTS).resource
    parts = train(BOOSTED, resource, [4, 12], target=AMOUNTS)
    alone = clone(BOOSTED).set_params(regressor__n_estimators=12)
    alone.fit(X[TRAIN], AMOUNTS[TRAIN])
    np.testing.assert_array_equal(parts, alone.predict(X[TEST]))


def test_the_transformer_of_targets_is_fitted_once_a_fold():
    Counting.n_fits = 0
    model = clone(SCALED).set_params(transformer=Counting())
    train(model, found_for(model, target=AMOUNTS).resource, [1, 3, 9], target=AMOUNTS)
    assert Counting.n_fits == 1


def test_weights_reach_the_regressor():
    weight = np.random.default_rng(0).uniform(size=120)
    resource = found_for(BOOSTED, target=AMOUNTS).resource
    alone = clone(BOOSTED).set_params(regressor__n_estimators=9)
    alone.fit(X[TRAIN], AMOUNTS[TRAIN], sample_weight=weight[TRAIN])
    given = {"target": AMOUNTS, "fit_params": {"sample_weight": weight}}
    parts = train(BOOSTED, resource, [3, 9], **given)
    np.testing.assert_array_equal(parts, alone.predict(X[TEST]))
    with config_context(enable_metadata_routing=True):
        routed = clone(BOOSTED)
        routed.regressor.set_fit_request(sample_weight=True)
        parts = train(routed, resource, [3, 9], **given)
    np.testing.assert_array_equal(parts, alone.predict(X[TEST]))


def test_a_regressor_that_is_not_given_takes_rows():
    found = found_for(TransformedTargetRegressor(None, **LOGS), target=AMOUNTS)
    assert found.resource.name == "n_samples"


# -- Thresholds ------------------------------------------------------------------

BINARY = (y > 0).astype(int)


@pytest.mark.parametrize(
    ("estimator", "expected"),
    [
        (SGDClassifier(loss="log_loss", random_state=0), "passes"),
        (
            pipe(GradientBoostingClassifier(subsample=0.7, random_state=0)),
            "estimator__gradientboostingclassifier__n_estimators",
        ),
    ],
)
def test_the_classifier_with_a_threshold_continues(estimator, expected):
    model = FixedThresholdClassifier(estimator, threshold=0.3)
    resource = found_for(model, target=BINARY).resource
    assert resource.name == expected
    whole = train(model, resource, [12], target=BINARY)
    continued = train(model, resource, [1, 3, 12], target=BINARY)
    np.testing.assert_array_equal(continued, whole)
    resource.train(model, X, BINARY, {}, range(12))
    assert model.estimator_ is model.estimator is estimator
    above = model.predict_proba(X)[:, 1] >= 0.3
    np.testing.assert_array_equal(model.predict(X), above)


def test_a_threshold_is_searched_with_its_classifier():
    model = FixedThresholdClassifier(SGDClassifier(loss="log_loss", random_state=0))
    space = {"threshold": (0.1, 0.9), "estimator__alpha": (1e-4, 1.0, "log-uniform")}
    common = {"max_resource": 9, "scoring": "f1", "cv": 3, "random_state": 0}
    search = HyperbandSearchCV(model, space, **common).fit(X, BINARY)
    assert search.resource_ == "passes"
    assert search.best_score_ > 0.7
    assert len(set(search.cv_results_["param_threshold"])) > 5


# -- What is not there -----------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("passes", "it has no partial_fit"),
        ("epochs", "it has no parameter 'epochs'"),
        ("kernel", "its parameter 'svc__kernel' is 'rbf', no integer"),
        ("shrinking", "is True, no integer"),
        ("nonsense", "it has no parameter 'nonsense'"),
    ],
)
def test_an_error_names_what_was_looked_for(name, reason):
    with pytest.raises(SearchError, match=reason) as caught:
        found_for(pipe(SVC()), name)
    assert "SVC in the Pipeline" in str(caught.value)
    assert "Looked for: 'epochs' of a Keras estimator" in str(caught.value)


@pytest.mark.parametrize(
    ("estimator", "setting"),
    [
        (SGDClassifier(early_stopping=True), "early_stopping=True"),
        (MLPRegressor(early_stopping=True), "early_stopping=True"),
        (
            OneVsRestClassifier(SGDClassifier(class_weight="balanced")),
            "estimator__class_weight='balanced'",
        ),
    ],
)
def test_a_setting_that_rules_partial_fit_out(estimator, setting):
    found = found_for(pipe(estimator))
    assert found.resource.name == "n_samples"
    assert found.note.endswith(f"has no partial_fit with {setting}")
    with pytest.raises(SearchError, match=f"has no partial_fit with {setting}"):
        found_for(estimator, "passes")
    # scikit-learn refuses, too: else nothing would have to be ruled out.
    options = {} if isinstance(estimator, MLPRegressor) else {"classes": np.unique(y)}
    with pytest.raises(ValueError, match=r"early_stopping|balanced"):
        estimator.partial_fit(X, y, **options)


def test_a_setting_that_rules_warm_start_out():
    bagging = BaggingClassifier(oob_score=True, warm_start=True)
    assert found_for(bagging).note.endswith("no warm_start with oob_score=True")
    assert not found_for(bagging, "n_estimators").resource.continues
    with pytest.raises(ValueError, match="warm_start"):  # scikit-learn refuses, too
        bagging.fit(X, y)


def test_early_stopping_that_would_count_anew_rules_warm_start_out():
    model = GradientBoostingClassifier(n_iter_no_change=2, random_state=0)
    found = found_for(pipe(model))
    assert found.resource.name == "n_samples"
    assert found.note.endswith("no warm_start with n_iter_no_change=2")
    # scikit-learn does not refuse: it ends otherwise than one long training.
    parts = clone(model).set_params(warm_start=True)
    for n in (5, 100):
        parts.set_params(n_estimators=n).fit(X, y)
    assert parts.n_estimators_ != model.fit(X, y).n_estimators_


def test_batches_need_a_size():
    with pytest.raises(SearchError, match="needs batch_size"):
        found_for(SGDClassifier(), "batches")


# -- Checkpoints -----------------------------------------------------------------


def test_checkpoints_stay_in_memory_up_to_a_limit(tmp_path):
    with CheckpointStore(100, str(tmp_path)) as store:
        for fold in range(3):
            store.put(7, fold, Checkpoint(1, bytes(40)))
        assert (store.use.memory_bytes, store.use.disk_bytes) == (80, 40)
        held = [store.get(7, fold, as_file=True) for fold in range(3)]
        assert [c.path is None for c in held] == [True, True, False]
        assert store.get(7, 2, as_file=False).data == bytes(40)
        (folder,) = tmp_path.iterdir()
        (file,) = folder.iterdir()
        assert folder.stat().st_mode & 0o777 == 0o700
        assert file.stat().st_mode & 0o777 == 0o600
        store.put(7, 2, Checkpoint(3, bytes(20)))
        assert (store.use.memory_bytes, store.use.disk_bytes) == (100, 0)
        assert not list(folder.iterdir())
        store.put(8, 0, Checkpoint(3, bytes(50)))
        store.discard(7)
        assert (store.use.memory_bytes, store.use.disk_bytes) == (0, 50)
        assert store.get(7, 0, as_file=True) is None
    assert not list(tmp_path.iterdir())
    assert store.use.peak_memory_bytes == 100
    assert store.use.peak_disk_bytes == 50
    assert (store.use.n_written, store.use.largest_bytes) == (5, 50)


def test_a_checkpoint_is_read_from_its_file(tmp_path):
    model = Descent(epochs=9)
    resource = with_total(found_for(model).resource, 9)
    whole = train(model, resource, [9])
    data = FoldData(X, y, [(TRAIN, TEST)], {}, {})
    context = FoldContext(model, output, resource=resource)
    first = run_fold(context, data, FoldTask(0, 0, {}, 4, keep=True))
    with CheckpointStore(0, str(tmp_path)) as store:
        store.put(0, 0, first.checkpoint)
        state = store.get(0, 0, as_file=True)
        assert state.data is None
        run_fold(context, data, FoldTask(0, 0, {}, 9, state))
    np.testing.assert_array_equal(seen[-1], whole)

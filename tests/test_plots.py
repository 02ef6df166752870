"""Displays draw what a search has found, and refuse before they draw."""

from __future__ import annotations

import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.tree import DecisionTreeClassifier

from sktune import BayesSearchCV, HyperbandSearchCV, PBTSearchCV, load_search
from sktune.compat.dask_ml import HyperbandSearchCV as DaskHyperbandSearchCV
from sktune.exceptions import SearchError
from sktune.plots import (
    OptimizationHistoryDisplay,
    ParameterScoresDisplay,
    ScheduleDisplay,
    TrainingCurvesDisplay,
)

mpl.use("Agg")
from matplotlib import pyplot as plt

RATES = {"alpha": (1e-6, 1e0, "log-uniform"), "eta0": (1e-3, 1e0, "log-uniform")}
SCHEDULE = [
    {"start": 0, "end": 2, "params": {"rate": 1.0, "kind": "a", "depth": 3}},
    {"start": 2, "end": 5, "params": {"rate": 0.1, "kind": "a", "depth": 5}},
    {"start": 5, "end": 6, "params": {"rate": 0.01, "kind": None, "depth": 4}},
]


@pytest.fixture(autouse=True)
def _closes_figures():
    settings = dict(mpl.rcParams)
    yield
    plt.close("all")
    assert dict(mpl.rcParams) == settings


@pytest.fixture(scope="module")
def journals(tmp_path_factory):
    return tmp_path_factory.mktemp("journals")


@pytest.fixture(scope="module")
def bayes(iris, journals):
    space = {
        "max_depth": [1, 2, None],
        "min_impurity_decrease": (1e-4, 1e-1, "log-uniform"),
        "ccp_alpha": (0.001, 0.1),
    }
    return BayesSearchCV(
        DecisionTreeClassifier(random_state=0),
        space,
        n_iter=10,
        cv=3,
        random_state=0,
        scoring=["accuracy", "neg_log_loss"],
        refit="neg_log_loss",
        storage=journals / "bayes.db",
    ).fit(*iris)


@pytest.fixture(scope="module")
def hyperband(iris, journals):
    model = SGDClassifier(random_state=0, learning_rate="invscaling")
    return HyperbandSearchCV(
        model,
        RATES,
        max_resource=9,
        cv=2,
        random_state=0,
        storage=journals / "hyperband.db",
    ).fit(*iris)


@pytest.fixture(scope="module")
def pbt(iris, journals):
    model = SGDClassifier(random_state=0, learning_rate="adaptive")
    space = RATES | {"penalty": ["l1", "l2"], "l1_ratio": (0.05, 0.9)}
    return PBTSearchCV(
        model,
        space,
        population_size=4,
        interval=2,
        max_resource=8,
        cv=2,
        random_state=0,
        storage=journals / "pbt.db",
    ).fit(*iris)


@pytest.fixture(scope="module")
def grid(iris):
    values = {"max_depth": [1, 2, 3], "min_samples_leaf": [1, 40]}
    return GridSearchCV(DecisionTreeClassifier(random_state=0), values).fit(*iris)


@pytest.fixture(scope="module")
def half_failed(iris):
    grid = {"max_depth": [-1, 1, -2, 3]}
    search = BayesSearchCV(
        DecisionTreeClassifier(random_state=0), param_grid=grid, error_score=0.0
    )
    with pytest.warns(match="fits failed"):
        return search.fit(*iris)


@pytest.fixture(params=["bayes", "hyperband", "pbt", "grid"])
def search(request):
    return request.getfixturevalue(request.param)


def scores(search):
    name = "neg_log_loss" if "mean_test_neg_log_loss" in search.cv_results_ else "score"
    return search.cv_results_[f"mean_test_{name}"]


# -- OptimizationHistoryDisplay ------------------------------------------------------


def test_history_has_all_candidates_and_ends_with_the_best(search):
    display = OptimizationHistoryDisplay.from_search(search)
    found = np.asarray(display.points_.get_offsets())
    np.testing.assert_array_equal(found[:, 0], np.arange(len(scores(search))))
    np.testing.assert_array_equal(found[:, 1], scores(search))
    best = display.best_line_.get_ydata()
    assert best[0] == scores(search)[0]
    assert best[-1] == search.best_score_
    assert display.failed_ is None
    assert display.figure_ is display.ax_.figure


def test_the_best_so_far_is_the_maximum(bayes):
    display = OptimizationHistoryDisplay.from_search(bayes)
    expected = np.maximum.accumulate(scores(bayes))
    np.testing.assert_array_equal(display.best_line_.get_ydata(), expected)
    assert display.best_line_.get_drawstyle() == "steps-post"


def test_history_of_another_metric(bayes):
    display = OptimizationHistoryDisplay.from_search(bayes, metric="accuracy")
    expected = bayes.cv_results_["mean_test_accuracy"]
    np.testing.assert_array_equal(display.points_.get_offsets()[:, 1], expected)
    assert display.best_line_.get_ydata()[-1] == expected.max()
    assert display.ax_.get_ylabel() == "mean test accuracy"


def test_candidates_that_failed_stand_apart(half_failed):
    display = OptimizationHistoryDisplay.from_search(half_failed)
    np.testing.assert_array_equal(display.points_.get_offsets()[:, 0], [1, 3])
    np.testing.assert_array_equal(display.failed_.get_xdata(), [0, 2])
    best = display.best_line_.get_ydata()
    assert np.isnan(best[0])
    assert best[2] == scores(half_failed)[1]
    # At the lower edge, in whatever range the scores lie.
    place = display.failed_.get_transform().transform(
        (0, display.failed_.get_ydata()[0])
    )
    assert place[1] == pytest.approx(display.ax_.get_window_extent().y0)


# -- TrainingCurvesDisplay -----------------------------------------------------------


@pytest.mark.parametrize("name", ["hyperband", "pbt"])
def test_curves_are_those_of_the_history(name, request):
    search = request.getfixturevalue(name)
    display = TrainingCurvesDisplay.from_search(search)
    curves = search.learning_curves()
    assert list(display.lines_) == list(curves.index)
    for label, row in curves.iterrows():
        units, means = display.lines_[label].get_data()
        np.testing.assert_array_equal(units, row.dropna().index)
        np.testing.assert_array_equal(means, row.dropna())
    best = display.best_line_
    assert best is display.lines_[search.best_index_]
    assert best.get_ydata()[-1] == pytest.approx(search.best_score_)
    others = [line for line in display.lines_.values() if line is not best]
    assert best.get_linewidth() > max(line.get_linewidth() for line in others)
    assert display.ax_.get_xlabel() == search.resource_


def test_budgets_of_rungs_have_a_logarithmic_scale(hyperband, pbt):
    ax = TrainingCurvesDisplay.from_search(hyperband).ax_
    assert ax.get_xscale() == "log"
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["1", "3", "9"]
    assert TrainingCurvesDisplay.from_search(pbt).ax_.get_xscale() == "linear"


def test_curves_of_a_history_of_records(iris):
    model = SGDClassifier(random_state=0)
    found = DaskHyperbandSearchCV(model, RATES, max_iter=9, random_state=0).fit(*iris)
    display = TrainingCurvesDisplay.from_search(found)
    assert len(display.lines_) == len(found.cv_results_["params"])


@pytest.mark.parametrize("name", ["bayes", "grid", "loaded"])
def test_searches_without_curves_say_so(name, request, bayes, journals):
    loaded = name == "loaded"
    search = (
        load_search(journals / "bayes.db") if loaded else request.getfixturevalue(name)
    )
    expected = "GridSearchCV" if name == "grid" else "BayesSearchCV"
    with pytest.raises(SearchError, match=f"^{expected} .* HyperbandSearchCV and PBT"):
        TrainingCurvesDisplay.from_search(search)


# -- ScheduleDisplay -----------------------------------------------------------------


def test_schedule_of_a_population(pbt):
    display = ScheduleDisplay.from_search(pbt)
    assert set(display.steps_) == {"alpha", "eta0", "l1_ratio"}
    assert set(display.spans_) == {"penalty"}
    for name, steps in display.steps_.items():
        data = steps.get_data()
        expected = [segment["params"][name] for segment in pbt.best_schedule_]
        np.testing.assert_array_equal(data.values, expected)
        np.testing.assert_array_equal(data.edges, [0, 2, 4, 6, 8])
        # The space says so, however far the values went.
        scale = "linear" if name == "l1_ratio" else "log"
        assert steps.axes.get_yscale() == scale
    assert display.axes_[-1].get_xlabel() == pbt.resource_


def test_schedule_from_segments():
    display = ScheduleDisplay.from_schedule(SCHEDULE, resource="epochs")
    titles = [axes.get_title(loc="left") for axes in display.axes_]
    assert titles == ["rate", "depth", "kind"]  # numbers first
    scales = [display.steps_[name].axes.get_yscale() for name in ("rate", "depth")]
    assert scales == ["log", "linear"]
    spans = [span.get_window_extent() for span in display.spans_["kind"]]
    to_data = display.axes_[2].transData.inverted()
    ends = [to_data.transform(box.get_points())[:, 0] for box in spans]
    np.testing.assert_allclose(ends, [[0, 5], [5, 6]])
    assert [text.get_text() for text in display.axes_[2].texts] == ["a", "None"]


def test_a_parameter_that_is_not_always_active_has_a_gap():
    schedule = [
        {"start": 0, "end": 2, "params": {"a": 1, "b": "x"}},
        {"start": 2, "end": 4, "params": {"c": 2}},
    ]
    display = ScheduleDisplay.from_schedule(schedule)
    np.testing.assert_array_equal(display.steps_["a"].get_data().values, [1, np.nan])
    assert len(display.spans_["b"]) == 1


def test_schedule_on_given_axes(pbt):
    figure, axes = plt.subplots(2, 2)
    display = ScheduleDisplay.from_search(pbt, ax=axes)
    assert display.axes_ == list(axes.ravel())
    assert display.figure_ is figure
    with pytest.raises(SearchError, match=r"4 hyperparameters.* as many axes, got 1"):
        ScheduleDisplay.from_search(pbt, ax=plt.figure().add_subplot())


@pytest.mark.parametrize("schedule", [[], "no", [{"start": 0}], [3], 7])
def test_what_is_no_schedule_is_refused(schedule):
    with pytest.raises(SearchError, match="'start', 'end' and 'params'"):
        ScheduleDisplay.from_schedule(schedule)
    assert plt.get_fignums() == []


def test_searches_without_a_schedule_say_so(bayes, grid):
    for search in (bayes, grid):
        with pytest.raises(SearchError, match=r"constant .* PBTSearchCV has"):
            ScheduleDisplay.from_search(search)


# -- ParameterScoresDisplay ----------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "scale"), [("min_impurity_decrease", "log"), ("ccp_alpha", "linear")]
)
def test_a_number_has_the_scale_of_its_space(bayes, name, scale):
    display = ParameterScoresDisplay.from_search(bayes, name)
    found = np.asarray(display.points_.get_offsets())
    values = [params[name] for params in bayes.cv_results_["params"]]
    np.testing.assert_array_equal(found, np.column_stack([values, scores(bayes)]))
    assert display.ax_.get_xscale() == scale
    best = [bayes.best_params_[name], bayes.best_score_]
    np.testing.assert_array_equal(display.best_.get_offsets(), [best])


def test_choices_are_strips(bayes):
    display = ParameterScoresDisplay.from_search(bayes, "max_depth")
    labels = [tick.get_text() for tick in display.ax_.get_xticklabels()]
    assert labels == ["1", "2", "None"]
    strips = np.round(display.points_.get_offsets()[:, 0]).astype(int)
    found = [labels[strip] for strip in strips]
    assert found == [str(p["max_depth"]) for p in bayes.cv_results_["params"]]


def test_scale_without_a_space(grid):
    display = ParameterScoresDisplay.from_search(grid, "min_samples_leaf")
    assert display.ax_.get_xscale() == "log"  # 40 is more than 20 times 1
    display = ParameterScoresDisplay.from_search(grid, "max_depth")
    assert display.ax_.get_xscale() == "linear"


def test_failures_of_a_parameter(half_failed):
    display = ParameterScoresDisplay.from_search(half_failed, "max_depth")
    np.testing.assert_array_equal(display.points_.get_offsets()[:, 0], [1, 3])
    np.testing.assert_array_equal(display.failed_.get_xdata(), [-1, -2])
    low, high = display.ax_.get_xlim()
    assert low < -2
    assert high > 3


def test_candidates_without_the_parameter_are_left_out(iris):
    space = [
        {"splitter": ["best"], "max_depth": [1, 2]},
        {"splitter": ["random"], "max_features": [1, 2]},
    ]
    model = DecisionTreeClassifier(random_state=0)
    search = BayesSearchCV(model, param_grid=space, random_state=0).fit(*iris)
    for name in ("max_depth", "max_features"):
        display = ParameterScoresDisplay.from_search(search, name)
        assert sorted(display.points_.get_offsets()[:, 0]) == [1, 2]


# -- All of them ---------------------------------------------------------------------


def from_search(display, search, **options):
    if display is ParameterScoresDisplay:
        options = {"param": next(iter(search.cv_results_["params"][0]))} | options
    return display.from_search(search, **options)


DISPLAYS = [
    OptimizationHistoryDisplay,
    TrainingCurvesDisplay,
    ScheduleDisplay,
    ParameterScoresDisplay,
]


def of_artist(artist):
    """The data of a line, a step line, a collection or patches."""
    if hasattr(artist, "get_offsets"):
        return np.asarray(artist.get_offsets())
    if isinstance(artist, list):
        return np.array([patch.get_extents().bounds for patch in artist])
    data = artist.get_data()
    return np.array([data.values, data.edges[1:]] if hasattr(data, "edges") else data)


def drawn(display):
    """The data of all artists of a display."""
    found = {}
    for name, artist in vars(display).items():
        if isinstance(artist, dict):
            found |= {f"{name}{key}": of_artist(a) for key, a in artist.items()}
        elif name in ("points_", "best_line_", "best_"):
            found[name] = of_artist(artist)
    return found


@pytest.mark.parametrize(
    ("name", "display"),
    [
        *(("pbt", display) for display in DISPLAYS),
        ("hyperband", OptimizationHistoryDisplay),
        ("hyperband", TrainingCurvesDisplay),
        ("hyperband", ParameterScoresDisplay),
        ("bayes", OptimizationHistoryDisplay),
        ("bayes", ParameterScoresDisplay),
    ],
)
def test_a_journal_is_drawn_like_its_search(name, display, request, journals):
    search = request.getfixturevalue(name)
    loaded = load_search(journals / f"{name}.db")
    one, two = drawn(from_search(display, search)), drawn(from_search(display, loaded))
    assert one
    assert one.keys() == two.keys()
    for key, data in one.items():
        np.testing.assert_array_equal(data, two[key])


class Watched(SGDClassifier):
    """Looks at its search whenever it is scored."""

    look = None

    def score(self, X, y):
        Watched.look()
        return super().score(X, y)


@pytest.mark.parametrize("display", DISPLAYS)
def test_a_population_is_drawn_while_it_trains(display, iris, tmp_path, monkeypatch):
    storage = tmp_path / "search.db"
    n_drawn = []

    def look():
        loaded = load_search(storage)
        if loaded.cv_results_:
            assert drawn(from_search(display, loaded))
            n_drawn.append(len(loaded.cv_results_["params"]))
            plt.close("all")

    monkeypatch.setattr(Watched, "look", staticmethod(look))
    model = Watched(random_state=0, learning_rate="adaptive")
    options = {"population_size": 3, "interval": 1, "max_resource": 2, "cv": 2}
    PBTSearchCV(model, RATES, random_state=0, storage=storage, **options).fit(*iris)
    # At the first score of all nothing is finished. Each has two folds.
    assert n_drawn == [1, 1, 2, 2, 3, 3, 3, 3, 3, 3]


@pytest.mark.parametrize("display", DISPLAYS)
def test_given_axes_are_drawn_on(display, pbt):
    n = 4 if display is ScheduleDisplay else 1
    figure, axes = plt.subplots(n)
    one = from_search(display, pbt, ax=axes)
    assert one.figure_ is figure
    assert plt.get_fignums() == [figure.number]
    again = one.plot()
    assert again is one
    assert one.figure_ is not figure


@pytest.mark.parametrize("display", DISPLAYS)
def test_what_is_not_fitted_is_refused(display):
    options = {"param": "C"} if display is ParameterScoresDisplay else {}
    for search in (BayesSearchCV(SGDClassifier(), RATES), PBTSearchCV(None, {})):
        with pytest.raises(NotFittedError, match=r"not fitted yet.*load_search"):
            display.from_search(search, **options)
    with pytest.raises(SearchError, match=r"a fitted search .* got str"):
        display.from_search("search.db", **options)
    assert plt.get_fignums() == []


@pytest.mark.parametrize(
    "display",
    [OptimizationHistoryDisplay, TrainingCurvesDisplay, ParameterScoresDisplay],
)
def test_an_unknown_metric_is_refused(display, bayes):
    with pytest.raises(SearchError, match="'acuracy'; did you mean 'accuracy'"):
        from_search(display, bayes, metric="acuracy")
    assert plt.get_fignums() == []


def test_an_unknown_parameter_is_refused(bayes):
    with pytest.raises(SearchError, match="'max_dept'; did you mean 'max_depth'"):
        ParameterScoresDisplay.from_search(bayes, "max_dept")
    assert plt.get_fignums() == []


def test_several_metrics_of_which_none_was_chosen(iris):
    search = GridSearchCV(
        DecisionTreeClassifier(),
        {"max_depth": [1, 2]},
        scoring=["accuracy", "neg_log_loss"],
        refit=False,
    ).fit(*iris)
    with pytest.raises(SearchError, match=r"give metric=, one of \['accuracy'"):
        OptimizationHistoryDisplay.from_search(search)


def test_a_search_without_a_finite_score_is_refused(iris):
    def score(model, X, y):
        return np.nan

    grid = GridSearchCV(
        DecisionTreeClassifier(), {"max_depth": [1, 2]}, scoring=score, refit=False
    )
    with pytest.warns(match="test scores are non-finite"):
        grid.fit(*iris)
    for display in (OptimizationHistoryDisplay, ParameterScoresDisplay):
        with pytest.raises(SearchError, match="no candidate has a finite 'score'"):
            from_search(display, grid)
    assert plt.get_fignums() == []


class NotInstalled:
    """Finds no Matplotlib, as where it is not installed."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] == "matplotlib":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


@pytest.mark.parametrize("display", DISPLAYS)
def test_missing_matplotlib_is_named(display, pbt, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("matplotlib")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [NotInstalled, *sys.meta_path])
    expected = rf"{display.__name__}.plot needs matplotlib.*'sktune\[plots\]'"
    with pytest.raises(ModuleNotFoundError, match=expected):
        from_search(display, pbt)


def test_plots_are_loaded_when_named():
    code = (
        "import sys, sktune\n"
        "before = 'sktune.plots' in sys.modules\n"
        "sktune.plots.ScheduleDisplay\n"
        "print(before, 'matplotlib' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.split() == ["False", "False"], done.stderr

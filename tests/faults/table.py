"""The faults that a search may meet, what sktune does, and the test that shows it.

From the root of the repository::

    python -m tests.faults.table             # print the table
    python -m tests.faults.table --write     # into docs/faults_table.inc

The column of the peers is what was measured once with scikit-learn 1.9.1, joblib
1.6.0, optuna 5.0.0, scikit-optimize 0.10.2, keras-tuner 1.4.8, dask-ml,
sklearn-genetic-opt and ray 2.60.0; empty where nothing was.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

__all__ = ["PAGE", "SCENARIOS", "Scenario", "named_tests", "to_rst"]

PAGE = Path(__file__).parents[2] / "docs" / "faults_table.inc"

WORKERS = "faults/test_workers.py"
SIGNALS = "faults/test_signals.py"
INPUTS = "faults/test_inputs.py"
FOLDS = "faults/test_folds.py"
KILLED = "faults/test_killed.py"
LOCK = "faults/test_lock.py"
CRASHES = "faults/test_crash_points.py"
FILE = "persistence/test_file.py"
RESUME = "persistence/test_resume.py"
SAFETY = "persistence/test_safety.py"
POPULATION = "persistence/test_population.py"
OLD = "execution/test_faults.py"
API = "search/test_api.py"


@dataclass(frozen=True)
class Scenario:
    """A fault.

    Attributes
    ----------
    number : int
    what : str
        How it is provoked.
    does : str
        What sktune does.
    tests : tuple of str
        Files below ``tests`` and names of tests in them; empty if none shows it.
    peers : str
        What others did.
    missing : str
        What of it no test shows.
    """

    number: int
    what: str
    does: str
    tests: tuple[str, ...] = ()
    peers: str = ""
    missing: str = ""


def _test(file: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{file}::test_{name}" for name in names)


SCENARIOS = (
    Scenario(
        1,
        "fit raises for a part of the space",
        "failed candidates with their errors; the optimizer learns of them",
        _test(API, "failures_are_nan_and_the_search_goes_on"),
        "skopt, GASearchCV and dask-ml die",
    ),
    Scenario(
        2,
        "every fit raises",
        "one error at the end, with the distinct errors counted",
        _test(API, "all_failed"),
        "keras-tuner gives up after three",
        "no early end after the first N failures",
    ),
    Scenario(
        3,
        "``error_score='raise'``",
        "the exception itself; what is finished is kept",
        _test(SIGNALS, "an_error_of_the_scorer_keeps_what_is_finished"),
    ),
    Scenario(
        4,
        "a score is NaN",
        "a failed candidate, with the score as its error",
        _test(FOLDS, "what_is_no_score_never_wins"),
        "skopt dies; GASearchCV chooses it",
    ),
    Scenario(
        5,
        "a score is infinite",
        "the same: it never wins",
        _test(FOLDS, "what_is_no_score_never_wins"),
        "wins in all but skopt, which dies",
    ),
    Scenario(
        6,
        "all scores are NaN",
        "as scikit-learn: a warning, and the first is the best; ``status`` tells",
        _test(FOLDS, "no_finite_score_at_all_is_told"),
        "scikit-learn refits candidate 0",
        "an error, which scikit-learn's own tests do not allow",
    ),
    Scenario(
        7,
        "a scorer returns None, a string, an array or a complex number",
        "a failed candidate with a TypeError that names the scorer",
        _test(FOLDS, "what_is_no_score_never_wins"),
    ),
    Scenario(
        8,
        "one of several metrics fails",
        "NaN in that metric alone",
        _test(API, "one_metric_that_fails_leaves_the_others"),
    ),
    Scenario(
        9,
        "SystemExit in a fit",
        "a failed candidate; KeyboardInterrupt is an interrupt",
        _test(API, "sys_exit_is_a_failed_candidate"),
        "escapes from all",
    ),
    Scenario(
        10,
        "a fit ends in a segmentation fault",
        "the fold is tried again, then its candidate has crashed; no other is lost",
        _test(
            WORKERS,
            "what_dies_or_eats_memory_has_failed",
            "without_limits_workers_that_die_cost_their_candidates_alone",
        ),
        "all lost; with threads the main process dies. Ray survives",
        "with n_jobs=1 and no limit the process dies",
    ),
    Scenario(
        11,
        "the system kills a worker for its memory",
        "as 10; and ``memory_limit`` kills it first",
        _test(
            WORKERS,
            "every_kind_of_fault_in_one_search",
            "without_limits_workers_that_die_cost_their_candidates_alone",
        ),
        "all lost",
        "SIGKILL stands for the system's own killer",
    ),
    Scenario(
        12,
        "a fit raises MemoryError",
        "a failed candidate",
        _test(FOLDS, "no_memory_is_a_failed_candidate"),
    ),
    Scenario(
        13,
        "a fit hangs, in Python or in C with the interpreter's lock",
        "killed at ``trial_timeout``, also with n_jobs=1 and on dask",
        _test(
            WORKERS,
            "what_hangs_is_killed_also_in_one_process",
            "the_others_are_as_they_would_be",
            "a_fold_that_hangs_on_dask_is_killed",
        ),
        "all hang",
    ),
    Scenario(
        14,
        "a fit that hangs has started processes",
        "they are killed with it",
        _test(WORKERS, "what_a_fold_has_started_ends_with_it"),
    ),
    Scenario(
        15,
        "a worker keeps memory from fold to fold",
        "with ``memory_limit`` it is replaced; loky replaces its own",
        _test(FOLDS, "a_process_that_keeps_memory_is_replaced"),
    ),
    Scenario(
        16,
        "a fit prints without end",
        "nothing blocks",
        _test(WORKERS, "what_is_printed_does_not_block"),
    ),
    Scenario(
        17,
        "a fit writes into its data",
        "the data of the others stay as they are",
        _test(FOLDS, "a_fit_that_writes_into_its_data_harms_no_other"),
        "scikit-learn: a read-only error from a memory map",
    ),
    Scenario(
        18,
        "parameters that do not go together",
        "a failed candidate, as 1",
        _test(API, "failures_are_nan_and_the_search_goes_on"),
    ),
    Scenario(
        19,
        "warnings are errors",
        "those of the fit fail it; sktune's own code raises none",
        _test(FOLDS, "warnings_that_are_errors_fail_all_fits"),
    ),
    Scenario(
        20,
        "a GPU is out of memory",
        "a failed candidate",
        _test(FOLDS, "no_memory_is_a_failed_candidate"),
        "keras-tuner ends",
        "the error is raised by hand; its worker is not replaced",
    ),
    Scenario(
        21,
        "Ctrl-C, once and twice",
        "results from what is finished; no worker left",
        (
            *_test(OLD, "interrupt_keeps_what_is_finished"),
            *_test(
                SIGNALS,
                "a_signal_keeps_what_is_finished",
                "a_second_signal_loses_nothing",
            ),
        ),
        "usable results: none, or GASearchCV with n_jobs=1",
    ),
    Scenario(
        22,
        "SIGTERM, SIGHUP",
        "as 21, exit code 143 or 129",
        _test(
            SIGNALS,
            "a_signal_keeps_what_is_finished",
            "a_handler_of_the_user_is_left_alone",
            "a_forked_process_handles_signals_as_usual",
        ),
    ),
    Scenario(
        23,
        "kill -9 of the search, at any moment",
        "resumed from the journal; no finished fold is trained again",
        _test(KILLED, "kill_at_random_moments"),
        "keras-tuner resumes 24 of 30 (9 of 30 with short trials), skopt 6 of 30, "
        "Optuna's SQLite 100 of 100; the others have no resume",
    ),
    Scenario(
        24,
        "kill -9 of the search: what is left behind",
        "workers end within ten seconds, temporary files are deleted",
        _test(SIGNALS, "workers_of_a_killed_search_end"),
        "loky's workers stay six minutes",
        "loky's workers while C code holds the interpreter's lock",
    ),
    Scenario(
        25,
        "kill -9 of a worker while it saves a checkpoint",
        "workers save none: they hand it to the search",
        _test(CRASHES, "crash_at_every_operation_on_a_file"),
    ),
    Scenario(
        26,
        "the last record of the journal is torn",
        "dropped; the rest is believed",
        _test(KILLED, "a_log_that_is_cut_anywhere"),
        "Optuna's journal file: unreadable at 189 of 190 places",
    ),
    Scenario(
        27,
        "a flipped bit in the journal",
        "found by a checksum and named",
        _test(FILE, "a_flipped_bit_anywhere", "damage_of_any_row_is_found"),
        "Ray forgets four trials without a word",
    ),
    Scenario(
        28,
        "an empty journal, a folder in its place, or none",
        "a clear error, or a fresh start",
        _test(RESUME, "a_folder_or_nothing_in_place_of_a_file"),
    ),
    Scenario(
        29,
        "the disk is full when a fold is noted",
        "told, and gone on",
        _test(
            FILE,
            "a_disk_that_is_full_for_a_while",
            "a_disk_that_is_full_until_the_end",
        ),
        "Optuna's journal file is corrupt for good",
    ),
    Scenario(
        30,
        "the disk is full when a checkpoint is saved",
        "told, and kept in memory; a crash at each operation loses a segment at most",
        (
            *_test(FILE, "a_disk_that_is_too_full_for_checkpoints"),
            *_test(CRASHES, "crash_at_every_operation_on_a_file"),
        ),
        "tune-sklearn says nothing",
    ),
    Scenario(
        31,
        "a checkpoint is cut or has a flipped bit",
        "found by its checksum; the segment is trained again",
        _test(RESUME, "a_checkpoint_that_is_lost_costs_its_training_only"),
        "Keras loads a flipped bit",
    ),
    Scenario(
        32,
        "a checkpoint is gone",
        "the segment is trained again",
        _test(RESUME, "a_checkpoint_that_is_lost_costs_its_training_only"),
    ),
    Scenario(
        33,
        "paths: read-only, long, odd, relative",
        "an early error, or made absolute at the start",
        _test(
            RESUME,
            "a_relative_path_outlives_a_change_of_folder",
            "any_name_of_a_file",
            "a_name_that_is_too_long",
        ),
        "Optuna spins for ever on a relative path",
    ),
    Scenario(
        34,
        "two processes on one journal",
        "the second is refused with the owner's number; a dead owner's lock is free",
        _test(LOCK, "a_second_process_is_refused_and_a_dead_one_is_not_waited_for"),
        "keras-tuner works twice; Optuna waits 30 s for a dead one",
    ),
    Scenario(
        35,
        "the same folder from another host",
        "refused by its lock; where locks are not shared, one of the two stops at its "
        "next write, and nothing is mixed",
        (
            *_test(
                LOCK,
                "another_host_that_holds_the_lock_is_named",
                "a_search_whose_lock_is_taken_stops_writing",
                "of_two_writers_one_stops_and_nothing_is_mixed",
            ),
            *_test(FILE, "rows_of_two_writers_are_not_mixed"),
        ),
        missing="a network file system: the lock file is written by hand",
    ),
    Scenario(
        36,
        "the owner is stopped and continued",
        "it keeps its lock",
        _test(LOCK, "a_process_that_sleeps_keeps_its_lock"),
    ),
    Scenario(
        37,
        "the clock is set, by a day",
        "nothing: all budgets are in monotonic time",
        _test(
            "faults/test_clock.py",
            "a_clock_that_is_set_changes_nothing",
            "a_clock_that_is_set_back_holds_up_no_budget",
        ),
        "Optuna's not",
    ),
    Scenario(
        38, "the computer sleeps", "that time is not counted, on Linux: documented"
    ),
    Scenario(
        39,
        "files that are left open",
        "none, nor threads",
        _test(FOLDS, "no_file_and_no_thread_is_left_open"),
        missing="a limit on open files",
    ),
    Scenario(
        40,
        "little shared memory",
        "none is used: data are in a temporary file",
        _test(OLD, "no_file_is_left_behind"),
        missing="a small /dev/shm",
    ),
    Scenario(
        41,
        "the space is changed when a search is resumed",
        "an error that names what differs",
        _test(RESUME, "what_differs_is_named"),
        "keras-tuner and, for numbers, Optuna mix them",
    ),
    Scenario(
        42,
        "data, folds, scoring or the estimator are changed",
        "likewise",
        _test(RESUME, "what_differs_is_named", "groups_and_weights_are_compared"),
    ),
    Scenario(
        43,
        "a finished search is resumed, or with more candidates",
        "it refits, or goes on",
        _test(
            RESUME,
            "a_finished_search_is_not_trained_again",
            "more_candidates_only_add",
        ),
    ),
    Scenario(
        44,
        "resumed and uninterrupted searches",
        "have the same results",
        _test(KILLED, "kill_at_random_moments"),
        "Optuna's differ",
    ),
    Scenario(
        45,
        "a journal of another version",
        "older: read; newer: refused",
        _test(RESUME, "other_versions_are_told"),
    ),
    Scenario(
        46,
        "a member goes on from a checkpoint that another one made",
        "kept as long as it is needed, or trained again",
        _test(POPULATION, "a_lost_checkpoint_is_trained_again_along_its_lineage"),
    ),
    Scenario(
        47,
        "lambdas, local classes and generators in the estimator",
        "travel, or an early error names the attribute",
        _test(
            OLD,
            "lambdas_and_local_classes_travel",
            "a_parameter_that_cannot_be_copied_is_named",
        ),
        "'cannot pickle generator'",
    ),
    Scenario(
        48,
        "a class that the resuming process does not have",
        "parameters are readable without it",
        _test(SAFETY, "looking_at_a_journal_loads_and_runs_nothing"),
    ),
    Scenario(
        49,
        "custom layers of Keras",
        "weights only travel; the model is built anew",
        _test("keras/test_pickling.py", "a_pickle_is_read_in_another_process"),
    ),
    Scenario(
        50,
        "TensorFlow and forked workers",
        "loky, the default, does not fork; on the 'multiprocessing' backend such a "
        "search has processes of its own",
        _test(WORKERS, "what_cannot_be_forked_is_not"),
        missing="PyTorch",
    ),
    Scenario(
        51,
        "a search inside a search, and workers that share the processors",
        "inner parallel code runs in threads, limited to their share",
        (
            *_test(API, "nested_in_cross_validation_pipeline_and_itself"),
            *_test(WORKERS, "workers_share_the_processors"),
        ),
    ),
    Scenario(
        52,
        "other backends",
        "the same results for the same seed; a dead dask worker does not hang it",
        (
            *_test("search/test_reproducible.py", "same_results_on_any_backend"),
            *_test(OLD, "a_dead_dask_worker_does_not_hang_the_search"),
            *_test(
                WORKERS,
                "a_candidate_that_kills_every_dask_worker_has_failed",
                "a_dask_worker_that_says_nothing_is_not_waited_for",
                "a_cluster_without_workers_is_told_and_waited_for",
                "a_dead_worker_of_multiprocessing_does_not_hang_the_search",
            ),
        ),
        "joblib's dask backend hangs; ray's loses the whole call",
        "ray and spark, run by hand only",
    ),
    Scenario(
        53,
        "data: empty, of other lengths, NaN labels, bad folds",
        "an error before anything is trained",
        _test(INPUTS, "data"),
    ),
    Scenario(
        54,
        "arguments that make no sense",
        "an error that names the argument, before anything is trained",
        _test(INPUTS, "a_parameter", "any_parameter"),
    ),
    Scenario(
        55,
        "malformed spaces",
        "an error that names the parameter, and all that is wrong",
        _test(INPUTS, "a_dimension", "a_space", "any_dimension", "any_space"),
        "of twelve: scikit-learn 5, GASearchCV 5, OptunaSearchCV 4, skopt 2",
    ),
    Scenario(
        56,
        "a finite space is exhausted",
        "each configuration once, and a note",
        _test("search/test_bayes_search.py", "a_small_space_is_tried_once_and_says_so"),
        "skopt repeats",
    ),
)


def named_tests() -> list[tuple[Path, str]]:
    """Return the file and the name of each test of the table."""
    root = Path(__file__).parents[1]
    named = [test.split("::") for scenario in SCENARIOS for test in scenario.tests]
    return [(root / file, name) for file, name in named]


def to_rst() -> str:
    """Return the table, and its sum."""
    lines = [
        ".. list-table::",
        "   :header-rows: 1",
        "   :widths: 5 23 27 28 17",
        "",
    ]
    rows = [("", "Fault", "sktune", "Tests", "Peers")]
    for scenario in SCENARIOS:
        tests = ", ".join(f"``{test}``" for test in dict.fromkeys(scenario.tests))
        if not tests:
            tests = "**not tested**"
        if scenario.missing:
            tests += f" (not: {scenario.missing})"
        rows.append(
            (str(scenario.number), scenario.what, scenario.does, tests, scenario.peers)
        )
    for row in rows:
        lines += [f"   {'*' if n == 0 else ' '} - {cell}" for n, cell in enumerate(row)]
    n_tested = sum(bool(s.tests) for s in SCENARIOS)
    n_partly = sum(bool(s.tests) and bool(s.missing) for s in SCENARIOS)
    lines += [
        "",
        f"{n_tested} of {len(SCENARIOS)} are tested, {n_partly} of them in part.",
    ]
    return "\n".join(line.rstrip() for line in lines) + "\n"


if __name__ == "__main__":
    if "--write" in sys.argv[1:]:
        PAGE.write_text(to_rst())
    else:
        print(to_rst(), end="")

"""BayesSearchCV behind the signatures of scikit-learn's two searches.

The classes carry scikit-learn's names, because its tests print and match them. They
translate arguments and do nothing else: whatever passes, passes in the library.
"""

from __future__ import annotations

import numpy as np

from sktune import BayesSearchCV

# More than any grid of the suite has points, so that every grid is tried wholly.
N_ITER_OF_A_GRID = 100_000


class GridSearchCV(BayesSearchCV):
    """BayesSearchCV with the signature of ``sklearn.model_selection.GridSearchCV``."""

    def __init__(
        self,
        estimator,
        param_grid,
        *,
        scoring=None,
        n_jobs=None,
        refit=True,
        cv=None,
        verbose=0,
        pre_dispatch="2*n_jobs",
        error_score=np.nan,
        return_train_score=False,
    ):
        super().__init__(
            estimator,
            param_grid=param_grid,
            n_iter=N_ITER_OF_A_GRID,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            pre_dispatch=pre_dispatch,
            error_score=error_score,
            return_train_score=return_train_score,
        )


class RandomizedSearchCV(BayesSearchCV):
    """BayesSearchCV with the signature of scikit-learn's ``RandomizedSearchCV``."""

    def __init__(
        self,
        estimator,
        param_distributions,
        *,
        n_iter=10,
        scoring=None,
        n_jobs=None,
        refit=True,
        cv=None,
        verbose=0,
        pre_dispatch="2*n_jobs",
        random_state=None,
        error_score=np.nan,
        return_train_score=False,
    ):
        super().__init__(
            estimator,
            param_distributions,
            n_iter=n_iter,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            pre_dispatch=pre_dispatch,
            random_state=random_state,
            error_score=error_score,
            return_train_score=return_train_score,
        )

"""Plain models in the same folds are the least that a model has to be ahead of."""

import logging

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from tasks.core.lender.columns import TEXTS
from tasks.core.lender.feature_list import NEVER_INPUTS
from tasks.training.baselines import (
    ALIKE,
    CATBOOST,
    FOREST,
    HISTOGRAMS,
    LOGISTIC,
    NAIVE_BAYES,
    UNTUNED,
    XGBOOST,
    judge_baselines,
    plain_columns,
)
from tasks.training.records import History, OutOfFold


@pytest.mark.parametrize(("forbidden", "columns"), [((), 0), (("age",), 1), (("age", "contact"), 6)])
def test_baselines_see_no_more_than_the_model(history: History, forbidden: tuple[str, ...], columns: int) -> None:
    matrix, categories = plain_columns(history.rows, forbidden)
    assert matrix.shape[1] == 120 - (len(NEVER_INPUTS) - 1) - columns
    assert len(categories) == len(set(TEXTS) - NEVER_INPUTS)
    assert not (matrix == 365243).any()


def test_both_baselines_give_every_row_a_probability(history: History, judged: OutOfFold) -> None:
    assert list(judged.baselines) == [LOGISTIC, UNTUNED]
    for pd, _ in judged.baselines.values():
        assert pd.shape == history.defaulted.shape
        assert ((pd > 0) & (pd < 1)).all()
        assert pd.mean() == pytest.approx(history.defaulted.mean(), abs=0.01)


def test_a_baseline_that_learns_nothing_is_left_out_with_a_warning(
    history: History, caplog: pytest.LogCaptureFixture
) -> None:
    some = History(history.rows.slice(0, 90), np.zeros(90, dtype=bool))
    with caplog.at_level(logging.WARNING, "scoring"):
        assert judge_baselines(some, np.arange(90) % 3, seed=1, kinds="plain") == {}
    assert [message.split(":")[0] for message in caplog.messages] == [
        f"Baseline {LOGISTIC} is left out",
        f"Baseline {UNTUNED} is left out",
    ]


def test_a_benchmark_judges_every_kind_and_no_kind_is_ahead_of_nothing(history: History, judged: OutOfFold) -> None:
    history = History(history.rows.slice(0, 1500), history.defaulted[:1500])
    kinds = judge_baselines(history, judged.fold[:1500], seed=1, kinds="all")
    assert list(kinds) == [ALIKE, NAIVE_BAYES, LOGISTIC, FOREST, HISTOGRAMS, XGBOOST, CATBOOST, UNTUNED]
    auc = {name: roc_auc_score(history.defaulted, each.pd) for name, each in kinds.items()}
    assert auc.pop(ALIKE) == 0.5
    assert min(auc.values()) > 0.55
    for name, each in kinds.items():
        assert each.pd.mean() == pytest.approx(history.defaulted.mean(), abs=0.01)
        assert (min(each.effort) > 0) == (name != ALIKE)

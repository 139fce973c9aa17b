"""A small history, and what a small model says of it out-of-fold."""

import pytest

from configs.settings import Settings, Training
from tasks.training.cross_validate import cross_validate
from tasks.training.records import History, OutOfFold
from tests.histories import synthetic_history

SMALL = Training(folds=3, max_trees=40, early_stopping_rounds=20, learning_rate=0.1)
PLAIN = SMALL.model_copy(update={"baselines": "none"})


@pytest.fixture(scope="session")
def history() -> History:
    return synthetic_history(3000)


@pytest.fixture(scope="session")
def judged(history: History) -> OutOfFold:
    return cross_validate(history, Settings(training=SMALL))

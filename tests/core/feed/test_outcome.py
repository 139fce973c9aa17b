from importlib.resources import files

import numpy as np
import pytest

from tasks.core.feed.outcome import default_logit
from tasks.core.feed.statistics import FeedStatistics
from tasks.core.feed.ties import UntiedRows

STATISTICS = FeedStatistics.from_json(files("configs").joinpath("feed_statistics.json").read_text("utf-8"))


def an_applicant(**columns: float) -> UntiedRows:
    """Somebody with median numbers and no category at all."""
    medians = {name: known.quantiles["median"] for name, known in STATISTICS.columns.items() if known.quantiles}
    texts = {name: known.shares for name, known in STATISTICS.columns.items() if known.shares and not known.quantiles}
    values = {name: np.array([value]) for name, value in (medians | columns).items()}
    codes = {name: np.array([columns.get(name, -1)]) for name in texts}
    return UntiedRows({name: tuple(shares) for name, shares in texts.items()}, values | codes, {})


@pytest.mark.parametrize(
    ("column", "better", "worse"),
    [("EXT_SOURCE_2", 0.7, 0.3), ("AMT_ANNUITY", 10_000, 60_000), ("REGION_RATING_CLIENT_W_CITY", 1, 3),
     ("EXT_SOURCE_3", 0.6, np.nan), ("AMT_GOODS_PRICE", 500_000, 350_000)],
)  # fmt: skip
def test_the_outcome_depends_on_the_application(column: str, better: float, worse: float) -> None:
    logits = [default_logit(an_applicant(**{column: value}), STATISTICS)[0] for value in (better, worse)]
    assert logits[0] < logits[1]


def test_men_and_graduates_differ() -> None:
    genders = [default_logit(an_applicant(CODE_GENDER=code), STATISTICS)[0] for code in (0, 1)]
    assert genders[1] - genders[0] == pytest.approx(0.2)


def test_the_sentinel_counts_as_unknown() -> None:
    logits = [default_logit(an_applicant(DAYS_EMPLOYED=days), STATISTICS)[0] for days in (365_243, np.nan)]
    assert logits[0] == logits[1]


def test_values_far_out_count_as_three_deviations() -> None:
    logits = [default_logit(an_applicant(AMT_INCOME_TOTAL=income), STATISTICS)[0] for income in (1e7, 1e9)]
    assert logits[0] == logits[1]

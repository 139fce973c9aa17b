"""Two versions on published days: the delivered rows of both, by the policy of now, without outcomes."""

from datetime import timedelta

import numpy as np
import pyarrow.parquet as pq
import pytest

from configs.settings import load_settings
from flows.score_applications import score_applications
from tasks.core.decision.policy import DECISIONS, decide
from tasks.errors import ConfigError, SourceError
from tasks.model.load import registry_of
from tasks.model_life.held_out import policy_filled
from tasks.model_life.on_days import compare_on_days
from tests.conftest import DAY
from tests.model_life.conftest import Rivalry


def test_days_are_compared_as_long_as_their_files_are_those_that_were_scored(duel: Rivalry) -> None:
    short = duel.project.with_short_contract()
    settings = load_settings(short.config)
    first, second = (registry_of(settings).candidate(version) for version in ("1", "2"))
    with pytest.raises(ConfigError, match="No day from .* is published"):
        compare_on_days(second, first, DAY, DAY, settings)
    duel.project.deliver(rows=1500)
    score_applications.fn(as_of=DAY, config=short.config)
    verdict = compare_on_days(second, first, DAY - timedelta(days=9), DAY, settings)
    assert verdict.comparison
    assert (verdict.comparison.rows, verdict.checks, verdict.is_passed) == (1500, (), False)
    assert verdict.source == f"1 published day, {DAY - timedelta(days=9)} to {DAY}"
    published = pq.read_table(duel.project.decisions, partitioning=None)
    by_champion = sum(cell.rows or 0 for cell in verdict.comparison.swaps if cell.is_refused_by_champion)
    refused = published.column("decision").to_pylist().count("refuse")
    assert by_champion == pytest.approx(refused, abs=25), "the champion decides as it was published"
    expected = decide(published.column("pd").to_numpy(), policy_filled(first, settings)).decision
    assert np.array_equal(np.array(DECISIONS)[expected], published.column("decision").to_numpy())
    ours, theirs = (verdict.comparison.expected_costs[name] for name in ("challenger", "champion"))
    assert ours[0] < theirs[0]
    (file,) = duel.project.landing.glob("*.csv")
    file.write_bytes(file.read_bytes().replace(b"Cash loans", b"Revolving loans", 1))
    with pytest.raises(SourceError, match="No published day .* has all its landing files as they were scored"):
        compare_on_days(second, first, DAY, DAY, settings)

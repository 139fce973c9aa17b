"""Error rates of the gate: promotions by chance, and refusals of versions that cost more."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import binomtest, pearsonr

from configs.settings import PromotionLimits
from tasks.core.decision.policy import decision_costs
from tasks.core.model_life.comparison import COST
from tasks.core.model_life.gate import GateLimits, failed_checks, judge_challenger
from tests.paired_sides import COSTS, POLICY, applicants, compared, true_log_odds
from tests.proofs.evidence import IS_WHOLE, note

PAIRS: Final = 200 if IS_WHOLE else 8
ROWS: Final = 50_000 if IS_WHOLE else 6_000
RESAMPLES: Final = 100 if IS_WHOLE else 40
LIMITS: Final = GateLimits(**PromotionLimits().model_dump())
DEARER: Final = 1.03
NOISES: Final = {0.2: 0.4047, 0.5: 0.6461}
"""Noise in log-odds with which a version sees an applicant, to that of one whose expected cost is 3 % higher."""
MOST_BY_CHANCE: Final = 0.05
LEAST_REFUSED: Final = 0.95
LEAST_CHEAPER_PROMOTED: Final = 0.6
"""Share of versions that cost 3 % less which the gate must let pass, or it would hold everything up."""
_MANY: Final = 400_000


class Tally(NamedTuple):
    """Pairs of versions that met the gate."""

    pairs: int
    promoted: int
    failed: Mapping[str, int]
    """Check to the number of pairs that failed it."""
    correlation: float

    @property
    def rate(self) -> float:
        return self.promoted / self.pairs

    def row(self, told: str) -> dict[str, Any]:
        interval = binomtest(self.promoted, self.pairs).proportion_ci()
        return {
            "pairs of": told,
            "correlation of pd": f"{self.correlation:.2f}",
            "pairs": self.pairs,
            "promoted": self.promoted,
            "share": f"{self.rate:.1%} ({interval.low:.1%} to {interval.high:.1%})",
            "failed by": ", ".join(f"{name} {count}" for name, count in self.failed.items()) or "none",
        }


def expected_cost(noise: float) -> float:
    """Cost per application that a version with this noise is expected to have, by the true pd."""
    drawn = applicants(_MANY, 99, noise=noise)
    truth = expit(true_log_odds(_MANY, 99))
    return float(decision_costs(drawn.pd >= POLICY.cutoff, truth, **COSTS).mean())


def tally(noise: float, other_noise: float, *, pairs: int, first_seed: int) -> Tally:
    """Pairs on fresh applicants, the challenger with the first noise, through the whole gate."""
    promoted = 0
    failed: dict[str, int] = {}
    correlations = []
    for seed in range(first_seed, first_seed + pairs):
        drawn = applicants(ROWS, seed, noise=noise, other_noise=other_noise)
        checks = failed_checks(judge_challenger(compared(drawn, resamples=RESAMPLES), LIMITS))
        promoted += not checks
        for check in checks:
            failed[check.name] = failed.get(check.name, 0) + 1
        correlations.append(pearsonr(np.log(drawn.pd), np.log(drawn.other)).statistic)
    return Tally(pairs, promoted, failed, float(np.mean(correlations)))


def test_equally_good_versions_are_rarely_promoted_by_chance() -> None:
    tallies = [tally(noise, noise, pairs=PAIRS // 2, first_seed=1000 * n) for n, noise in enumerate(NOISES)]
    promoted = sum(each.promoted for each in tallies)
    assert promoted <= max(MOST_BY_CHANCE * PAIRS, 1 - IS_WHOLE)
    note("gate-rates-1", "Promotions by chance", CHANCE_TOLD, [each.row("equally good versions") for each in tallies])


def test_a_version_that_costs_more_is_refused() -> None:
    tallies = [tally(NOISES[noise], noise, pairs=PAIRS // 2, first_seed=5000 + int(1000 * noise)) for noise in NOISES]
    assert min(1 - each.rate for each in tallies) >= LEAST_REFUSED
    assert all(each.failed["cost"] for each in tallies)
    note(
        "gate-rates-2",
        "Versions that cost 3 % more",
        DEARER_TOLD,
        [each.row("a dearer challenger") for each in tallies],
    )


def test_a_version_that_costs_less_passes() -> None:
    tallies = [tally(noise, NOISES[noise], pairs=PAIRS // 4, first_seed=9000 + int(1000 * noise)) for noise in NOISES]
    if IS_WHOLE:
        assert min(each.rate for each in tallies) >= LEAST_CHEAPER_PROMOTED
    note(
        "gate-rates-3",
        "Versions that cost 3 % less",
        CHEAPER_TOLD,
        [each.row("a cheaper challenger") for each in tallies],
    )


@pytest.mark.parametrize("noise", NOISES)
def test_the_made_versions_are_what_they_are_meant_to_be(noise: float) -> None:
    assert expected_cost(NOISES[noise]) == pytest.approx(DEARER * expected_cost(noise), rel=0.002)
    drawn = applicants(200_000, 5, noise=noise)
    comparison = compared(drawn, resamples=20)
    slope = comparison.challenger["calibration_slope"]
    assert slope.value == pytest.approx(1, abs=0.03)
    assert 0.7 < comparison.challenger["auc"].value < 0.8
    assert comparison.challenger[COST].value == pytest.approx(expected_cost(noise), rel=0.03)


CHANCE_TOLD: Final = (
    f"{PAIRS} pairs of equally good versions, each pair on {ROWS:,} fresh applicants. Both see the true log-odds "
    "through noise of their own of the same size, and are calibrated. At most 5 % may pass the whole gate; the 95 % "
    "interval is that of Clopper and Pearson."
)
DEARER_TOLD: Final = (
    f"Challengers whose expected cost is 3 % above that of the version that scores, on {ROWS:,} fresh applicants. "
    "At least 95 % must be refused."
)
CHEAPER_TOLD: Final = (
    f"Challengers whose expected cost is 3 % below that of the version that scores, on {ROWS:,} fresh applicants. "
    "At least 60 % must pass: a gate that lets nobody through is easily safe."
)

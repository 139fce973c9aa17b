"""Internal control of fairness on a published day: approval rates of kinds of applicants, compared.

The ratio of two approval rates is the adverse-impact ratio of the four-fifths rule (29 CFR
1607.4(D)): below 0.8 it is regarded as evidence of adverse impact. The rule was written for
employers; lenders use it as a measure. As in the rule, the kind with the highest rate is the
reference. The kind with most applicants would be steadier, but if it were the one that is treated
worse, no ratio would fall.

Counts are rounded before anything is made from them, and kinds of too few applicants have no
figures (`tasks/core/disclosure.py`). So rates, ratios, intervals and levels tell no more than the
rounded counts do, and the difference between the whole and its parts does not disclose the rest.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
from scipy.stats import fisher_exact

from tasks.core.decision.policy import DECISIONS
from tasks.core.disclosure import LEAST_ROWS_OF_A_KIND, is_enough, is_enough_for_rates, rounded_count, rounded_rate
from tasks.core.lender.kinds import FROM_62, MISSING, UNDER_62
from tasks.core.monitoring.metrics import Level, Metric
from tasks.core.words import counted, percent

LIMITS: Final = (
    "This is an internal control and not a legal finding.",
    "A ratio below four fifths does not prove discrimination, and one above it does not disprove it.",
    "Creditworthiness is not held equal: kinds of applicants may differ in what decisions rightly look at.",
    "Only gender and age are looked at, and no proxies: another input may stand for either of them.",
    "An application that is referred counts as not approved, whatever people decide later.",
)
"""Limits of the control, in sentences that stand beside its figures."""
FOUR_FIFTHS: Final = 0.8
"""Ratio of approval rates below which adverse impact is presumed. Source: 29 CFR 1607.4(D)."""
SIGNIFICANCE: Final = 0.05
"""Probability, 0 to 1, of calling any kind of a day different by chance alone. Source: convention,
about the two standard deviations of Hazelwood School District v. United States, 433 U.S. 299 (1977)."""
LEAST_REFERENCE_SHARE: Final = 0.02
"""Share of the applicants, 0 to 1, from which a kind may be the reference. Source: 29 CFR
1607.15(A)(2)(a), which leaves smaller groups out."""
MOST_AGE_REASONS: Final = 0.0
"""Share of the elderly with an age reason, 0 to 1, above which somebody should look. Source: 12 CFR
1002.6(b)(2)(ii); the age of an elderly applicant may not be assigned a negative value."""
FIXED_REFERENCES: Final[Mapping[str, str]] = {"elderly": UNDER_62}
"""Grouping to its reference where the rate does not choose it. Regulation B protects the elderly, and
lets a lender favour them (12 CFR 1002.6(b)(2)(iv))."""
_NORMAL: Final = 1.959963984540054
"""The 97.5 % quantile of the standard normal distribution: half the width of a 95 % interval, in
standard deviations."""
_HALF_A_ROW: Final = 0.5
"""Rows added to each count where nobody of a kind was approved. Source: Walter (1975), "The
distribution of Levin's measure of attributable risk"."""
_LEAST_P: Final = 0.001
"""Smallest p value that a sentence names."""


class ImpactRatio(NamedTuple):
    """Approval rate of a kind over that of the reference, with the ends of its 95 % interval."""

    value: float
    low: float
    high: float


class KindFairness(NamedTuple):
    """Approvals of one kind of applicants. Figures that may not be shown are None."""

    grouping: str
    kind: str
    rows: int
    """Applicants to the nearest 5; 0 if they are too few."""
    approval_rate: float | None
    """Share in [0, 1], from rounded counts, three decimals."""
    reference: str
    """Kind that it is compared with; its own name if it is the reference; empty if there is none."""
    ratio: ImpactRatio | None
    p_value: float | None
    """Of Fisher's exact test, two-sided, not corrected for the number of kinds."""
    level: Level
    sentence: str


class AgeReasons(NamedTuple):
    """Reasons about age among the reasons of applicants of 62 and over who were not approved."""

    rows: int
    """Such applicants to the nearest 5; 0 if they are too few."""
    share: float | None
    """Share of them with such a reason, in [0, 1], from rounded counts, three decimals."""
    level: Level
    sentence: str


class _Counted(NamedTuple):
    """Rounded counts of a kind."""

    kind: str
    rows: int
    approved: int
    is_known: bool
    """True if the kind has enough applicants to be compared."""
    is_shown: bool
    """True if its rate may be shown, too."""

    @property
    def rate(self) -> float:
        return self.approved / self.rows


class _Rule(NamedTuple):
    """Thresholds of the comparison of a day."""

    least_ratio: float
    significance: float
    """That of one comparison: divided by their number (Bonferroni)."""


def adverse_impact_ratio(approved: int, rows: int, *, of_approved: int, of_rows: int) -> ImpactRatio:
    """Adverse-impact ratio of a kind to a reference (`of_`), with its 95 % interval.

    The standard error of the ratio's logarithm is the root of (1 - p) / (n p), summed over both
    kinds: Morris and Lobsenz (2000), "Significance tests and confidence intervals for the adverse
    impact ratio", Personnel Psychology 53. Where nobody of a kind was approved, half a row is added
    to every count.

    >>> ratio = adverse_impact_ratio(480, 800, of_approved=960, of_rows=1200)
    >>> [round(figure, 3) for figure in ratio]
    [0.75, 0.704, 0.799]
    """
    added = 0.0 if approved and of_approved else _HALF_A_ROW
    counts = (approved + added, rows + added, of_approved + added, of_rows + added)
    value = counts[0] / counts[1] / (counts[2] / counts[3])
    variance = 1 / counts[0] - 1 / counts[1] + 1 / counts[2] - 1 / counts[3]
    reach = math.exp(_NORMAL * math.sqrt(variance))
    return ImpactRatio(value, value / reach, value * reach)


def compare_kinds(
    groupings: Mapping[str, np.ndarray],
    decisions: np.ndarray,
    *,
    least_ratio: float = FOUR_FIFTHS,
    significance: float = SIGNIFICANCE,
    least_reference_share: float = LEAST_REFERENCE_SHARE,
) -> tuple[KindFairness, ...]:
    """Approvals of each kind of applicants beside those of the reference of its grouping.

    `watch`: the whole interval of the ratio lies below `least_ratio`, and the exact test is
    significant after division by the number of comparisons of the day (Bonferroni). `insufficient`:
    the kind, or every possible reference, has too few applicants. A kind with fewer than 20 is not
    named, and one whose property is `missing` is not compared.

    Args:
        groupings: name of a grouping to the kind of each applicant, texts, shape (rows,).
        decisions: decision of each applicant, texts, shape (rows,).
        least_ratio: ratio below which adverse impact is presumed.
        significance: of all comparisons of the day together, 0 to 1.
        least_reference_share: share of the grouping from which a kind may be its reference, 0 to 1.
    """
    is_approved = np.asarray(decisions) == DECISIONS[0]
    kinds_by_grouping = {name: _count_kinds(kinds, is_approved) for name, kinds in groupings.items()}
    pairs: list[tuple[str, _Counted, _Counted | None]] = []
    for name, kinds in kinds_by_grouping.items():
        reference = _reference(name, kinds, least_reference_share)
        pairs += [(name, kind, reference) for kind in kinds]
    comparisons = sum(kind.is_known and reference not in (None, kind) for _, kind, reference in pairs)
    rule = _Rule(least_ratio, significance / max(comparisons, 1))
    return tuple(_compare(name, kind, reference, rule) for name, kind, reference in pairs)


def count_age_reasons(
    is_elderly: np.ndarray,
    decisions: np.ndarray,
    reasons: Sequence[np.ndarray],
    codes: Collection[str],
    *,
    most_share: float = MOST_AGE_REASONS,
) -> AgeReasons:
    """Share of the elderly without approval who have a reason about age among their reasons.

    `watch`: the share is above `most_share`, even if it may not be shown. `insufficient`: fewer
    than 20 of them were not approved.

    Args:
        is_elderly: True if the applicant is 62 or over, shape (rows,).
        decisions: decision of each applicant, texts, shape (rows,).
        reasons: columns of codes, each of shape (rows,), None where there is no reason.
        codes: codes of the family `age`.
        most_share: share above which somebody should look, 0 to 1.
    """
    chosen = np.flatnonzero(is_elderly & (np.asarray(decisions) != DECISIONS[0]))
    has_one = np.zeros(len(chosen), dtype=bool)
    for column in reasons:
        has_one |= np.isin(np.asarray(column)[chosen].astype(str), list(codes))
    rows, found = len(chosen), int(has_one.sum())
    noun = "applicant"
    who = f"of 62 and over {'was' if rows == 1 else 'were'} not approved"
    if not is_enough(rows):
        sentence = f"Too few applicants {who} to say how many of them got a reason about age."
        return AgeReasons(0, None, "insufficient", sentence)
    shown_rows = rounded_count(rows)
    level: Level = "watch" if found / rows > most_share else "ok"
    who = f"{counted(shown_rows, noun)} {who}"
    if not found:
        return AgeReasons(shown_rows, 0.0, level, f"{who}; none of them got a reason about age.")
    if not is_enough_for_rates(rows, defaulted=found):
        sentence = f"{who}; some of them got a reason about age. The share of so few is not shown."
        return AgeReasons(shown_rows, None, level, sentence)
    share = rounded_rate(rounded_count(found) / shown_rows)
    return AgeReasons(shown_rows, share, level, f"{who}; {percent(share)} of them got a reason about age.")


def fairness_metrics(kinds: Sequence[KindFairness], age_reasons: AgeReasons) -> list[Metric]:
    """Figures of the control for the table of the day: rates, ratios, and the share of age reasons."""
    metrics = []
    for each in kinds:
        place = f"{each.grouping}={each.kind}"
        level: Level = "insufficient" if each.approval_rate is None else "ok"
        metrics.append(Metric("approval_rate", each.approval_rate, each.rows, slice=place, level=level))
        if each.kind != each.reference:
            value, low, high = each.ratio or (None, None, None)
            ratio = Metric("adverse_impact_ratio", value, each.rows, slice=place, low=low, high=high, level=each.level)
            metrics.append(ratio)
    share = Metric(
        "age_reason_share", age_reasons.share, age_reasons.rows, slice=f"elderly={FROM_62}", level=age_reasons.level
    )
    return [*metrics, share]


def _count_kinds(kinds: np.ndarray, is_approved: np.ndarray) -> list[_Counted]:
    """Counts of each kind that may be named, by name."""
    encoded = pa.array(np.asarray(kinds).astype(object), pa.string()).dictionary_encode()
    place = encoded.indices.to_numpy(zero_copy_only=False)
    names = encoded.dictionary.to_pylist()
    rows = np.bincount(place, minlength=len(names)).tolist()
    approved = np.bincount(place[is_approved], minlength=len(names)).tolist()
    return [
        _Counted(
            name,
            rounded_count(n),
            rounded_count(n_approved),
            is_known=n >= LEAST_ROWS_OF_A_KIND,
            is_shown=is_enough_for_rates(n, defaulted=n_approved),
        )
        for name, n, n_approved in sorted(zip(names, rows, approved, strict=True))
        if is_enough(n) and name != MISSING
    ]


def _reference(grouping: str, kinds: Sequence[_Counted], least_share: float) -> _Counted | None:
    """Kind that the others are compared with: of the highest rate; of equal ones the largest."""
    fixed = FIXED_REFERENCES.get(grouping)
    least_rows = least_share * sum(kind.rows for kind in kinds)
    possible = [kind for kind in kinds if kind.is_known and kind.rows >= least_rows and fixed in (None, kind.kind)]
    return max(possible, key=lambda kind: (kind.rate, kind.rows), default=None)


def _compare(grouping: str, kind: _Counted, reference: _Counted | None, rule: _Rule) -> KindFairness:
    name = f"{grouping} {kind.kind}"
    if not kind.is_known:
        sentence = f"{name}: too few applicants to compare; {LEAST_ROWS_OF_A_KIND} are needed."
        return KindFairness(grouping, kind.kind, 0, None, "", None, None, "insufficient", sentence)
    rate = rounded_rate(kind.rate) if kind.is_shown else None
    if rate is None:
        told = f"{name}: the rate is not shown, because nearly all of them have the same decision"
    else:
        told = f"{name}: {percent(rate)} of {counted(kind.rows, 'applicant')} are approved"
    if reference is None:
        sentence = f"{told}; no other kind has enough applicants to compare with."
        return KindFairness(grouping, kind.kind, kind.rows, rate, "", None, None, "insufficient", sentence)
    if kind == reference:
        sentence = f"{told}; the others are compared with them."
        return KindFairness(grouping, kind.kind, kind.rows, rate, kind.kind, None, None, "ok", sentence)
    ratio = adverse_impact_ratio(kind.approved, kind.rows, of_approved=reference.approved, of_rows=reference.rows)
    shown = ImpactRatio(*(rounded_rate(figure) for figure in ratio))
    p_value = _exact_p(kind, reference)
    is_adverse = shown.high < rule.least_ratio and p_value < rule.significance
    level: Level = "watch" if is_adverse else "ok"
    other = "perhaps" if shown.value < rule.least_ratio else "not"
    verdict = f"{'clearly' if is_adverse else other} below {rule.least_ratio:g}"
    if rate is None or not reference.is_shown:
        sentence = f"{told}; its ratio to the rate of {reference.kind} is {verdict}."
        return KindFairness(grouping, kind.kind, kind.rows, rate, reference.kind, None, None, level, sentence)
    p_told = f"p = {p_value:.3f}" if p_value >= _LEAST_P else f"p < {_LEAST_P:g}"
    sentence = (
        f"{told}, {shown.value:.3f} times the rate of {reference.kind} "
        f"({shown.low:.3f} to {shown.high:.3f}; exact test {p_told}): {verdict}."
    )
    return KindFairness(grouping, kind.kind, kind.rows, rate, reference.kind, shown, p_value, level, sentence)


def _exact_p(kind: _Counted, reference: _Counted) -> float:
    """Fisher's exact test of equal rates, two-sided (Fisher 1935, "The logic of inductive inference")."""
    table = np.array([[each.approved, each.rows - each.approved] for each in (kind, reference)])
    return float(fisher_exact(table).pvalue)

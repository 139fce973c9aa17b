"""Rivals of the judge: rules in common use, each for one column (`benchmarks/studies/drift.py`).

They see what they see in practice: values without the missing ones, and pd as one more column.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
from scipy.stats import chi2, ks_2samp

from benchmarks.studies.drift_days import study_pd
from tasks.core.lender.columns import TEXTS
from tasks.core.monitoring.reference import PD, WATCHED

EVIDENTLY: Final = "Evidently's preset"
PLAIN_PSI: Final = "PSI > 0.2"
CRITICAL_PSI: Final = "PSI, chi-square"
PLAIN_KS: Final = "KS p < 0.05"
RIVALS: Final = (EVIDENTLY, PLAIN_PSI, CRITICAL_PSI, PLAIN_KS)
_MODERATE_PSI: Final = 0.2
"""PSI from which a shift is called large (Siddiqi 2006)."""
_P: Final = 0.05
_DECILES: Final = np.arange(1, 10) / 10
_EMPTY_SHARE: Final = 1e-4
"""Share in place of none, so that it has a logarithm: the custom in code for PSI."""
_INCLUDING_PD: Final = (*WATCHED, PD)


def sample_values(rows: pa.Table, column: str, *, pd_factor: float = 1.0) -> np.ndarray:
    """Values of a column without the missing ones; of `pd`, the study's score times a factor."""
    if column == PD:
        return np.minimum(study_pd(rows) * pd_factor, 1.0)
    return np.asarray(rows.column(column).drop_null().to_numpy())


def flags(reference: np.ndarray, day: np.ndarray, column: str) -> dict[str, bool]:
    """Rival to True if it calls the column drifted. Nothing is drifted without values."""
    if not len(reference) or not len(day):
        return dict.fromkeys(RIVALS, False)
    index, cells = plain_psi(reference, day, is_text=column in TEXTS)
    critical = (1 / len(reference) + 1 / len(day)) * chi2.ppf(1 - _P, max(cells - 1, 1))
    is_unlike = column not in TEXTS and ks_2samp(reference, day, method="asymp").pvalue < _P
    return {
        EVIDENTLY: evidently_flag(reference, day, is_text=column in TEXTS),
        PLAIN_PSI: index > _MODERATE_PSI,
        CRITICAL_PSI: cells > 1 and bool(index > critical),
        PLAIN_KS: bool(is_unlike),
    }


def any_flags(reference: pa.Table, day: pa.Table) -> dict[str, bool]:
    """Rival to True if it calls any column drifted, or pd."""
    found = dict.fromkeys(RIVALS, False)
    for column in _INCLUDING_PD:
        of_column = flags(sample_values(reference, column), sample_values(day, column), column)
        found = {name: found[name] or of_column[name] for name in RIVALS}
    return found


def plain_psi(reference: np.ndarray, day: np.ndarray, *, is_text: bool) -> tuple[float, int]:
    """PSI over levels, or over deciles of the reference; and the number of cells (Siddiqi 2006).

    Its critical value without drift is (1/m + 1/n) times that of chi-square with one degree of
    freedom fewer than cells (arXiv 2307.11878).

    >>> plain_psi(np.arange(100.0), np.arange(100.0), is_text=False)
    (0.0, 10)
    """
    if is_text:
        levels, codes = np.unique(np.concatenate([reference, day]).astype(str), return_inverse=True)
        cells, of_reference, of_day = len(levels), codes[: len(reference)], codes[len(reference) :]
    else:
        edges = np.unique(np.quantile(reference, _DECILES))
        cells = len(edges) + 1
        of_reference, of_day = (np.searchsorted(edges, side) for side in (reference, day))
    due = np.maximum(np.bincount(of_reference, minlength=cells) / len(reference), _EMPTY_SHARE)
    found = np.maximum(np.bincount(of_day, minlength=cells) / len(day), _EMPTY_SHARE)
    return float(((found - due) * np.log(found / due)).sum()), cells


def evidently_flag(reference: np.ndarray, day: np.ndarray, *, is_text: bool) -> bool:
    """True if Evidently's preset for drift calls the column drifted.

    The statistic that the preset chooses, by Evidently's own code, at its own threshold, without
    the rest of the report; `tests/proofs/test_drift_study.py` holds it against the preset.
    """
    from evidently.legacy.calculations.stattests import get_stattest
    from evidently.legacy.core import ColumnType

    kind = ColumnType.Categorical if is_text else ColumnType.Numerical
    before, after = pd.Series(reference), pd.Series(day)
    test = get_stattest(before, after, kind, None)
    return bool(test(before, after, kind, None).drifted)


def tallied(found: Mapping[str, bool], so_far: Mapping[str, int]) -> dict[str, int]:
    """Counts of the rivals that found something, one day later."""
    return {name: so_far.get(name, 0) + found[name] for name in RIVALS}

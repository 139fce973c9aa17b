"""Statistics of a day, one file each.

A statistic is a function from a `Compared` day to `Tests`. A new one is a file here, a name in
`STATISTICS`, and a line in `configs/monitoring.yaml`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from tasks.core.monitoring.compared import Compared
from tasks.core.monitoring.statistics.decisions import decision_tests
from tasks.core.monitoring.statistics.dependence import dependence_tests
from tasks.core.monitoring.statistics.distribution import distribution_tests
from tasks.core.monitoring.statistics.record import Tests
from tasks.core.monitoring.statistics.score import score_tests
from tasks.core.monitoring.statistics.shares import missing_tests, sentinel_tests, tail_tests, unseen_tests

STATISTICS: Final[Mapping[str, Callable[[Compared], Tests]]] = MappingProxyType(
    {
        "distribution": distribution_tests,
        "missing": missing_tests,
        "sentinel": sentinel_tests,
        "unseen": unseen_tests,
        "tail": tail_tests,
        "score": score_tests,
        "decisions": decision_tests,
        "dependence": dependence_tests,
    }
)
"""Name of a statistic, as in the thresholds, to its tests."""

"""Thresholds of the verdict, as reviewed in `configs/monitoring.yaml`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Together = Literal["shares", "alone"]
"""Correction of a statistic's tests: `shares` together with those of the other statistics of single
shares, `alone` among themselves."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """Sizes from which a difference counts, in the unit of the statistic."""

    watch: float
    alert: float
    corrected: Together
    probability: float
    """Probability, 0 to 1, under which a corrected test counts."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """All thresholds of the verdict."""

    statistics: Mapping[str, Threshold]
    """Name of a statistic, a key of `STATISTICS`, to its thresholds."""
    alert_probability: float
    """Probability, 0 to 1, under which a corrected test may alert."""
    heavy_share: float
    """Share, 0 to 1, of the model's loss reduction from which a column is heavy."""
    light_factor: float
    """Factor of the sizes from which a column that is not heavy alerts."""
    least_rows: int
    """Rows of the day, or of the reference, under which a day without an alert is `insufficient`."""
    sure_rows: int
    """Rows under which an `ok` says the smallest change that it would have seen."""

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Thresholds:
        """Thresholds in the content of the reviewed file."""
        return cls(
            {name: Threshold(**each) for name, each in content["statistics"].items()},
            content["alert_probability"],
            content["heavy_share"],
            content["light_factor"],
            content["least_rows"],
            content["sure_rows"],
        )

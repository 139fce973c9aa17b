"""Reviewed thresholds of monitoring, `configs/monitoring.yaml`, as a typed model."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from configs.settings import project_path, read_yaml, validated

Statistic = Literal["distribution", "missing", "sentinel", "unseen", "tail", "score", "decisions", "dependence"]
"""Name of a statistic of `tasks/core/monitoring/statistics/`."""
_STATISTICS: Final = get_args(Statistic)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class StatisticThreshold(_Part):
    """Sizes from which a difference counts, in the unit of the statistic."""

    watch: float = Field(gt=0, description="Size worth a look.")
    alert: float = Field(gt=0, description="Size from which somebody must act.")
    corrected: Literal["shares", "alone"] = Field(
        description="`shares`: corrected together with the other statistics of single shares.",
    )
    probability: float = Field(gt=0, lt=1, description="Corrected probability under which it counts.")

    @model_validator(mode="after")
    def _alerts_later(self) -> StatisticThreshold:
        if self.alert < self.watch:
            raise ValueError(f"alert is {self.alert}; it must be at least watch, {self.watch}")
        return self


class MonitoringFile(_Part):
    """Content of `configs/monitoring.yaml`."""

    version: str = Field(min_length=1, description="Version, raised with every change.")
    alert_probability: float = Field(gt=0, lt=1, description="Corrected probability up to which a finding may alert.")
    heavy_share: float = Field(ge=0, le=1, description="Share of the model from which a column is heavy.")
    light_factor: float = Field(
        ge=1,
        description="Factor of the size from which a column that is not heavy alerts.",
    )
    least_rows: int = Field(
        ge=1,
        description="Applications under which a day without an alert is `insufficient`.",
    )
    sure_rows: int = Field(
        ge=1,
        description="Applications under which a verdict states the smallest changes that it would have seen.",
    )
    statistics: dict[str, StatisticThreshold] = Field(description="Statistic to its thresholds.")

    @model_validator(mode="after")
    def _has_each(self) -> MonitoringFile:
        unlike = sorted(set(self.statistics) ^ set(_STATISTICS))
        if unlike:
            raise ValueError(f"statistics must be {', '.join(_STATISTICS)}; not so: {', '.join(unlike)}")
        return self


def load_thresholds(path: str | Path) -> MonitoringFile:
    """Thresholds in the file at `path`. Raises `ConfigError` that names the wrong field."""
    source = project_path(str(path))
    return validated(MonitoringFile, read_yaml(source, "monitoring.thresholds"), source)

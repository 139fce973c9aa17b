"""Gauges in a text file of Prometheus, which node_exporter's textfile collector reads.

https://prometheus.io/docs/instrumenting/exposition_formats/ describes the format.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from prometheus_client import CollectorRegistry, write_to_textfile
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector


class Gauge(NamedTuple):
    """Values of one gauge."""

    name: str
    meaning: str
    label: str
    """Name of its label; empty if it has a single value."""
    values: Mapping[str, float]
    """Value of the label to that of the gauge; of a single value the key is empty."""


class _Families(Collector):
    """Gauges that are made already, as the writer of the file asks for them."""

    def __init__(self, families: Sequence[GaugeMetricFamily]) -> None:
        self._families = families

    def collect(self) -> Sequence[GaugeMetricFamily]:
        return self._families


def write_gauges(path: Path, gauges: Iterable[Gauge]) -> None:
    """Write a file of gauges, whole or not at all: under another name first, which is then renamed."""
    registry = CollectorRegistry()
    registry.register(_Families([_family(gauge) for gauge in gauges]))
    write_to_textfile(str(path), registry)


def read_gauge(path: Path, name: str, label: str) -> dict[str, float]:
    """Values of a gauge by its label; empty if the file is not there, or cannot be read.

    Args:
        path: the file.
        name: name of the gauge.
        label: name of its label; empty if it has a single value, whose key is then empty.
    """
    try:
        families = list(text_string_to_metric_families(path.read_text("utf-8")))
    except (OSError, ValueError):
        return {}
    samples = (sample for family in families for sample in family.samples if sample.name == name)
    return {sample.labels.get(label, ""): sample.value for sample in samples if not label or label in sample.labels}


def _family(gauge: Gauge) -> GaugeMetricFamily:
    family = GaugeMetricFamily(gauge.name, gauge.meaning, labels=[gauge.label] if gauge.label else [])
    for label, value in gauge.values.items():
        family.add_metric([label] if gauge.label else [], value)
    return family

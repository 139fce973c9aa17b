"""Comparison with a second model, read from its JSON for the page of the day."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tasks.core.decision.migration import Migrations


@dataclass(frozen=True, slots=True)
class ShadowRecord:
    """Decisions of a second model beside the published ones. Parts that may not be told are empty."""

    publication: str
    """Publication that it was compared with (`Manifest.publication`)."""
    model: str
    """Name and version of the second model."""
    sentence: str
    decisions: Migrations
    bands: Migrations
    costs: Mapping[str, tuple[float, float, float]]
    """Model whose pd is trusted, in words, to the expected cost per application: of the published decisions,
    of the second model's, and the difference."""
    other_first_reason_share: float | None
    """Share, in [0, 1], of the applications that neither approves whose first reason is another one."""
    assumption: str


def read_shadow(data: bytes) -> ShadowRecord | None:
    """Read the JSON of a comparison; None if it is damaged.

    >>> read_shadow(b'{"publication": "x"}') is None
    True
    """
    try:
        return _shadow(json.loads(data))
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _shadow(content: Mapping[str, Any]) -> ShadowRecord:
    words = {"by_published_pd": "the published model's pd", "by_shadow_pd": "the second model's pd"}
    costs = {words[name]: cost for name, cost in content["cost"].items()}
    model = content["shadow"]
    share = content["other_first_reason_share"]
    return ShadowRecord(
        publication=str(content["publication"]),
        model=f"{model['name']} version {model['version']}",
        sentence=str(content["sentence"]),
        decisions={old: dict(row) for old, row in content["decisions"].items()},
        bands={old: dict(row) for old, row in content["bands"].items()},
        costs={
            name: (float(cost["published"]), float(cost["shadow"]), float(cost["difference"]))
            for name, cost in costs.items()
        },
        other_first_reason_share=None if share is None else float(share),
        assumption=str(content["assumption"]),
    )

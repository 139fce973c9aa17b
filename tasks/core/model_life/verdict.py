"""Verdict of the gate on a challenger, as a page and as JSON tell it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from tasks.core.model.bundle import ModelPin
from tasks.core.model_life.comparison import Comparison
from tasks.core.model_life.gate import GateCheck, failed_checks
from tasks.core.words import in_json


@dataclass(frozen=True, slots=True)
class GateVerdict:
    """Verdict of the gate on a challenger."""

    challenger: ModelPin
    champion: ModelPin
    policy_version: str
    policy_digest: str
    source: str
    """Applications in words; or the sentence that says why nothing was compared."""
    left_out: Mapping[str, int]
    comparison: Comparison | None
    """None if nothing could be compared."""
    checks: tuple[GateCheck, ...]
    """Checks of the gate; empty without outcomes."""

    @property
    def is_passed(self) -> bool:
        """True if there are checks, and all of them are met."""
        return bool(self.checks) and not self.failed

    @property
    def failed(self) -> list[GateCheck]:
        """Checks that are not met."""
        return failed_checks(self.checks)

    def to_json(self) -> bytes:
        """Verdict for programs. The same comparison gives the same bytes."""
        content = asdict(self)
        # A named tuple would become a nameless list.
        content["checks"] = [each._asdict() for each in self.checks]
        if self.comparison:
            content["comparison"] |= {
                "swaps": [each._asdict() for each in self.comparison.swaps],
                "kind_costs": [each._asdict() for each in self.comparison.kind_costs],
                "ratios": [each._asdict() for each in self.comparison.ratios],
                "reasons": self.comparison.reasons._asdict(),
            }
        return json.dumps(in_json({**content, "is_passed": self.is_passed}), indent=1).encode()

    @property
    def sha256(self) -> str:
        """Digest of the verdict."""
        return hashlib.sha256(self.to_json()).hexdigest()

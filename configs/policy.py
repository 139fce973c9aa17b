"""The reviewed decision policy, `configs/policy.yaml`, as a typed model."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from configs.settings import project_path, read_yaml, validated


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Costs(_Part):
    """Cost of one wrong decision, in units of a lost good customer."""

    false_negative: float = Field(gt=0, description="Approved, then defaulted.")
    false_positive: float = Field(gt=0, description="Refused, would have paid.")


class RiskBand(_Part):
    """A named range of pd."""

    name: str = Field(min_length=1, description="Name as published.")
    up_to: float | None = Field(
        gt=0, description="Upper edge as a multiple of the cut-off; null for the open last band."
    )


class AllowedInputs(_Part):
    """What a model may look at."""

    age: bool = Field(description="Whether age, and what is derived from it, may be a model input.")


class PolicyFile(_Part):
    """Everything `configs/policy.yaml` may say."""

    version: str = Field(min_length=1, description="Raised with every change.")
    costs: Costs
    cutoff: Literal["bundle"] | float = Field(description="The model's proposal, or a probability in (0, 1).")
    refer_from: float | None = Field(gt=0, le=1, description="Multiple of the cut-off from which a person decides.")
    bands: tuple[RiskBand, ...] = Field(min_length=1, description="Risk bands from best to worst.")
    inputs: AllowedInputs

    @property
    def digest(self) -> str:
        """SHA-256 of the policy's content; comments and layout do not count."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


def load_policy(path: str | Path) -> PolicyFile:
    """The policy file at `path`. Raises `ConfigError` naming the wrong field."""
    source = project_path(str(path))
    return validated(PolicyFile, read_yaml(source), source)

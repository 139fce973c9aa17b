"""Reviewed decision policy, `configs/policy.yaml`, as a typed model."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from configs.settings import project_path, read_yaml, validated


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Costs(_Part):
    """Cost of one wrong decision, in units of a lost good customer."""

    false_negative: float = Field(gt=0, description="Approval of an applicant who then defaults.")
    false_positive: float = Field(gt=0, description="Refusal of an applicant who would have paid.")


class RiskBand(_Part):
    """Named range of pd."""

    name: str = Field(min_length=1, description="Name of the band, as published.")
    up_to: float | None = Field(
        gt=0, description="Upper edge as a multiple of the cut-off; null for the open last band."
    )


class AllowedInputs(_Part):
    """Inputs that a model may have; `tasks/core/lender/` names the columns of each."""

    age: bool = Field(description="True if age, and features derived from it, may be model inputs.")
    social_circle: bool = Field(True, description="The same for persons of the social circle who are past due.")
    contact: bool = Field(True, description="The same for telephones, e-mail and the last change of telephone.")
    region: bool = Field(True, description="The same for population and rating of the region of residence.")

    @property
    def forbidden(self) -> tuple[str, ...]:
        """Inputs that no model may have, by name, in the order of the fields."""
        return tuple(name for name, is_allowed in self.model_dump().items() if not is_allowed)


class PolicyFile(_Part):
    """Content of `configs/policy.yaml`."""

    version: str = Field(min_length=1, description="Version, raised with every change.")
    costs: Costs
    cutoff: Literal["bundle"] | float = Field(
        description="Cut-off: `bundle` for the proposal of the model, or a probability in (0, 1).",
    )
    refer_from: float | None = Field(
        gt=0,
        le=1,
        description="Multiple of the cut-off from which a person decides; null if no one does.",
    )
    bands: tuple[RiskBand, ...] = Field(min_length=1, description="Risk bands, best first.")
    inputs: AllowedInputs

    @property
    def digest(self) -> str:
        """SHA-256 of the content of the policy; comments and layout do not count.

        An input that is allowed unless the policy forbids it counts only where it is forbidden. So a
        policy has the digest that it had before there was such an input.
        """
        return hashlib.sha256(self.model_dump_json(exclude_defaults=True).encode()).hexdigest()


def load_policy(path: str | Path) -> PolicyFile:
    """Policy in the file at `path`. Raises `ConfigError` that names the wrong field."""
    source = project_path(str(path))
    return validated(PolicyFile, read_yaml(source, "scoring.policy"), source)

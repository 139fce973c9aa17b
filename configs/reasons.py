"""Reviewed reasons, `configs/reasons.yaml`, as a typed model.

Each published code has the sentence that it says to an applicant.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from configs.settings import project_path, read_yaml, validated
from tasks.errors import ConfigError, did_you_mean


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class ReasonEntry(_Part):
    """Reason for one family of features that pushed towards refusal."""

    family: str = Field(min_length=1, description="Family of features, as in docs/features.md.")
    code: str = Field(
        pattern=r"^[A-Z0-9]{1,8}$",
        description="Code, as published. It keeps its meaning for ever.",
    )
    sentence: str = Field(min_length=1, description="Sentence for a letter.")


class ReasonsFile(_Part):
    """Content of `configs/reasons.yaml`."""

    reasons: tuple[ReasonEntry, ...]
    retired: tuple[str, ...] = Field(
        description="Codes that were published once and are never used again.",
    )


def load_reasons(path: str | Path, families: Collection[str]) -> ReasonsFile:
    """Reasons in the file at `path`.

    The file must have exactly one entry, with a code of its own, for each of `families`.

    Raises:
        ConfigError: names the wrong field, or the families and codes that are missing, unknown or
            given twice.
    """
    source = project_path(str(path))
    file = validated(ReasonsFile, read_yaml(source, "scoring.reasons"), source)
    if faults := list(_faults(file, families)):
        raise ConfigError(f"{source.name} is wrong: {' '.join(faults)}")
    return file


def _faults(file: ReasonsFile, families: Collection[str]) -> Iterator[str]:
    named = [entry.family for entry in file.reasons]
    codes = [entry.code for entry in file.reasons]
    if missing := [family for family in families if family not in named]:
        yield f"no reason is given for {', '.join(missing)}."
    for family in named:
        if family not in families:
            yield f"{family} is not a family of features.{did_you_mean(family, list(families))}"
    if twice := _twice(named):
        yield f"there are several reasons for {', '.join(twice)}."
    if twice := _twice(codes):
        yield f"several families have the code {', '.join(twice)}."
    if revived := [code for code in codes if code in file.retired]:
        yield f"{', '.join(revived)} is retired; take a code that was never given."


def _twice(names: Iterable[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]

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


class ChangeableField(_Part):
    """Amount of an application that an applicant can change by applying anew."""

    field: str = Field(min_length=1, description="Column of the feed, a declared amount.")
    words: str = Field(min_length=1, description="Words for the amount, as they may stand in a sentence.")


class ReasonsFile(_Part):
    """Content of `configs/reasons.yaml`."""

    reasons: tuple[ReasonEntry, ...]
    changeable: tuple[ChangeableField, ...] = Field(
        default=(),
        description="Amounts that an applicant can change; `scoring explain --what-if` takes no other.",
    )
    retired: tuple[str, ...] = Field(
        description="Codes that were published once and are never used again.",
    )


def load_reasons(path: str | Path, families: Collection[str], amounts: Collection[str]) -> ReasonsFile:
    """Reasons in the file at `path`.

    The file must have exactly one entry, with a code of its own, for each of `families`. What is
    changeable must be one of `amounts`.

    Raises:
        ConfigError: names the wrong field, or the families, codes and amounts that are missing,
            unknown or given twice.
    """
    source = project_path(str(path))
    file = validated(ReasonsFile, read_yaml(source, "scoring.reasons"), source)
    if faults := list(_faults(file, families, amounts)):
        raise ConfigError(f"{source.name} is wrong: {' '.join(faults)}")
    return file


def _faults(file: ReasonsFile, families: Collection[str], amounts: Collection[str]) -> Iterator[str]:
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
    changeable = [entry.field for entry in file.changeable]
    for field in changeable:
        if field not in amounts:
            yield f"{field} is not a declared amount, so it cannot be changeable.{did_you_mean(field, list(amounts))}"
    if twice := _twice(changeable):
        yield f"{', '.join(twice)} is changeable more than once."


def _twice(names: Iterable[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]

"""Every error this system raises on purpose, by who has to act, with the exit code the command line returns.

Messages say what, where, observed against required, and what to do next. They never carry an applicant's value:
counts, columns, rule names and file names only. Each error takes one string, so it survives pickle between processes.
"""

from __future__ import annotations

from typing import ClassVar


class ScoringError(Exception):
    """Something stopped the command; the subclass says who has to act."""

    exit_code: ClassVar[int] = 1


class ConfigError(ScoringError):
    """The operator: a setting, an option or a reviewed file of this project is wrong."""

    exit_code = 2


class SourceError(ScoringError):
    """The data owner: the day's files are missing, broken or not what was announced."""

    exit_code = 3


class ExpectationsNotMet(ScoringError):
    """The data owner: the files are readable, but break the contract or its quarantine budget."""

    exit_code = 4


class ModelError(ScoringError):
    """The model owner: no champion, or the registered model is not what it claims to be."""

    exit_code = 5


class PublishError(ScoringError):
    """The operator: the store refused; nothing was published, or all of it was."""

    exit_code = 6


class ManifestDamaged(PublishError):
    """The operator: a manifest in the store is not as it was written; restore it from a backup."""


class InputsChanged(ScoringError):
    """The operator: the day is published already and its files have changed since."""

    exit_code = 7


class OrchestratorError(ScoringError):
    """The operator: Prefect cannot be reached or started."""

    exit_code = 8


def did_you_mean(word: str, known: list[str]) -> str:
    """A closing hint for an error message: the nearest known word, or nothing.

    >>> did_you_mean("chunk_row", ["chunk_rows", "root"])
    " Did you mean 'chunk_rows'?"
    >>> did_you_mean("zzz", ["chunk_rows"])
    ''
    """
    import difflib

    near = difflib.get_close_matches(word, known, n=1)
    return f" Did you mean {near[0]!r}?" if near else ""

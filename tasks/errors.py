"""Errors that this system raises on purpose, by who must act, each with its exit code.

A message says what, where, expected, found, and what to do next. It never carries an applicant's
value: only counts, columns, rule names and file names. Each error takes one string, so that it
survives pickle between processes.
"""

from __future__ import annotations

from typing import ClassVar


class ScoringError(Exception):
    """Error that stopped the command; its subclass says who must act."""

    exit_code: ClassVar[int] = 1
    acts: ClassVar[str] = "engineers"
    """Person who must act, as in the runbook."""


class ConfigError(ScoringError):
    """Error for the operator: a setting, an option or a reviewed file of this project is wrong."""

    exit_code = 2
    acts = "operator"


class SourceError(ScoringError):
    """Error for the data owner: the day's files are missing, broken or not what was announced."""

    exit_code = 3
    acts = "data owner"


class ExpectationsNotMet(ScoringError):
    """Error for the data owner: the files are readable, but break the contract or its budget."""

    exit_code = 4
    acts = "data owner"


class ModelError(ScoringError):
    """Error for the model owner: no champion, or a registered model that is not what it claims."""

    exit_code = 5
    acts = "model owner"


class RegistryUnreachable(ModelError):
    """Error for the operator: the model registry, or the place of its files, does not answer."""

    acts = "operator"


class PromotionRefused(ModelError):
    """Error for the model owner: a version did not pass the gate, and the one that scores stays."""


class PublishError(ScoringError):
    """Error for the operator: the store refused; nothing was published, or all of it was."""

    exit_code = 6
    acts = "operator"


class ManifestDamaged(PublishError):
    """Error for the operator: a manifest is not as it was written; restore it from a backup."""


class ObjectArchived(PublishError):
    """Error for the operator: an object lies in the store's archive; restore it from there."""


class InputsChanged(ScoringError):
    """Error for the operator: the day is published, and its files have changed since."""

    exit_code = 7
    acts = "operator"


class OrchestratorError(ScoringError):
    """Error for the operator: Prefect cannot be reached or started."""

    exit_code = 8
    acts = "operator"


class DayOverdue(ScoringError):
    """Error for the operator: a day that the calendar demands is not published or monitored in time."""

    exit_code = 9
    acts = "operator"


def ending_of(error: ScoringError) -> str:
    r"""End of a run in one line: exit code, who must act, and the message.

    >>> ending_of(ConfigError("as_of is missing.\n  Give it."))
    'Exit 2, operator: as_of is missing. Give it.'
    """
    return f"Exit {error.exit_code}, {error.acts}: {' '.join(str(error).split())}"


def did_you_mean(word: str, known: list[str]) -> str:
    """Closing hint for an error message: the nearest known word; empty if none is near.

    >>> did_you_mean("chunk_row", ["chunk_rows", "root"])
    " Did you mean 'chunk_rows'?"
    >>> did_you_mean("zzz", ["chunk_rows"])
    ''
    """
    import difflib

    near = difflib.get_close_matches(word, known, n=1)
    return f" Did you mean {near[0]!r}?" if near else ""

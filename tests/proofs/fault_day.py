"""A command under attack: what lies in the store before and after it, and what must hold whatever breaks."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from flows.score_applications import score_applications
from flows.withdraw_decisions import withdraw_decisions
from tasks.errors import ScoringError
from tasks.publication.layout import decisions_key
from tests.conftest import DAY, Project

Contents = Mapping[str, bytes]
"""Key to bytes of a store's objects."""
SHOWN: Final = decisions_key(DAY)
PROMISED: Final = ("decisions/", "revisions/", "quarantine/", "reports/")
"""Where somebody relies on what lies there; all else is scratch, or a note to the next run."""
_PAGE: Final = "/index.html"
"""End of a page for people: it tells times, is never in the way of a run, and is renewed by whatever comes next."""


@dataclass(frozen=True)
class Ending:
    """How a run ended: by itself, done or with an error, or killed."""

    error: Exception | None = None
    is_killed: bool = False

    @property
    def is_done(self) -> bool:
        """Whether the run said that it had done its work."""
        return self.error is None and not self.is_killed


@dataclass(frozen=True)
class Command:
    """Scoring or withdrawing the test day once, from a store that holds `before` to one that holds `after`."""

    name: str
    before: Contents
    after: Contents
    """What an undisturbed run leaves."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Of the flow, besides day and settings."""
    sections: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    """Settings of its own."""
    is_withdrawal: bool = False

    def config(self, project: Project, **storage: Any) -> str:
        """The settings file to run it with on this store."""
        return project.with_settings(storage=storage, **self.sections).config

    def run(self, project: Project, **storage: Any) -> Ending:
        """Run it as plain Python on this store."""
        return run_flow(self.is_withdrawal, self.config(project, **storage), self.options)


def run_flow(is_withdrawal: bool, config: str, options: Mapping[str, Any]) -> Ending:
    """Score or withdraw the test day, as plain Python, to whatever end."""
    flow: Callable[..., object] = withdraw_decisions.fn if is_withdrawal else score_applications.fn
    try:
        flow(as_of=DAY, config=config, **options)
    except Exception as error:  # noqa: BLE001 - which errors may end a run is judged below
        return Ending(error)
    return Ending()


def broken_promises(command: Command, ending: Ending, left: Contents) -> Iterator[str]:
    """What a run did that no run may ever do, from what it left in the store."""
    shown, manifests = left.get(SHOWN), _manifests(left)
    named = {key: sha256 for each in manifests.values() for key, sha256 in _named_in(each)}
    if None in manifests.values():
        yield "a manifest is there by half"
    if shown not in (command.before.get(SHOWN), command.after[SHOWN]):
        yield "readers see neither what was there before nor the new revision, whole"
    if any(key.startswith("decisions/") and key != SHOWN for key in left):
        yield "readers see more than one file"
    if shown is not None and _sha256(shown) not in named.values():
        yield "readers see what no manifest names"
    if damaged := [key for key, sha256 in named.items() if _sha256(left.get(key, b"")) != sha256]:
        yield f"a manifest names what is not there, whole: {', '.join(damaged)}"
    if ending.error and not isinstance(ending.error, ScoringError):
        yield f"the run ended with {type(ending.error).__name__}: {ending.error}"
    if ending.is_done and shown != command.after[SHOWN]:
        yield "the run said that it was done, and readers do not see it"
    if "othing was published" in str(ending.error) and len(manifests) > len(_manifests(command.before)):
        yield "the run said that nothing was published, and there is a manifest"


def what_a_rerun_left_undone(command: Command, ending: Ending, left: Contents) -> Iterator[str]:
    """How an undisturbed rerun differs from a run that was never disturbed."""
    if not ending.is_done:
        yield f"the rerun ended with {type(ending.error).__name__}: {ending.error}"
    found, expected = _promised(left), _promised(command.after)
    for key in sorted(found.keys() | expected.keys()):
        if found.get(key) != expected.get(key):
            yield f"after the rerun {key} is not what a run leaves that was never disturbed"


def _manifests(contents: Contents) -> dict[str, Any]:
    """Key to content of every manifest; None where it is no JSON."""
    return {
        key: _content(data)
        for key, data in contents.items()
        if key.startswith("revisions/") and key.endswith("/manifest.json")
    }


def _content(manifest: bytes) -> Any:
    try:
        return json.loads(manifest)
    except ValueError:
        return None


def _named_in(content: Any) -> Iterator[tuple[str, str]]:
    """Key and SHA-256 of every data file that a manifest names, wherever in it."""
    if isinstance(content, dict):
        if {"key", "sha256"} <= content.keys():
            yield content["key"], content["sha256"]
        for value in content.values():
            yield from _named_in(value)


def _promised(contents: Contents) -> dict[str, Any]:
    """What any two runs of a command leave alike: all bytes, but for what a manifest says of its run, and its seal."""
    of_the_run = {"run": None, "seal": None}
    manifests = {key: content and content | of_the_run for key, content in _manifests(contents).items()}
    kept = {key: data for key, data in contents.items() if key.startswith(PROMISED) and not key.endswith(_PAGE)}
    return kept | manifests


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()

import inspect
import pickle
import re

import pytest

from configs.settings import PROJECT
from tasks import errors
from tasks.errors import ScoringError, SourceError, ending_of

TREE = [each for _, each in inspect.getmembers(errors, inspect.isclass) if issubclass(each, ScoringError)]


@pytest.mark.parametrize("error", TREE)
def test_every_error_says_who_must_act_and_survives_pickle(error: type[ScoringError]) -> None:
    assert error.__doc__
    copy = pickle.loads(pickle.dumps(error("what, where, next")))  # noqa: S301
    assert (type(copy), str(copy), copy.exit_code) == (error, "what, where, next", error.exit_code)


def test_exit_codes_are_those_of_the_failure_table() -> None:
    assert {error.__name__: error.exit_code for error in TREE} == {
        "ScoringError": 1,
        "ConfigError": 2,
        "SourceError": 3,
        "ExpectationsNotMet": 4,
        "ModelError": 5,
        "RegistryUnreachable": 5,
        "PromotionRefused": 5,
        "PublishError": 6,
        "ManifestDamaged": 6,
        "ObjectArchived": 6,
        "InputsChanged": 7,
        "OrchestratorError": 8,
        "DayOverdue": 9,
    }


def test_who_must_act_is_said_as_in_the_runbook() -> None:
    runbook = (PROJECT / "docs/runbook.md").read_text()
    rows = re.findall(r"^\| (\d) \| `(\w+)` \| ([\w ]+) \|", runbook, re.MULTILINE)
    told = {name: (int(code), who) for code, name, who in rows}
    assert told == {each.__name__: (each.exit_code, each.acts) for each in TREE if each is not ScoringError}
    assert ScoringError.acts == "engineers"


def test_the_end_of_a_run_is_one_line() -> None:
    assert ending_of(SourceError("No files.\n\n  Deliver them.")) == "Exit 3, data owner: No files. Deliver them."

import inspect
import pickle

import pytest

from tasks import errors
from tasks.errors import ScoringError

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
        "PublishError": 6,
        "ManifestDamaged": 6,
        "ObjectArchived": 6,
        "InputsChanged": 7,
        "OrchestratorError": 8,
        "DayOverdue": 9,
    }

"""Tests keep to themselves."""

import os
import subprocess
import sys


def test_tests_hear_nothing_of_the_settings_in_the_environment() -> None:
    told = subprocess.run(
        [sys.executable, "-c", "import os, tests.conftest; print([n for n in os.environ if n.startswith('SCORING_')])"],
        env=os.environ | {"SCORING_STORAGE__ROOT": "/elsewhere", "SCORING_CONFIG": "other.yaml"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert told.stdout == "[]\n"

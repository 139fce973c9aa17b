"""Who may look an applicant up, and what is noted of it."""

import hashlib
import hmac
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from configs.settings import Dashboard
from tasks.dashboard.desk import is_admitted, lookup_mark, note_lookup, note_refusal

SECRETS = Dashboard(token=SecretStr("letters" * 3), lookup_key=SecretStr("others" * 3))


@given(st.text())
def test_the_token_alone_admits(token: str) -> None:
    assert is_admitted(token, SECRETS) == (token == "letters" * 3)
    assert not is_admitted(token, Dashboard())


@given(st.integers(1, 2**53))
def test_a_mark_is_the_keyed_hash_of_the_id(applicant: int) -> None:
    expected = hmac.new(b"others" * 3, str(applicant).encode(), hashlib.sha256).hexdigest()
    assert lookup_mark(applicant, SECRETS) == expected[:32]


def test_another_key_gives_another_mark() -> None:
    other = Dashboard(token=SECRETS.token, lookup_key=SecretStr("another" * 3))
    assert lookup_mark(100002, SECRETS) != lookup_mark(100002, other)


def test_there_is_no_mark_without_a_key() -> None:
    with pytest.raises(ValueError, match=r"dashboard\.lookup_key is not set"):
        lookup_mark(1, Dashboard())


def test_the_log_holds_the_mark_and_never_the_id_or_a_secret(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "scoring.dashboard"):
        note_lookup(100002, SECRETS)
        note_refusal()
    assert caplog.messages == [
        f"An applicant was looked up: {lookup_mark(100002, SECRETS)}",
        "A look-up was refused: the token was wrong or missing",
    ]
    assert "100002" not in caplog.text

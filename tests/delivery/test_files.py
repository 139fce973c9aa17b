"""A delivered file is read only as it was digested."""

import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs.settings import Scoring
from tasks.adapters.files.landing_file import LandingFile
from tasks.core.day.control import Announced
from tasks.core.day.records import FileRef
from tasks.core.lender.columns import NAMES
from tasks.delivery.files import announced_of, digest_of_stream, open_delivered, reading_of, require_columns
from tasks.errors import ConfigError, ExpectationsNotMet, SourceError
from tasks.publication.layout import landing_key
from tasks.store.folder import FolderStore
from tests.conftest import DAY

ROWS = b"SK_ID_CURR\n1\n2\n3\n"
KEY = f"{landing_key(DAY)}a.csv"
FILE = FileRef("a.csv", KEY, "csv", len(ROWS), hashlib.sha256(ROWS).hexdigest())
HEADER = ",".join(NAMES)
DAMAGES: dict[str, Callable[[Path], object]] = {
    "grown": lambda path: path.write_bytes(ROWS + b"4\n"),
    "shrunk": lambda path: path.write_bytes(ROWS[:-2]),
    "changed": lambda path: path.write_bytes(ROWS.replace(b"2", b"9")),
}


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    store = FolderStore(tmp_path)
    store.create(KEY, ROWS)
    return store


def read(store: FolderStore, meanwhile: Callable[[], object] = lambda: None) -> bytes:
    """Read the file after something has happened since it was opened."""
    with open_delivered(store, FILE) as file:
        meanwhile()
        return file.stream.read()


def test_a_file_that_stays_as_it_is_can_be_read(store: FolderStore) -> None:
    assert read(store) == ROWS


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_file_that_changes_while_it_is_read_is_refused(
    store: FolderStore, tmp_path: Path, damage: Callable[[Path], object]
) -> None:
    with pytest.raises(SourceError, match="a.csv changed while it was being read; is it still being copied"):
        read(store, lambda: damage(tmp_path / KEY))


def test_aliases_of_the_settings_stand_for_declared_columns() -> None:
    aliases = {"client": "SK_ID_CURR", "outcome": "TARGET"}
    assert reading_of(Scoring(column_aliases=aliases)).column_aliases == aliases
    with pytest.raises(ConfigError, match="has 'loan' for 'AMT_CREDT', which is not a declared .* 'AMT_CREDIT'"):
        reading_of(Scoring(column_aliases={"loan": "AMT_CREDT"}))
    with pytest.raises(ConfigError, match="but AMT_ANNUITY is a declared column itself"):
        reading_of(Scoring(column_aliases={"AMT_ANNUITY": "AMT_CREDIT"}))


@pytest.mark.parametrize(
    ("is_changed", "told"), [(False, "a quote is open"), (True, "changed while it was being read")]
)
def test_where_reading_fails_a_change_is_the_cause_that_is_told(
    store: FolderStore, tmp_path: Path, is_changed: bool, told: str
) -> None:
    def fail() -> None:
        if is_changed:
            DAMAGES["shrunk"](tmp_path / KEY)
        raise SourceError("a quote is open")

    with pytest.raises(SourceError, match=told):
        read(store, fail)


def test_a_file_that_is_gone_is_named(store: FolderStore) -> None:
    store.delete(KEY)
    with pytest.raises(SourceError, match="a.csv was listed and is gone"):
        read(store)


def test_a_digest_is_of_the_whole_stream_wherever_it_stands() -> None:
    stream = io.BytesIO(ROWS)
    stream.read(7)
    assert digest_of_stream(stream)[:2] == (FILE.sha256, 4)


LINES = st.lists(st.binary(max_size=9).map(lambda line: line.replace(b"\n", b"")), max_size=30)


@given(LINES, st.booleans(), st.integers(1, 60))
def test_ranges_are_whole_lines_that_make_up_the_file(lines: list[bytes], is_ended: bool, range_bytes: int) -> None:
    text = b"\n".join(lines) + b"\n" * is_ended
    digest = digest_of_stream(io.BytesIO(text), range_bytes=range_bytes)
    assert digest[:2] == digest_of_stream(io.BytesIO(text))[:2]
    pieces = [text[each.begin : each.end] for each in digest.ranges]
    assert b"".join(pieces) == (text if pieces else b"")
    assert [hashlib.sha256(piece).hexdigest() for piece in pieces] == [each.sha256 for each in digest.ranges]
    assert [piece.count(b"\n") for piece in pieces] == [each.lines for each in digest.ranges]
    assert all(piece.endswith(b"\n") for piece in pieces[:-1])
    assert all(len(piece) >= range_bytes - 12 for piece in pieces[:-1])  # cut at the last line end before it is reached
    assert len(pieces) != 1


def test_a_file_is_not_cut_unless_it_is_to_be() -> None:
    assert digest_of_stream(io.BytesIO(ROWS)).ranges == ()
    assert digest_of_stream(io.BytesIO(ROWS), range_bytes=len(ROWS) + 1).ranges == ()


def test_a_control_file_announces_its_own_files_alone(store: FolderStore) -> None:
    assert announced_of(store, KEY) is None
    content = {"day": str(DAY), "files": {"a.csv": {"rows": 3, "sha256": "AB"}}}
    control = f"{landing_key(DAY)}_control.json"
    store.create(control, json.dumps(content).encode())
    assert announced_of(store, KEY) == Announced(3, "ab")
    assert announced_of(store, f"{landing_key(DAY)}b.csv") is None
    store.delete(control)
    store.create(control, b"half a control fi")
    assert announced_of(store, KEY) is None


def test_a_header_with_all_declared_columns_leaves_the_stream_at_its_start() -> None:
    stream = io.BytesIO(f"{HEADER},BRANCH\n".encode())
    assert require_columns(LandingFile(stream, "a.csv", "csv")) == (*NAMES, "BRANCH")
    assert stream.tell() == 0


@pytest.mark.parametrize(
    ("header", "also", "message"),
    [
        (HEADER.replace("AMT_CREDIT,", ""), (), "1 of 121 required columns are missing from a.csv: AMT_CREDIT"),
        (HEADER, ("TARGET",), "1 of 122 required columns are missing from a.csv: TARGET"),
    ],
)
def test_a_header_without_a_required_column_is_refused(header: str, also: tuple[str, ...], message: str) -> None:
    with pytest.raises(ExpectationsNotMet, match=message):
        require_columns(LandingFile(io.BytesIO(f"{header}\n".encode()), "a.csv", "csv"), also=also)

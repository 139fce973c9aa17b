import gzip
import io
import json
from collections.abc import Callable
from datetime import date
from hashlib import sha256
from importlib.resources import files
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from configs.settings import PROJECT
from tasks.core.feed import faults as faults_module
from tasks.core.feed.faults import FAULTS, STEM, Fault, FaultyFile, as_control, damage_delivery
from tasks.core.feed.synthetic import FeedStatistics, synthesize_applications
from tasks.core.files import decode, encode
from tasks.errors import ConfigError

DAY = date(2026, 11, 2)
ROWS = 20
EVERY = [pytest.param(name, each, id=f"{name}-{each}") for name in FAULTS for each in FAULTS[name].formats]


@pytest.fixture(scope="module")
def rows() -> pa.Table:
    statistics = FeedStatistics.from_json(files("configs").joinpath("feed_statistics.json").read_text("utf-8"))
    return synthesize_applications(statistics, rows=ROWS, seed=1, as_of=DAY)


def delivery(rows: pa.Table, file_format: str) -> FaultyFile:
    contents = {f"{STEM}{n}.{file_format}": encode(rows, file_format) for n in (1, 2)}
    announced = {name: {"rows": ROWS, "sha256": sha256(data).hexdigest()} for name, data in contents.items()}
    return FaultyFile(contents, as_control({"day": DAY.isoformat(), "files": announced}))


@pytest.fixture
def damaged(rows: pa.Table) -> Callable[..., FaultyFile]:
    return lambda *names, file_format="csv": damage_delivery(delivery(rows, file_format), names, file_format)


def told(delivered: FaultyFile) -> Any:
    assert delivered.control is not None
    return json.loads(delivered.control)


def last(delivered: FaultyFile) -> bytes:
    return list(delivered.files.values())[-1]


def last_entry(delivered: FaultyFile) -> Any:
    return list(told(delivered)["files"].values())[-1]


@pytest.mark.parametrize(("name", "file_format"), EVERY)
def test_a_fault_damages_one_thing_the_same_every_time(rows: pa.Table, name: str, file_format: str) -> None:
    sound = delivery(rows, file_format)
    before = dict(sound.files)
    first = damage_delivery(sound, [name], file_format)
    assert first != sound
    assert damage_delivery(sound, [name], file_format) == first
    assert sound.files == before
    assert all(each.startswith(STEM) for each in first.files)
    untouched = [each for each, data in first.files.items() if before.get(each) == data]
    assert name == "no_files" or f"{STEM}1.{file_format}" in untouched


@pytest.mark.parametrize(("name", "file_format"), EVERY)
def test_the_control_file_is_what_the_fault_says(rows: pa.Table, name: str, file_format: str) -> None:
    after = damage_delivery(delivery(rows, file_format), [name], file_format)
    assert (after.control is None) == (FAULTS[name].control == "removed")
    if FAULTS[name].control == "made to match":
        announced = {each: entry["sha256"] for each, entry in told(after)["files"].items()}
        assert announced == {each: sha256(data).hexdigest() for each, data in after.files.items()}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_that_needs_other_files_names_them(rows: pa.Table, name: str) -> None:
    for file_format in {"csv", "csv.gz", "parquet"} - set(FAULTS[name].formats):
        with pytest.raises(ConfigError, match=f"'{name}' needs files of format .*, not {file_format}"):
            damage_delivery(delivery(rows, file_format), [name], file_format)


def test_an_unknown_fault_names_the_near_one(rows: pa.Table) -> None:
    with pytest.raises(ConfigError, match=r"no fault 'truncate'; there are wrong_rows, .*\. Did you mean 'truncated'"):
        damage_delivery(delivery(rows, "csv"), ["truncate"], "csv")


@pytest.mark.parametrize(
    ("names", "after"),
    [
        (["no_files", "truncated"], " after no_files"), (["missing_column", "letters"], " after missing_column"),
        (["header_only", "wrong_rows"], " after header_only"), (["utf16", "missing_column"], " after utf16"),
        (["wrong_digest", "wrong_digest"], " after wrong_digest"), (["empty_file", "open_quote"], " after empty_file"),
    ],
)  # fmt: skip
def test_a_fault_that_finds_nothing_to_damage_is_told(
    damaged: Callable[..., FaultyFile], names: list[str], after: str
) -> None:
    with pytest.raises(ConfigError, match=f"'{names[-1]}' finds nothing to damage in this delivery{after}"):
        damaged(*names)


def test_faults_add_up(damaged: Callable[..., FaultyFile]) -> None:
    after = damaged("duplicate_ids", "extra_column", "wrong_rows")
    assert last_entry(after)["rows"] == ROWS + 6
    table = decode(last(after), "csv")
    assert (table.num_rows, table.column_names[-1]) == (ROWS + 5, "BRANCH")


def test_what_the_control_file_announces_wrongly(damaged: Callable[..., FaultyFile]) -> None:
    assert last_entry(damaged("wrong_rows"))["rows"] == ROWS + 1
    assert last_entry(damaged("wrong_digest"))["sha256"] != sha256(last(damaged("wrong_digest"))).hexdigest()
    assert told(damaged("other_day"))["day"] == "2026-11-01"


def test_the_first_day_of_the_calendar_has_another_day_too(rows: pa.Table) -> None:
    sound = FaultyFile(delivery(rows, "csv").files, as_control({"day": "0001-01-01", "files": {}}))
    assert told(damage_delivery(sound, ["other_day"], "csv"))["day"] == "0001-01-02"


def test_which_files_come(damaged: Callable[..., FaultyFile]) -> None:
    assert list(damaged("no_files").files) == []
    assert list(damaged("not_announced").files)[-1] == "applications_unannounced.csv"
    assert list(damaged("bad_name").files) == list(told(damaged("bad_name"))["files"])
    assert list(damaged("bad_name").files)[-1] == "applications_2.csv "
    assert list(damaged("subfolder").files)[-1] == "applications_more/applications_2.csv"


def test_a_truncated_file_ends_within_its_last_line(damaged: Callable[..., FaultyFile], rows: pa.Table) -> None:
    whole, cut = encode(rows, "csv"), last(damaged("truncated"))
    assert whole.startswith(cut)
    assert cut.count(b"\n") == whole.count(b"\n") - 1
    assert 20 < cut.rpartition(b"\n")[2].count(b",") < 120


def test_a_truncated_gzip_does_not_unpack(damaged: Callable[..., FaultyFile]) -> None:
    with pytest.raises(EOFError):
        gzip.decompress(last(damaged("truncated_gzip", file_format="csv.gz")))


def test_unreadable_parquet_is_none(damaged: Callable[..., FaultyFile]) -> None:
    with pytest.raises(pa.ArrowInvalid):
        pq.read_table(io.BytesIO(last(damaged("unreadable_parquet", file_format="parquet"))))


def test_a_zip_bomb_is_small_until_it_is_unpacked(
    damaged: Callable[..., FaultyFile], rows: pa.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faults_module, "BOMB_BYTES", 20 << 20)
    bomb = last(damaged("zip_bomb", file_format="csv.gz"))
    header, first, *others = gzip.decompress(bomb).splitlines()
    assert header == encode(rows, "csv").splitlines()[0]
    assert set(others) == {first}
    assert first.startswith(encode(rows, "csv").splitlines()[1])
    assert set(first[-1_000_000:]) == {ord("0")}
    assert 18 << 20 < len(gzip.decompress(bomb)) <= 21 << 20


def test_a_bomb_of_a_gigabyte_is_laid_in_little_more_than_a_megabyte(damaged: Callable[..., FaultyFile]) -> None:
    assert len(last(damaged("zip_bomb", file_format="csv.gz"))) < 1_500_000


@pytest.mark.parametrize("file_format", ["csv", "csv.gz", "parquet"])
def test_what_is_exported_wrongly_in_any_format(
    damaged: Callable[..., FaultyFile], rows: pa.Table, file_format: str
) -> None:
    def table(name: str) -> pa.Table:
        return decode(last(damaged(name, file_format=file_format)), file_format)

    names = rows.column_names
    assert (table("header_only").num_rows, table("header_only").column_names) == (0, names)
    assert table("missing_column").column_names == [name for name in names if name != "AMT_CREDIT"]
    assert table("extra_column").column_names == [*names, "BRANCH"]
    assert table("duplicate_column").column_names == [*names, "AMT_CREDIT"]
    assert table("letters").column_names == names
    assert set(table("letters").column("AMT_CREDIT").to_pylist()) == {"plenty"}
    assert last(damaged("empty_file", file_format=file_format)) == b""


@pytest.mark.parametrize("file_format", ["csv", "csv.gz", "parquet"])
def test_copies_are_exact_and_contradictions_share_the_id(damaged: Callable[..., FaultyFile], file_format: str) -> None:
    def tail(name: str) -> tuple[Any, Any]:
        after = damaged(name, file_format=file_format)
        assert last_entry(after)["rows"] == ROWS + 5
        frame = decode(last(after), file_format).to_pandas()
        return frame.iloc[:5], frame.iloc[ROWS:].reset_index(drop=True)

    first, copies = tail("duplicate_ids")
    assert first.equals(copies)
    first, contradictions = tail("conflicting_ids")
    differing = [name for name in first.columns if not first[name].equals(contradictions[name])]
    assert differing == ["HOUR_APPR_PROCESS_START"]
    assert (first[differing[0]] != contradictions[differing[0]]).all()


def test_parquet_types_are_dates(damaged: Callable[..., FaultyFile]) -> None:
    table = decode(last(damaged("parquet_types", file_format="parquet")), "parquet")
    assert table.schema.field("AMT_CREDIT").type == pa.date32()


@pytest.mark.parametrize("file_format", ["csv", "csv.gz"])
def test_what_is_wrong_with_the_text(damaged: Callable[..., FaultyFile], rows: pa.Table, file_format: str) -> None:
    def text(name: str) -> bytes:
        data = last(damaged(name, file_format=file_format))
        return gzip.decompress(data) if file_format == "csv.gz" else data

    sound = encode(rows, "csv")
    assert text("no_header") == sound.partition(b"\n")[2]
    assert text("utf16").decode("utf-16") == sound.decode()
    assert text("byte_order_mark").decode("utf-8-sig") == sound.decode()
    assert text("latin1").decode("latin-1").count(" crédits") == ROWS
    lines = text("open_quote").splitlines()
    (opened,) = [n for n, line in enumerate(lines) if line.startswith(b'"')]
    assert 5 < opened < 15


def test_one_row_is_enough_for_every_fault(rows: pa.Table) -> None:
    for name, fault in FAULTS.items():
        for file_format in fault.formats:
            one = delivery(rows.slice(0, 1), file_format)
            assert damage_delivery(one, [name], file_format) != one


def test_every_fault_says_in_a_phrase_what_it_does_and_stands_in_the_document() -> None:
    def line(name: str, fault: Fault) -> str:
        return f"| `{name}` | {fault.phrase} | {', '.join(fault.formats)} |"

    assert len({fault.phrase for fault in FAULTS.values()}) == len(FAULTS)
    document = (PROJECT / "docs/feed.md").read_text("utf-8")
    assert [name for name, fault in FAULTS.items() if line(name, fault) not in document] == []

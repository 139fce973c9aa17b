"""What scoring a day says to every fault that `scoring generate` can lay, and that nothing is published."""

import re
from dataclasses import dataclass

import pytest

from configs.settings import PROJECT
from flows.score_applications import score_applications
from tasks.core.day.records import FileTotals
from tasks.core.feed.faults import FAULTS
from tasks.errors import ExpectationsNotMet, ScoringError, SourceError
from tests.conftest import DAY, Project

ROWS = 60


@dataclass(frozen=True)
class Answer:
    """What becomes of a day with a fault in it."""

    error: type[ScoringError] | None
    """None: the day is published."""
    says: str = ""
    """Regular expression for the error's message."""
    decided: int = ROWS
    quarantined: int = 0
    duplicates_dropped: int = 0

    @property
    def exit_code(self) -> int:
        return self.error.exit_code if self.error else 0


ANSWERS = {
    "wrong_rows": Answer(SourceError, "holds 60 rows, _control.json announces 61"),
    "wrong_digest": Answer(SourceError, "_control.json announces 000000000000…: the file was cut off or changed"),
    "other_day": Answer(SourceError, "_control.json announces 2026-11-01, but lies under 2026-11-02"),
    "not_announced": Answer(SourceError, r"missing none, not announced \['applications_unannounced\."),
    "no_files": Answer(SourceError, "No application files have arrived for 2026-11-02"),
    "bad_name": Answer(SourceError, "' cannot be the name of an application file"),
    "subfolder": Answer(SourceError, "1 file in folders within .*: applications_more/applications_1"),
    "truncated": Answer(SourceError, "it is cut off: its last line, 61, ends in field"),
    "truncated_gzip": Answer(SourceError, "its gzip compression is broken or cut off"),
    "unreadable_parquet": Answer(SourceError, "it is not a parquet file, or it is cut off"),
    "empty_file": Answer(SourceError, "is empty; a header line with the declared columns is required"),
    "zip_bomb": Answer(SourceError, "unpacks to more than 200 times its size"),
    "header_only": Answer(ExpectationsNotMet, "The files of 2026-11-02 hold no rows"),
    "no_header": Answer(SourceError, "has no header line"),
    "utf16": Answer(SourceError, "is UTF-16 text"),
    "latin1": Answer(SourceError, "it is not UTF-8 text, but perhaps Latin-1"),
    "byte_order_mark": Answer(None),
    "open_quote": Answer(SourceError, r"a quote is opened and not closed in line|line \d+ has \d+ fields"),
    "missing_column": Answer(ExpectationsNotMet, "1 of 121 required columns are missing from .*: AMT_CREDIT"),
    "extra_column": Answer(None),
    "duplicate_column": Answer(SourceError, "has AMT_CREDIT more than once"),
    "letters": Answer(ExpectationsNotMet, "60 of 60 rows would be set aside .* Most broken: AMT_CREDIT"),
    "parquet_types": Answer(SourceError, "has AMT_CREDIT as date32"),
    "duplicate_ids": Answer(None, duplicates_dropped=5),
    "conflicting_ids": Answer(None, decided=ROWS - 5, quarantined=10),
}
EVERY = [pytest.param(name, each, id=f"{name}-{each}") for name in ANSWERS for each in FAULTS[name].formats]


def is_published(project: Project) -> bool:
    """Whether there is anything that a reader could take for published."""
    return any((project.root / folder).exists() for folder in ("decisions", "revisions"))


def published_totals(project: Project) -> FileTotals:
    result = score_applications.fn(as_of=DAY, config=project.config)
    assert result.outcome == "published"
    assert result.manifest
    return result.manifest.totals


def test_there_is_an_answer_to_every_fault() -> None:
    assert list(ANSWERS) == list(FAULTS)


@pytest.mark.parametrize(("name", "file_format"), EVERY)
def test_a_fault_is_refused_or_harmless(project: Project, name: str, file_format: str) -> None:
    project.deliver(rows=ROWS, file_format=file_format, faults=[name])
    answer = ANSWERS[name]
    if answer.error:
        with pytest.raises(answer.error, match=answer.says) as raised:
            score_applications.fn(as_of=DAY, config=project.config)
        assert type(raised.value) is answer.error
        assert not is_published(project)
        return
    totals = published_totals(project)
    assert (totals.decided, totals.quarantined, totals.duplicates_dropped) == (
        answer.decided, answer.quarantined, answer.duplicates_dropped,
    )  # fmt: skip


def test_one_damaged_file_of_several_stops_the_day(project: Project) -> None:
    project.deliver(rows=ROWS, files=2, faults=["truncated"])
    with pytest.raises(SourceError, match=r"applications_2\.csv"):
        score_applications.fn(as_of=DAY, config=project.config)
    assert not is_published(project)


def test_a_day_is_published_once_its_damaged_delivery_was_replaced(project: Project) -> None:
    project.deliver(rows=ROWS, faults=["subfolder"])
    with pytest.raises(SourceError):
        score_applications.fn(as_of=DAY, config=project.config)
    project.deliver(rows=ROWS, overwrite=True)
    assert score_applications.fn(as_of=DAY, config=project.config).outcome == "published"


@pytest.mark.parametrize(
    "drift", ["income:+0.3,missing:EXT_SOURCE_1:0.2,shuffle:EXT_SOURCE_3", "shift:EXT_SOURCE_2:-0"]
)
def test_a_drifting_day_within_the_contract_is_published_whole(project: Project, drift: str) -> None:
    project.deliver(rows=ROWS, drift=drift)
    assert published_totals(project).decided == ROWS


def test_a_unit_error_in_every_row_breaks_the_contract(project: Project) -> None:
    project.deliver(rows=ROWS, drift="unit:DAYS_BIRTH:24")
    with pytest.raises(ExpectationsNotMet, match="Most broken: DAYS_BIRTH"):
        score_applications.fn(as_of=DAY, config=project.config)
    assert not is_published(project)


def test_the_document_tells_the_exit_code_of_every_fault() -> None:
    rows = re.findall(r"^\| `(\w+)` \|.*\| (\d)\D.*\|$", (PROJECT / "docs/feed.md").read_text("utf-8"), re.MULTILINE)
    assert {name: int(code) for name, code in rows} == {name: each.exit_code for name, each in ANSWERS.items()}

"""The page of a judged day tells its verdict, and fails after the verdict was told."""

import html
from pathlib import Path

import pytest

from tasks.errors import ModelError
from tasks.publication.layout import reference_key
from tests.conftest import Project
from tests.days import Day, elsewhere
from tests.monitoring.test_report import KEYS, LOST, judged, score_rows, verdict_of, with_reference


@pytest.fixture(scope="module")
def day(trained: Project, tmp_path_factory: pytest.TempPathFactory) -> Day:
    """A judged day that lost two columns."""
    lost = score_rows(with_reference(trained, tmp_path_factory.mktemp("drawn") / "store"), 600, lost=LOST)
    judged(lost)
    return lost


def test_the_page_and_the_snapshot_tell_the_verdict(day: Day) -> None:
    page, snapshot = (day.store.read(key).data for key in KEYS[2:])
    assert b"Alert: somebody must act" in page
    assert len(page) < 5_000_000
    assert all(f'"{column}"' in snapshot.decode() for column in ("EXT_SOURCE_2", "pd"))
    shown = html.unescape(page.decode())
    assert [each["sentence"] for each in verdict_of(day)["findings"] if each["sentence"] not in shown] == []


def test_without_the_sample_of_the_model_the_verdict_is_written_and_the_page_is_missed(
    trained: Project, tmp_path: Path
) -> None:
    alone = score_rows(elsewhere(trained, tmp_path / "store"), 100)
    with pytest.raises(ModelError, match="is missing, or belongs to another model: the reference sample of credit-de"):
        judged(alone)
    assert verdict_of(alone)["rows"] == 100
    assert alone.store.read(KEYS[1]).data
    assert not list(alone.store.list(KEYS[2]))
    sample = reference_key("credit-default", "1")
    alone.store.create(sample, (trained.root / sample).read_bytes())
    assert judged(alone).keys == KEYS

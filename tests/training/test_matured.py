"""Outcomes that the newest model did not learn from are counted, and gathered with their rows."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from configs.settings import Settings, load_settings
from tasks.core.applications import APPLICATION_ID
from tasks.core.files import encode
from tasks.core.lender.columns import ID, TARGET
from tasks.model.load import registry_of
from tasks.publication.references import keep_reference
from tasks.store import open_store
from tasks.training.matured import Matured, count_matured, gather_matured
from tests.conftest import DAY, Project
from tests.monitored_store import delivered_rows, publish_files
from tests.outcome_days import deliver

DELIVERED = delivered_rows(40)
IDS = [int(each) for each in DELIVERED.column(ID).to_pylist()]
DEFAULTED = {one: place % 3 == 0 for place, one in enumerate(IDS)}


@pytest.fixture
def settings(project: Project, tmp_path: Path) -> Settings:
    """A store with a day of 40 applications, all of whose outcomes are known a year later."""
    settings = load_settings(project.with_settings(training={"least_new_outcomes": 1, "least_new_defaulted": 1}).config)
    publish_files(open_store(settings.storage), {"a.csv": DELIVERED}, as_of=DAY)
    deliver(settings, tmp_path, *((one, int(bad), "2027-12-01") for one, bad in DEFAULTED.items()))
    return settings


def counted(settings: Settings, **limits: int) -> Matured:
    training = settings.training.model_copy(update=limits)
    return count_matured(date(2028, 1, 1), settings.model_copy(update={"training": training}))


def test_outcomes_that_the_model_learned_from_are_not_new(settings: Settings) -> None:
    before = counted(settings)
    assert before.new == before.known.fates["counted"] > 3
    learned = np.array(IDS[:3] * 2 + IDS[:1])
    table = pa.table({APPLICATION_ID: learned})
    keep_reference(open_store(settings.storage), registry_of(settings).champion(), table, table)
    counting = {each for day in before.known.days for each in day.ids.tolist()}
    after = counted(settings)
    assert before.new - after.new == len(counting & set(IDS[:3]))
    assert before.new_defaulted - after.new_defaulted == sum(DEFAULTED[one] for one in counting & set(IDS[:3]))


def test_both_limits_must_be_reached(settings: Settings) -> None:
    new, bad = counted(settings).new, counted(settings).new_defaulted
    assert counted(settings, least_new_outcomes=new, least_new_defaulted=bad).why_not == ""
    assert f"{new} are known" in counted(settings, least_new_outcomes=new + 1).why_not
    assert f"in default that it needs, {bad} are known" in counted(settings, least_new_defaulted=bad + 1).why_not


def test_published_rows_and_known_outcomes_count_before_those_of_the_files(settings: Settings, tmp_path: Path) -> None:
    matured = counted(settings)
    alone = gather_matured(matured, settings).history
    ids = alone.rows.column(ID).to_pylist()
    assert ids == sorted(ids)
    assert dict(zip(ids, alone.defaulted.tolist(), strict=True)) == {one: DEFAULTED[one] for one in ids}
    other = pa.concat_tables([DELIVERED.slice(0, 40), delivered_rows(10, seed=12, as_of=date(2026, 10, 1))])
    wrong = ["0" if DEFAULTED.get(int(one)) else "1" for one in other.column(ID).to_pylist()]
    earlier = tmp_path / "earlier.csv"
    earlier.write_bytes(encode(other.append_column(TARGET, pa.array(wrong)), "csv"))
    training = settings.training.model_copy(update={"history": (str(earlier),)})
    both = gather_matured(matured, settings.model_copy(update={"training": training})).history
    told = dict(zip(both.rows.column(ID).to_pylist(), both.defaulted.tolist(), strict=True))
    assert {one: told[one] for one in ids} == {one: DEFAULTED[one] for one in ids}
    assert len(told) == 50
    assert len(both.files) == 2


@pytest.mark.parametrize(
    "spoil", [lambda path: path.unlink(), lambda path: path.write_bytes(path.read_bytes() + b"\n")]
)
def test_outcomes_whose_delivered_rows_are_gone_or_changed_are_not_learned_from(
    settings: Settings, project: Project, spoil: Callable[[Path], object]
) -> None:
    matured = counted(settings)
    assert (matured.why_not, gather_matured(matured, settings).why_not) == ("", "")
    spoil(project.landing / "a.csv")
    gathered = gather_matured(matured, settings)
    assert len(gathered.history.defaulted) == 0
    assert gathered.why_not.startswith("No challenger is trained: of 1 new outcomes that it needs, 0 are known.")
    assert "gone or changed" in gathered.why_not

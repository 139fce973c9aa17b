"""A published day stays as it is, unless somebody says why it shall not."""

from dataclasses import replace
from typing import Any

import pytest

from tasks.core.day.manifest import pins_of
from tasks.core.day.records import PUBLISH, Delivery, FileRef, Order
from tasks.errors import ConfigError, InputsChanged, PublishError, SourceError
from tasks.scoring.revise import draft_after, is_same, read_order, settled
from tests.conftest import DAY
from tests.manifests import made_audit, made_manifest

WHY = "the feed sent amounts in the wrong currency"
FORCE, CORRECTIONS = Order("force", WHY), Order("corrections", WHY)
PUBLISHED = made_manifest(made_audit(recent_days={"2026-11-01": 9}), inputs={"a.csv": "1", "b.csv": "2"})
CORRECTED = replace(PUBLISHED, inputs={**PUBLISHED.inputs, "corrections/1.csv": "3"})


def delivery(expired: tuple[str, ...] = (), **digests: str) -> Delivery:
    """Files by their name up to the ending; `corrections_` stands for the folder."""
    names = {name.replace("corrections_", "corrections/") + ".csv": sha256 for name, sha256 in digests.items()}
    files = tuple(FileRef(name, name, "csv", 1, sha256) for name, sha256 in names.items())
    return Delivery(DAY, files, expired=expired)


# --- what is asked


@pytest.mark.parametrize(
    ("asked", "order"),
    [
        ({}, PUBLISH),
        ({"reason": "  "}, PUBLISH),
        ({"force": True, "reason": f" {WHY}\n"}, FORCE),
        ({"corrections": True, "reason": WHY}, CORRECTIONS),
    ],
)
def test_an_order_is_one_thing_with_its_reason(asked: dict[str, Any], order: Order) -> None:
    assert read_order(**{"force": False, "corrections": False, "reason": None} | asked) == order


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"force": True}, "force needs a reason"),
        ({"corrections": True, "reason": "  "}, "corrections needs a reason"),
        ({"force": True, "corrections": True, "reason": WHY}, "exclude each other"),
        ({"reason": WHY}, "A reason belongs to force or corrections"),
    ],
)
def test_an_order_without_its_reason_or_with_two_aims_is_refused(asked: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_order(**{"force": False, "corrections": False, "reason": None} | asked)


# --- what is left to do


def test_a_day_that_is_not_published_is_to_be_decided() -> None:
    for order in (PUBLISH, FORCE):
        assert settled(order, delivery(a="1"), None) is None
    with pytest.raises(SourceError, match=f"{DAY} is not published, so there is nothing to correct; score it first"):
        settled(CORRECTIONS, delivery(a="1"), None)


def test_a_day_published_from_these_very_files_stays_as_it_is() -> None:
    assert settled(PUBLISH, delivery(a="1", b="2"), PUBLISHED) == PUBLISHED
    assert settled(PUBLISH, delivery(a="1", b="2", corrections_1="3"), CORRECTED) == CORRECTED


def test_a_day_from_other_files_says_which_and_how_to_decide_it_again() -> None:
    message = (
        rf"{DAY} was published as revision 1 from other files \(changed: a.csv; new: c.csv, d.csv; gone: b.csv\)."
        rf" .* scoring score --as-of {DAY} --force --reason"
    )
    with pytest.raises(InputsChanged, match=message):
        settled(PUBLISH, delivery(a="9", d="4", c="3"), PUBLISHED)


def test_files_that_were_removed_by_rule_are_no_change() -> None:
    assert settled(PUBLISH, delivery(("a.csv",), b="2"), PUBLISHED) == PUBLISHED
    with pytest.raises(InputsChanged, match=r"\(gone: a.csv\)"):
        settled(PUBLISH, delivery(b="2"), PUBLISHED)


def test_force_decides_the_day_whatever_lies_there() -> None:
    assert settled(FORCE, delivery(a="1", b="2"), PUBLISHED) is None
    assert settled(FORCE, delivery(a="9"), PUBLISHED) is None


def test_corrections_are_decided_once() -> None:
    with_correction = delivery(a="1", b="2", corrections_1="3")
    assert settled(CORRECTIONS, with_correction, PUBLISHED) is None
    assert settled(CORRECTIONS, with_correction, CORRECTED) == CORRECTED
    assert settled(CORRECTIONS, delivery(a="1", b="2", corrections_1="3", corrections_2="4"), CORRECTED) is None


@pytest.mark.parametrize(
    ("came", "told"),
    [
        (delivery(a="9", b="2", corrections_1="3"), r"\(changed: a.csv\)"),
        (delivery(a="1", b="2", c="9", corrections_1="3"), r"\(new: c.csv\)"),
        (delivery(a="1", b="2", corrections_2="4"), r"\(new: corrections/2.csv; gone: corrections/1.csv\)"),
        (delivery(a="1", b="2", corrections_1="9"), r"\(changed: corrections/1.csv\)"),
    ],
)
def test_corrections_are_refused_where_the_rest_is_not_as_it_was(came: Delivery, told: str) -> None:
    with pytest.raises(InputsChanged, match=told):
        settled(CORRECTIONS, came, CORRECTED)


def test_where_no_corrections_lie_their_place_is_told() -> None:
    with pytest.raises(SourceError, match=f"There are no corrections: landing/day={DAY}/corrections/ holds no files"):
        settled(CORRECTIONS, delivery(a="1", b="2"), PUBLISHED)


# --- the next revision


def test_the_same_revision_is_not_made_twice(caplog: pytest.LogCaptureFixture) -> None:
    pins = pins_of(PUBLISHED)
    assert not is_same(replace(pins, fingerprint="another"), PUBLISHED)
    assert caplog.messages == []
    assert is_same(pins, PUBLISHED)
    (told,) = caplog.messages
    assert told.startswith("No new revision: files, model, policy, contract and codes of reasons are those of revision")


def test_to_go_back_to_an_older_revision_is_a_revision_too() -> None:
    second = replace(PUBLISHED, revision=2, fingerprint="of the second")
    assert not is_same(pins_of(PUBLISHED), second)


def test_a_revision_follows_the_one_that_was_published_when_the_run_began() -> None:
    first = draft_after(None, PUBLISH, base=0)
    assert (first.revision, first.base, first.reason, first.recent_days) == (1, None, None, None)
    second = draft_after(PUBLISHED, FORCE, base=1)
    assert (second.revision, second.base, second.reason) == (2, PUBLISHED.audited.decisions, WHY)
    assert second.recent_days == {"2026-11-01": 9}


@pytest.mark.parametrize(("base", "told"), [(0, "none"), (2, "revision 2")])
def test_a_run_that_was_overtaken_publishes_nothing(base: int, told: str) -> None:
    third = replace(PUBLISHED, revision=3)
    with pytest.raises(PublishError, match=f"Revision 3 of {DAY} was published since this run began on top of {told}"):
        draft_after(third, FORCE, base=base)
    assert draft_after(third, FORCE, base=3).revision == 4

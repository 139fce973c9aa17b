"""A published day stays as it is, unless somebody says why it shall not."""

from dataclasses import replace
from typing import Any

import pytest

from configs.settings import Settings
from tasks.core.day.manifest import pins_of
from tasks.core.day.records import PUBLISH, Delivery, Draft, FileRef, Order
from tasks.core.day.standing import Standing
from tasks.errors import ConfigError, InputsChanged, PublishError, SourceError
from tasks.scoring.revise import draft, equal_revision, read_order, require_current, unchanged_revision
from tests.conftest import DAY
from tests.manifests import made_audit, made_manifest

WHY = "the feed sent amounts in the wrong currency"
FORCE, CORRECTIONS = Order("force", WHY), Order("corrections", WHY)
AS_WAS = Order("as-was", WHY)
PUBLISHED = made_manifest(made_audit(recent_days={"2026-11-01": 9}), inputs={"a.csv": "1", "b.csv": "2"})
CORRECTED = replace(PUBLISHED, inputs={**PUBLISHED.inputs, "corrections/1.csv": "3"})


def delivery(**digests: str) -> Delivery:
    """Files by their name up to the ending; `corrections_` stands for the folder."""
    names = {name.replace("corrections_", "corrections/") + ".csv": sha256 for name, sha256 in digests.items()}
    files = tuple(FileRef(name, name, "csv", 1, sha256) for name, sha256 in names.items())
    return Delivery(DAY, files)


# --- what is asked


@pytest.mark.parametrize(
    ("asked", "order"),
    [
        ({}, PUBLISH),
        ({"reason": "  "}, PUBLISH),
        ({"force": True, "reason": f" {WHY}\n"}, FORCE),
        ({"corrections": True, "reason": WHY}, CORRECTIONS),
        ({"as_was": True, "reason": WHY}, AS_WAS),
    ],
)
def test_an_order_is_one_thing_with_its_reason(asked: dict[str, Any], order: Order) -> None:
    assert read_order(**{"force": False, "corrections": False, "reason": None} | asked) == order


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"force": True}, "force needs a reason"),
        ({"corrections": True, "reason": "  "}, "corrections needs a reason"),
        ({"as_was": True}, "as-was needs a reason"),
        ({"force": True, "corrections": True, "reason": WHY}, "exclude each other"),
        ({"force": True, "as_was": True, "reason": WHY}, "exclude each other"),
        ({"reason": WHY}, "A reason belongs to force, as-was or corrections"),
    ],
)
def test_an_order_without_its_reason_or_with_two_aims_is_refused(asked: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_order(**{"force": False, "corrections": False, "reason": None} | asked)


# --- what is left to do


def test_a_day_that_is_not_published_is_to_be_decided() -> None:
    for order in (PUBLISH, FORCE):
        assert unchanged_revision(Standing(DAY, order, None), delivery(a="1")) is None
    with pytest.raises(SourceError, match=f"{DAY} is not published, so there is nothing to correct; score it first"):
        unchanged_revision(Standing(DAY, CORRECTIONS, None), delivery(a="1"))


def test_a_day_is_decided_as_it_was_only_if_it_was_published() -> None:
    assert unchanged_revision(Standing(DAY, AS_WAS, PUBLISHED), delivery(a="9")) is None
    with pytest.raises(SourceError, match=f"{DAY} is not published, so there is no model that it was decided by"):
        unchanged_revision(Standing(DAY, AS_WAS, None), delivery(a="1"))


def test_a_day_published_from_these_very_files_stays_as_it_is() -> None:
    assert unchanged_revision(Standing(DAY, PUBLISH, PUBLISHED), delivery(a="1", b="2")) == PUBLISHED
    assert unchanged_revision(Standing(DAY, PUBLISH, CORRECTED), delivery(a="1", b="2", corrections_1="3")) == CORRECTED


def test_a_day_from_other_files_says_which_and_how_to_decide_it_again() -> None:
    message = (
        rf"{DAY} was published as revision 1 from other files \(changed: a.csv; new: c.csv, d.csv; gone: b.csv\)."
        rf" .* scoring score --as-of {DAY} --force --reason"
    )
    with pytest.raises(InputsChanged, match=message):
        unchanged_revision(Standing(DAY, PUBLISH, PUBLISHED), delivery(a="9", d="4", c="3"))


def test_files_that_were_removed_by_rule_are_no_change() -> None:
    assert unchanged_revision(Standing(DAY, PUBLISH, PUBLISHED, expired=("a.csv",)), delivery(b="2")) == PUBLISHED
    with pytest.raises(InputsChanged, match=r"\(gone: a.csv\)"):
        unchanged_revision(Standing(DAY, PUBLISH, PUBLISHED), delivery(b="2"))


def test_force_decides_the_day_whatever_lies_there() -> None:
    assert unchanged_revision(Standing(DAY, FORCE, PUBLISHED), delivery(a="1", b="2")) is None
    assert unchanged_revision(Standing(DAY, FORCE, PUBLISHED), delivery(a="9")) is None


def test_corrections_are_decided_once() -> None:
    with_correction = delivery(a="1", b="2", corrections_1="3")
    assert unchanged_revision(Standing(DAY, CORRECTIONS, PUBLISHED), with_correction) is None
    assert unchanged_revision(Standing(DAY, CORRECTIONS, CORRECTED), with_correction) == CORRECTED
    assert (
        unchanged_revision(
            Standing(DAY, CORRECTIONS, CORRECTED), delivery(a="1", b="2", corrections_1="3", corrections_2="4")
        )
        is None
    )


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
        unchanged_revision(Standing(DAY, CORRECTIONS, CORRECTED), came)


def test_where_no_corrections_lie_their_place_is_told() -> None:
    with pytest.raises(SourceError, match=f"There are no corrections: landing/day={DAY}/corrections/ holds no files"):
        unchanged_revision(Standing(DAY, CORRECTIONS, PUBLISHED), delivery(a="1", b="2"))


# --- the next revision


def test_the_same_revision_is_not_made_twice(caplog: pytest.LogCaptureFixture) -> None:
    pins = pins_of(PUBLISHED)
    standing = Standing(DAY, FORCE, PUBLISHED)
    assert equal_revision(standing, replace(pins, fingerprint="another")) is None
    assert caplog.messages == []
    assert equal_revision(standing, pins) == PUBLISHED
    (message,) = caplog.messages
    assert message.startswith(
        "No new revision: files, model, policy, contract and codes of reasons are those of revision"
    )


def test_to_go_back_to_an_older_revision_is_a_revision_too() -> None:
    second = replace(PUBLISHED, revision=2, fingerprint="of the second")
    assert equal_revision(Standing(DAY, FORCE, second), pins_of(PUBLISHED)) is None
    assert equal_revision(Standing(DAY), pins_of(PUBLISHED)) is None


def test_a_revision_follows_the_one_that_was_published_when_the_run_began() -> None:
    first = draft(Standing(DAY), delivery(), Settings())
    assert (first.revision, first.base, first.reason, first.recent_days) == (1, None, None, None)
    second = draft(Standing(DAY, FORCE, PUBLISHED), delivery(), Settings())
    assert (second.revision, second.base, second.reason) == (2, PUBLISHED.audited.decisions, WHY)
    assert second.recent_days == {"2026-11-01": 9}


@pytest.mark.parametrize(("drafted", "began_with"), [(1, "none"), (3, "revision 2")])
def test_a_run_that_was_overtaken_publishes_nothing(drafted: int, began_with: str) -> None:
    standing = Standing(DAY, FORCE, replace(PUBLISHED, revision=3))
    message = f"Revision 3 of {DAY} was published since this run began on top of {began_with}"
    with pytest.raises(PublishError, match=message):
        require_current(Draft(drafted, WHY, None), standing)
    require_current(Draft(4, WHY, None), standing)
    require_current(Draft(1, None, None), Standing(DAY))


# --- a withdrawn day

TAKEN_BACK = Standing(
    DAY,
    published=made_manifest(revision=2, inputs={}, is_withdrawn=True),
    taken_back=({"a.csv": "1", "b.csv": "2", "corrections/1.csv": "3"},),
)


@pytest.mark.parametrize(
    "files",
    [delivery(a="1", b="2"), delivery(b="1", a="2"), delivery(a="1", b="2", corrections_9="4")],
    ids=["the same", "under other names", "with other corrections"],
)
def test_files_that_were_withdrawn_are_refused(files: Delivery) -> None:
    with pytest.raises(SourceError, match="the very files that were withdrawn"):
        unchanged_revision(TAKEN_BACK, files)
    assert unchanged_revision(replace(TAKEN_BACK, order=FORCE), files) is None


@pytest.mark.parametrize(
    "files", [delivery(a="1"), delivery(a="1", b="9"), delivery(a="1", b="2", c="3"), delivery()], ids=str
)
def test_other_files_decide_a_withdrawn_day_without_an_order(files: Delivery) -> None:
    assert unchanged_revision(TAKEN_BACK, files) is None


def test_a_withdrawn_day_has_nothing_to_correct() -> None:
    with pytest.raises(SourceError, match="is withdrawn, so there is nothing to correct"):
        unchanged_revision(replace(TAKEN_BACK, order=CORRECTIONS), delivery(a="9"))


def test_what_follows_a_withdrawal_is_compared_with_the_days_before_anew() -> None:
    made = draft(TAKEN_BACK, delivery(a="9"), Settings())
    assert (made.revision, made.recent_days, made.reason) == (3, None, "the day was withdrawn by revision 2")
    assert draft(replace(TAKEN_BACK, order=FORCE), delivery(a="9"), Settings()).reason == WHY


def test_a_withdrawn_day_needs_applications_like_one_that_was_never_published() -> None:
    assert TAKEN_BACK.decided is None
    assert [replace(TAKEN_BACK, excuse=excuse).may_be_empty for excuse in (None, "a weekend")] == [False, True]

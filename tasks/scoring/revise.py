"""What may become of a day that is published: nothing, a new revision with a reason, or a refusal that says how."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from tasks.core.day.manifest import Manifest, unexpired_inputs
from tasks.core.day.records import CORRECTIONS, Delivery, Draft, Order, Pins
from tasks.errors import ConfigError, InputsChanged, PublishError, SourceError
from tasks.publication.layout import landing_key
from tasks.running.step import run_logger


def read_order(*, force: bool, corrections: bool, reason: str | None) -> Order:
    """What is asked of a run.

    Raises:
        ConfigError: both are asked for, or one without a reason, or a reason for nothing.
    """
    if force and corrections:
        raise ConfigError(
            "force and corrections exclude each other: corrections are decided by the published revision's own model, "
            "policy and contract; force decides the whole day, corrections included, by those of today."
        )
    kind: Literal["publish", "force", "corrections"] = "force" if force else "corrections" if corrections else "publish"
    reason = (reason or "").strip() or None
    if kind != "publish" and reason is None:
        raise ConfigError(
            f'{kind} needs a reason (--reason "..."): it is kept, for those who acted on the decisions of before.'
        )
    if kind == "publish" and reason is not None:
        raise ConfigError(
            "A reason belongs to force or corrections (--force, --corrections); nothing else is given one."
        )
    return Order(kind, reason)


def settled(order: Order, delivery: Delivery, published: Manifest | None) -> Manifest | None:
    """The published revision where nothing is left to do, None where the day is to be decided.

    A published day stays as it is, whatever became of champion, policy, contract or code since.

    Raises:
        InputsChanged: the day is published from other files, and nobody said that it shall be revised.
        SourceError: corrections are asked for, of a day that is not published, or where there are none.
    """
    if order.kind == "force" or (published is None and order.kind == "publish"):
        return None
    if published is None:
        raise SourceError(f"{delivery.as_of} is not published, so there is nothing to correct; score it first.")
    kept = unexpired_inputs(published, delivery)
    if order.kind == "corrections":
        _require_corrections(delivery, published)
    elif kept != delivery.digests:
        raise InputsChanged(_what_changed(published, delivery))
    return published if kept == delivery.digests else None


def is_same(pins: Pins, published: Manifest) -> bool:
    """Whether the published revision is the one that would be made."""
    is_so = pins.fingerprint == published.fingerprint
    if is_so:
        run_logger().warning(
            "No new revision: files, model, policy, contract and codes of reasons are those of revision %d; no "
            "reason is kept",
            published.revision,
        )
    return is_so


def draft_after(published: Manifest | None, order: Order, *, base: int) -> Draft:
    """The revision after the published one.

    Raises:
        PublishError: that is not the one, `base`, which was published when this run began; it is being tried again.
    """
    newest = published.revision if published else 0
    if published and newest != base:
        raise PublishError(
            f"Revision {newest} of {published.as_of} was published since this run began on top of "
            f"{f'revision {base}' if base else 'none'}. Nothing of this run was published: it would undo what was "
            "decided since. Should the day have to be decided again all the same, start a new run."
        )
    if published is None:
        return Draft(1, order.reason, None)
    audited = published.audited
    return Draft(published.revision + 1, order.reason, audited.decisions, audited.recent_days)


def _require_corrections(delivery: Delivery, published: Manifest) -> None:
    """Stop where there are no corrections, or where more has changed than corrections that came."""
    if not any(file.is_correction for file in delivery.files):
        raise SourceError(
            f"There are no corrections: {landing_key(delivery.as_of)}{CORRECTIONS} holds no files. Deliver the "
            "corrected applications there, with all columns, in any format of a day."
        )
    differences = _differences(published.inputs, delivery.digests)
    if (
        {name for name in differences["new"] if not name.startswith(CORRECTIONS)}
        or differences["changed"]
        or (differences["gone"])
    ):
        raise InputsChanged(_what_changed(published, delivery))


def _what_changed(published: Manifest, delivery: Delivery) -> str:
    differences = _differences(unexpired_inputs(published, delivery), delivery.digests)
    told = "; ".join(f"{what}: {', '.join(names)}" for what, names in differences.items() if names)
    return (
        f"{delivery.as_of} was published as revision {published.revision} from other files ({told}). "
        "Nothing was changed. Restore the files that were scored, or deliver the new ones under their own day; or "
        f"decide the day again from what lies there now, as a new revision: scoring score --as-of {delivery.as_of} "
        '--force --reason "...".'
    )


def _differences(before: Mapping[str, str], now: Mapping[str, str]) -> dict[str, list[str]]:
    """How two sets of files differ, by name and digest."""
    return {
        "changed": sorted(name for name in before if name in now and before[name] != now[name]),
        "new": sorted(set(now) - set(before)),
        "gone": sorted(set(before) - set(now)),
    }

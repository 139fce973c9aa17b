"""Rules for a published day: it stays, gets a new revision with a reason, or stops the run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from configs.settings import Settings
from tasks.core.day.manifest import Manifest
from tasks.core.day.records import CORRECTIONS, Delivery, Draft, Order, Pins
from tasks.core.day.standing import Standing, is_taken_back
from tasks.errors import ConfigError, InputsChanged, PublishError, SourceError
from tasks.publication.layout import draft_key, landing_key
from tasks.running.checkpoints import digest_of
from tasks.running.context import flow_run_id, run_logger
from tasks.running.step import step


def read_order(*, force: bool, corrections: bool, reason: str | None, as_was: bool = False) -> Order:
    """Order to a run, from the options of the command.

    Raises:
        ConfigError: more than one of `force`, `as_was` and `corrections` is given, or one without a
            reason, or a reason without any.
    """
    if force + as_was + corrections > 1:
        raise ConfigError(
            "force, as-was and corrections exclude each other: corrections are decided by the published "
            "revision's own model, policy and contract; force decides the whole day, corrections "
            "included, by those of today; as-was the whole day by those of the published revision."
        )
    kind: Literal["publish", "force", "as-was", "corrections"] = "publish"
    if force:
        kind = "force"
    elif as_was:
        kind = "as-was"
    elif corrections:
        kind = "corrections"
    reason = (reason or "").strip() or None
    if kind != "publish" and reason is None:
        raise ConfigError(
            f'{kind} needs a reason (--reason "..."): it is kept, for those who acted on the decisions of before.'
        )
    if kind == "publish" and reason is not None:
        raise ConfigError(
            "A reason belongs to force, as-was or corrections (--force, --as-was, --corrections); nothing else is "
            "given one."
        )
    return Order(kind, reason)


def unchanged_revision(standing: Standing, delivery: Delivery) -> Manifest | None:
    """Published revision if nothing is left to do; None if the day must be decided.

    A published day stays as it is, even if champion, policy, contract or code changed since.

    Raises:
        InputsChanged: the day was published from other files, and no revision is ordered.
        SourceError: corrections are ordered, but the day is not published, or there are none; or the
            files are those of a delivery that was withdrawn; or the day shall be decided as it was,
            and is not published.
    """
    order = standing.order
    published = standing.decided
    if order.kind == "force":
        return None
    if published is None:
        _require_decidable(standing, delivery)
        return None
    if order.kind == "as-was":
        return None  # with the same files its fingerprint is that of the published revision
    is_same = standing.unexpired_inputs == delivery.digests
    if order.kind == "corrections":
        _require_corrections(published, standing, delivery)
    elif not is_same:
        raise _inputs_changed(published, standing, delivery)
    return published if is_same else None


def equal_revision(standing: Standing, pins: Pins) -> Manifest | None:
    """Published revision if this run would make the same one; None if it would make another.

    Logs a warning that no reason is kept if the revision is the same.
    """
    published = standing.published
    if published is None or pins.fingerprint != published.fingerprint:
        return None
    run_logger().warning(
        "No new revision: files, model, policy, contract and codes of reasons are those of "
        "revision %d; no reason is kept",
        published.revision,
    )
    return published


def _draft_of_this_run(standing: Standing, delivery: Delivery, _settings: Settings) -> str | None:
    """Key of the draft of this flow run; None outside a flow run.

    A run that is retried on the same files keeps its draft, and so the revision that it builds on.
    """
    run = flow_run_id()
    return None if run is None else draft_key(standing.as_of, run, digest_of(delivery.digests))


@step("draft", reuse=_draft_of_this_run)
def draft(
    standing: Standing,
    _delivery: Delivery,
    settings: Settings,  # noqa: ARG001 - the key of the step needs it
) -> Draft:
    """Draft of the revision after the published one.

    One that follows a withdrawn revision is compared with the days before anew: that the size of
    another delivery was accepted says nothing of this one.
    """
    published = standing.published
    if published is None:
        return Draft(1, standing.order.reason, None)
    audited = published.audited
    if published.is_withdrawn:
        reason = standing.order.reason or f"the day was withdrawn by revision {published.revision}"
        return Draft(published.revision + 1, reason, audited.decisions)
    return Draft(published.revision + 1, standing.order.reason, audited.decisions, audited.recent_days)


def require_current(draft: Draft, standing: Standing) -> None:
    """Stop a run that is retried after another run published: it would undo the later decisions.

    Raises:
        PublishError: the draft does not follow the newest revision.
    """
    newest = standing.published.revision if standing.published else 0
    if newest == draft.revision - 1:
        return
    began_with = f"revision {draft.revision - 1}" if draft.revision > 1 else "none"
    raise PublishError(
        f"Revision {newest} of {standing.as_of} was published since this run began on top of "
        f"{began_with}. Nothing of this run was published: it would undo what was decided since. "
        "If the day must be decided again all the same, start a new run."
    )


def _require_decidable(standing: Standing, delivery: Delivery) -> None:
    """Stop if a day without decisions may not be decided from these files without an order.

    Raises:
        SourceError: corrections are ordered, and nothing is there to correct; or the day shall be
            decided as it was, and nothing decided it; or the files are those of a delivery that was
            withdrawn.
    """
    published = standing.published
    if standing.order.keeps_pins:
        state = "is withdrawn" if published else "is not published"
        is_correction = standing.order.kind == "corrections"
        lacking = "nothing to correct" if is_correction else "no model that it was decided by"
        raise SourceError(f"{delivery.as_of} {state}, so there is {lacking}; score it first.")
    if published and is_taken_back(standing, delivery):
        raise SourceError(
            f"{delivery.as_of} was withdrawn by revision {published.revision}, and its landing holds the very "
            "files that were withdrawn. Nothing was published. Deliver the right files, then: scoring score "
            f"--as-of {delivery.as_of}. If these were right after all, decide the day from them again: "
            f'scoring score --as-of {delivery.as_of} --force --reason "...".'
        )


def _require_corrections(published: Manifest, standing: Standing, delivery: Delivery) -> None:
    """Stop if there are no corrections, or if more has changed than new corrections.

    Raises:
        SourceError: there are no corrections.
        InputsChanged: other files are new, or published files are changed or gone.
    """
    if not any(file.is_correction for file in delivery.files):
        raise SourceError(
            f"There are no corrections: {landing_key(delivery.as_of)}{CORRECTIONS} holds no files. "
            "Deliver the corrected applications there, with all columns, in any format of a day."
        )
    differences = _differences(published.inputs_by_name, delivery.digests)
    new = [name for name in differences["new"] if not name.startswith(CORRECTIONS)]
    if new or differences["changed"] or differences["gone"]:
        raise _inputs_changed(published, standing, delivery)


def _inputs_changed(published: Manifest, standing: Standing, delivery: Delivery) -> InputsChanged:
    """Error that names the files that changed since the published revision."""
    differences = _differences(standing.unexpired_inputs, delivery.digests)
    changes = "; ".join(f"{kind}: {', '.join(names)}" for kind, names in differences.items() if names)
    return InputsChanged(
        f"{delivery.as_of} was published as revision {published.revision} from other files "
        f"({changes}). Nothing was changed. Restore the files that were scored, or deliver the new "
        "ones under their own day; or decide the day again from what lies there now, as a new "
        f'revision: scoring score --as-of {delivery.as_of} --force --reason "...".'
    )


def _differences(before: Mapping[str, str], now: Mapping[str, str]) -> dict[str, list[str]]:
    """Differences of two sets of files, by name and digest."""
    return {
        "changed": sorted(name for name in before if name in now and before[name] != now[name]),
        "new": sorted(set(now) - set(before)),
        "gone": sorted(set(before) - set(now)),
    }

"""Take the published decisions of a day back."""

from __future__ import annotations

from datetime import date

from configs.settings import Settings
from tasks.core.day.facts import result_line
from tasks.core.day.records import Delivery, Order
from tasks.core.day.standing import DayResult
from tasks.operations.metrics_file import metrics_written
from tasks.reporting.beside_run import day_shown
from tasks.reporting.renew import pages_renewed
from tasks.running.context import settings_of_run
from tasks.running.endings import ends_in_a_line
from tasks.running.flows import flow
from tasks.running.labels import label_run
from tasks.running.step import business_day, run_name
from tasks.scoring.announce import announce
from tasks.scoring.publish import roll_forward
from tasks.scoring.revise import draft, require_current
from tasks.scoring.withdraw import forget_judged, order_withdrawal, require_published, withdraw


@flow(name="withdraw-decisions", flow_run_name=run_name("withdraw"))
@ends_in_a_line(result_line)
def withdraw_decisions(as_of: date, reason: str, config: str | None = None) -> DayResult:
    """Take the published decisions of a business day back, by a revision without decisions.

    It is for a day that was published from the wrong delivery. Readers then see no row of the day,
    and the event names the file with every application and the decision that it had. Deliver the
    right files afterwards and score the day as usual. A day that is withdrawn stays as it is.

    Args:
        as_of: Business day, YYYY-MM-DD.
        reason: Reason for the withdrawal, in words, without any applicant's data. It is kept.
        config: Settings file; by default configs/local.yaml.
    """
    settings = settings_of_run(config)
    order = order_withdrawal(reason)
    day = business_day(as_of, settings)
    label_run(tags=[f"{day}"])
    with metrics_written("withdraw", day, settings), day_shown(day, settings):
        return _withdraw(day, order, settings, config)


def _withdraw(day: date, order: Order, settings: Settings, config: str | None) -> DayResult:
    standing = roll_forward(day, order, settings)
    manifest = require_published(standing)
    announce(manifest, settings, config)
    is_withdrawn_before = manifest.is_withdrawn
    with pages_renewed(day, settings):
        if not is_withdrawn_before:
            revision = draft(standing, Delivery(day, ()), settings)
            require_current(revision, standing)
            label_run(name=f"withdraw-{day}-r{revision.revision}")
            manifest = withdraw(standing, revision, settings)
        forget_judged(day, settings)
        announce(manifest, settings, config)
    return DayResult("unchanged" if is_withdrawn_before else "withdrawn", standing, manifest)

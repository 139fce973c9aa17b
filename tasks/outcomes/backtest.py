"""Backtest of published decisions by the outcomes that are known on a day."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from typing import Final

from pydantic import TypeAdapter, ValidationError

from configs.calendar import load_calendar
from configs.settings import Settings
from tasks.adapters.files.parquet import write_parquet
from tasks.core.contract.screening import PD
from tasks.core.model.bundle import ModelPin
from tasks.core.outcomes.backtest import InitialValidation, run_backtest
from tasks.core.outcomes.limits import EVERY_LIMIT, LIMITS_OF_FIGURES
from tasks.core.outcomes.report import (
    BacktestReport,
    DeliveryLine,
    as_record,
    figures_table,
    realised_day_record,
    summary_of,
)
from tasks.delivery.known_outcomes import KnownOutcomes, known_outcomes
from tasks.model.policy_in_force import policy_in_force
from tasks.publication.layout import backtest_key, backtest_page_key, day_of, day_page_key, realised_key, room_prefix
from tasks.publication.outcome_ledger import Receipt
from tasks.publication.references import read_out_of_fold
from tasks.running.context import run_logger
from tasks.running.step import step
from tasks.store import Store, open_store
from tasks.store.renewing import overwrite, read_if_there

JSON_FILE: Final = "backtest.json"
TABLE_FILE: Final = "figures.parquet"


@dataclass(frozen=True, slots=True)
class BacktestResult:
    """A backtest that was written, and what it changed."""

    report: BacktestReport
    keys: tuple[str, ...]
    """Keys of what was written of it."""
    changed_days: frozenset[date]
    """Days whose pages do not show yet what the outcomes show."""
    looked_back_to: date | None = None
    """Day of the past to which it looked back; None if it is the last backtest."""


def known_until(as_of: date | None, settings: Settings) -> date:
    """Day until which outcomes must be known: the one given, else today by the calendar's clock."""
    return as_of or load_calendar(settings.scoring.calendar).business_day(datetime.now(UTC))


@step("backtest outcomes")
def backtest_known(as_of: date, settings: Settings) -> BacktestResult:
    """Hold published decisions against the outcomes known on a day, and write the figures.

    The same decisions and outcomes give the same bytes. The page is drawn by a step of its own. A
    backtest that looks back to a day of the past is kept beside the last one: what the days and their
    pages show stays what is known by now.

    Raises what `delivery.known_outcomes.known_outcomes` raises.
    """
    store = open_store(settings.storage)
    maturity_days = settings.outcomes.maturity_days
    known = known_outcomes(store, as_of=as_of, maturity_days=maturity_days)
    backtest = run_backtest(
        (each.day for each in known.days),
        _initial_validations(store, {each.published.model for each in known.days}),
        costs=policy_in_force(settings).policy.costs.model_dump(),
        seed=settings.training.seed,
    )
    report = BacktestReport(
        as_of,
        maturity_days,
        tuple(map(_line, known.receipts)),
        known.delivered,
        known.set_aside,
        known.fates,
        backtest,
    )
    looked_back_to = as_of if _is_look_back(store, as_of, settings) else None
    changed = frozenset() if looked_back_to else _write_days(store, report)
    keys = _write(store, report, looked_back_to)
    _log(known, report)
    return BacktestResult(report, keys, changed, looked_back_to)


@step("draw backtest")
def draw_backtest(result: BacktestResult, settings: Settings) -> str:
    """Write the page of a backtest; returns its key."""
    from tasks.adapters.pages.outcomes import outcomes_page

    key = backtest_page_key(result.looked_back_to)
    overwrite(open_store(settings.storage), key, outcomes_page(result.report))
    return key


def last_backtest(store: Store) -> BacktestReport | None:
    """Report of the last backtest; None if there was none, or if another program wrote it."""
    stored = read_if_there(store, backtest_key(JSON_FILE))
    try:
        return _report_type().validate_python(json.loads(stored.data)["report"]) if stored else None
    except (ValidationError, ValueError, KeyError, TypeError):
        return None


def _is_look_back(store: Store, as_of: date, settings: Settings) -> bool:
    """True for a day of the past, if a later one was backtested. A later one may be a mistyped year."""
    last = last_backtest(store)
    return last is not None and as_of < min(last.as_of, known_until(None, settings))


def _initial_validations(store: Store, models: Iterable[ModelPin]) -> dict[ModelPin, InitialValidation]:
    found = {}
    for model in models:
        predicted = read_out_of_fold(store, model)
        if predicted is None:
            run_logger().warning(
                "%s version %s: the store does not hold the predictions by which it was judged",
                model.name, model.version,
            )  # fmt: skip
        else:
            pd, defaulted = (predicted.column(name).to_numpy() for name in (PD, "defaulted"))
            found[model] = InitialValidation(pd, defaulted)
    return found


def _line(receipt: Receipt) -> DeliveryLine:
    return DeliveryLine(
        receipt.number,
        receipt.name,
        receipt.received_at,
        receipt.file.rows,
        receipt.set_aside,
        receipt.by_rule,
        is_expired=receipt.expired_on is not None,
    )


def _write(store: Store, report: BacktestReport, looked_back_to: date | None) -> tuple[str, ...]:
    content = {
        "report": as_record(report),
        "summary": summary_of(report),
        "limits": {"all": list(EVERY_LIMIT), **LIMITS_OF_FIGURES},
    }
    contents = {
        JSON_FILE: json.dumps(content, indent=1, allow_nan=False).encode(),
        TABLE_FILE: write_parquet(figures_table(report), {}),
    }
    for name, data in contents.items():
        overwrite(store, backtest_key(name, looked_back_to), data)
    return tuple(backtest_key(name, looked_back_to) for name in contents)


def _write_days(store: Store, report: BacktestReport) -> frozenset[date]:
    """Write what the outcomes of each told day show, and remove it of days that are no longer told.

    Returns the days whose pages do not show it yet: it has changed, or a backtest died before it came to
    the pages.
    """
    records = {day.as_of: _day_bytes(realised_day_record(day)) for day in report.backtest.days}
    written = {entry.key: entry.modified_at for entry in store.list(room_prefix("reports"))}
    days = {day for key in written if (day := day_of(key))}
    told = {day for day in days if realised_key(day) in written}
    pages = {day: written[day_page_key(day)] for day in told if day_page_key(day) in written}
    changed = {day for day, drawn_at in pages.items() if drawn_at < written[realised_key(day)]}
    changed |= {as_of for as_of, data in records.items() if overwrite(store, realised_key(as_of), data)}
    for as_of in told - records.keys():
        store.delete(realised_key(as_of))
        changed.add(as_of)
    return frozenset(changed)


def _day_bytes(record: Mapping[str, object]) -> bytes:
    return json.dumps(record, indent=1, allow_nan=False).encode()


def _log(known: KnownOutcomes, report: BacktestReport) -> None:
    told = ", ".join(f"{count} {fate}" for fate, count in known.fates.items() if count) or "none"
    run_logger().info("Outcomes known until %s: %s, %d set aside", report.as_of, told, known.set_aside)
    run_logger().info("%s", summary_of(report))


@cache
def _report_type() -> TypeAdapter[BacktestReport]:
    return TypeAdapter(BacktestReport)

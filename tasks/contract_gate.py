"""The contract's gate: what every rule says of a day, and whether the day may go on."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from configs.settings import Settings
from tasks.assemble import Assembled
from tasks.contract_report import tell_rules, write_refused
from tasks.core.applications import ID
from tasks.core.contract import Budget, RuleCount, RuleResult, is_over_budget, merge_counts, parsing_rules, typed_frame
from tasks.core.day import Delivery, FileRef, PartRef
from tasks.core.gate import Evidence, Outcome, judge_count, judge_result, overdrawn, refusal
from tasks.core.screening import APPLICATION_ID, BROKEN_RULES, CONFLICTING, count_by_rule, typed_name
from tasks.errors import ExpectationsNotMet
from tasks.recent import recent_days
from tasks.store import Store

if TYPE_CHECKING:
    from tasks.adapters.gx import Contract


class Passed(NamedTuple):
    """What is to be kept of a day that keeps its contract."""

    report: bytes
    """What every rule says of it, as JSON."""
    by_rule: Mapping[str, int]
    """Rule to the number of quarantined rows that break it."""
    recent_days: Mapping[str, int]
    """The published days that it was compared with, in ISO form, to the rows decided on each."""


class _Judged(NamedTuple):
    """A day, or what was read of it, as the rules see it."""

    evidence: Evidence
    counts: Mapping[str, RuleCount]
    across: Sequence[RuleResult]
    broken_columns: Collection[str] = ()


@dataclass(frozen=True)
class Gate:
    """The contract of a day, and the report that stays where it stops the day."""

    store: Store
    contract: Contract
    delivery: Delivery
    settings: Settings

    def require_contract(self, parts: Sequence[PartRef], assembled: Assembled, *, revision: int) -> Passed:
        """What every rule says of the whole day.

        Raises:
            ExpectationsNotMet: the quarantine budget is exceeded, or a critical rule about the whole day is broken;
                says where the report lies.
        """
        as_of, rows = self.delivery.as_of, sum(part.rows for part in parts)
        if not rows:
            raise ExpectationsNotMet(
                f"The files of {as_of} hold no rows. Deliver them, or declare the day in the calendar."
            )
        by_rule = count_by_rule(assembled.rejected.column(BROKEN_RULES).to_pylist())
        evidence = Evidence(rows, recent_days(self.store, as_of))
        judged = _Judged(
            evidence,
            merge_counts(*(part.counts for part in parts)),
            self.contract.check_table(self._rows_decided(assembled.decided), evidence.facts),
            frozenset(rule for part in parts for rule in part.broken_columns),
        )
        outcomes, quarantined = self._outcomes(judged, by_rule), assembled.rejected.num_rows
        refused = refusal(outcomes, quarantined=quarantined, rows=rows, budget=self._budget, by_rule=by_rule)
        report = self._report(judged, outcomes, by_rule, quarantined) | {"refused": refused, "revision": revision}
        tell_rules(report)
        if refused:
            self._refuse(report)
        return Passed(json.dumps(report, indent=1).encode(), by_rule, evidence.recent)

    def require_budget_left(
        self, file: FileRef, rejected: Sequence[pa.Table], counts: Mapping[str, RuleCount], *, rows: int
    ) -> None:
        """Stop before more of a file is judged, if the budget is exceeded however sound the rest of the day may be.

        That is known where nobody corrects rows, and the delivery has an end that can be told. Rows of one id may turn
        out to be copies of each other, so they count once here.

        Args:
            file: the one that is being read.
            rejected: its rows that were set aside so far.
            counts: how the row rules went so far.
            rows: rows read of it so far.

        Raises:
            ExpectationsNotMet: says after how many rows, and where the report lies.
        """
        most_rows = self.delivery.most_rows
        if most_rows is None or any(each.is_correction for each in self.delivery.files):
            return
        ids = pa.chunked_array([part for table in rejected for part in table.column(APPLICATION_ID).chunks], pa.int64())
        surely = pc.count_distinct(ids, mode="only_valid").as_py() + ids.null_count
        if not is_over_budget(surely, most_rows, self._budget):
            return
        by_rule = count_by_rule(rules for table in rejected for rules in table.column(BROKEN_RULES).to_pylist())
        judged = _Judged(Evidence(rows, {}), counts, self.contract.unjudged_table())
        # What is about the whole day, or takes all ids of it, cannot be said of a part.
        outcomes = [
            each for each in self._outcomes(judged, by_rule) if each.rule.scope == "row" and each.rule != CONFLICTING
        ]
        told = overdrawn(file.name, rows, len(ids), most_rows=most_rows, budget=self._budget, by_rule=by_rule)
        report = self._report(judged, outcomes, by_rule, len(ids)) | {"refused": told, "most_rows": most_rows}
        tell_rules(report)
        self._refuse(report)

    @property
    def _budget(self) -> Budget:
        return Budget(self.settings.contract.max_quarantined_rows, self.settings.contract.max_quarantined_share)

    def _rows_decided(self, decided: pa.Table) -> pd.DataFrame:
        """The columns that rules about the whole day look at."""
        names = {ID: APPLICATION_ID} | {name: typed_name(name) for name in self.contract.table_columns if name != ID}
        return typed_frame(decided.select(list(names.values())).rename_columns(list(names)))

    def _outcomes(self, judged: _Judged, by_rule: Mapping[str, int]) -> list[Outcome]:
        """How the day stands to every rule: those of the suite, in its order, then our own."""
        evidence, counts = judged.evidence, judged.counts
        results = self.contract.results(counts, judged.across, broken_columns=judged.broken_columns)
        suite = (
            judge_result(rule, result, evidence) for rule, result in zip(self.contract.rules, results, strict=True)
        )
        own = (judge_count(rule, counts[rule.id], evidence) for rule in parsing_rules())
        conflicting = RuleCount(evidence.rows, 0, by_rule.get(CONFLICTING.id, 0))
        return [*suite, *own, judge_count(CONFLICTING, conflicting, evidence)]

    def _report(
        self, judged: _Judged, outcomes: Sequence[Outcome], by_rule: Mapping[str, int], quarantined: int
    ) -> dict[str, Any]:
        validation = self.contract.validation(judged.counts, judged.across, broken_columns=judged.broken_columns)
        return {
            "day": self.delivery.as_of.isoformat(),
            "rows": judged.evidence.rows,
            "quarantined": quarantined,
            "quarantined_by_rule": dict(by_rule),
            "budget": asdict(self._budget),
            "recent_days": dict(judged.evidence.recent),
            "rules": [outcome.record() for outcome in outcomes],
            "validation": validation,
        }

    def _refuse(self, report: Mapping[str, Any]) -> NoReturn:
        place = write_refused(self.store, self.delivery.as_of, report)
        raise ExpectationsNotMet(
            f"The applications of {self.delivery.as_of} are not published. {report['refused']} Every rule's counts: "
            f"{place}"
        )

"""Gate of the contract: the result of every rule for a day, and the decision to go on or stop."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from configs.settings import Settings
from tasks.core.applications import APPLICATION_ID
from tasks.core.contract.gate import Evidence, Outcome, judge_count, judge_result, refusal
from tasks.core.contract.rules import Budget, RuleCount, RuleResult, merge_counts, parsing_rules
from tasks.core.contract.screening import BROKEN_RULES, CONFLICTING, count_by_rule, quarantine_rows, typed_name
from tasks.core.day.records import Draft, PartRef
from tasks.core.lender.amounts import AMOUNTS
from tasks.core.lender.columns import ID
from tasks.core.words import in_json
from tasks.errors import ExpectationsNotMet
from tasks.publication.refused_rows import keep_refused_rows
from tasks.scoring.assemble import Assembled
from tasks.scoring.contract_report import show_rules, write_refused
from tasks.scoring.recent import most_shared_ids, recent_days
from tasks.store import Store

if TYPE_CHECKING:
    from tasks.adapters.gx import Contract


class Passed(NamedTuple):
    """Results to store for a day that keeps its contract."""

    report: bytes
    """Result of every rule for the day, as JSON."""
    by_rule: Mapping[str, int]
    """Rule to the number of quarantined rows that break it."""
    recent_days: Mapping[str, int]
    """Published days that it was compared with, in ISO form, to the rows decided on each."""


class _Judged(NamedTuple):
    """Results of the rules for a day."""

    evidence: Evidence
    results: Sequence[RuleResult]
    """Results of the suite's rules, by Great Expectations."""
    outcomes: Sequence[Outcome]
    """Outcomes of those results, and of our own rules."""
    by_rule: Mapping[str, int]
    """Rule to the number of quarantined rows that break it."""
    quarantined: int


@dataclass(frozen=True)
class Gate:
    """Contract of a day, and the report that is kept if it stops the day."""

    store: Store
    contract: Contract
    as_of: date
    settings: Settings
    erasure: str | None = None
    """Token of the day's last erasure when the run began; None if there was none."""
    is_rehearsal: bool = False
    """True if nothing is kept of a day that the contract stops."""

    def require_contract(self, parts: Sequence[PartRef], assembled: Assembled, draft: Draft) -> Passed:
        """Judge the whole day by every rule, and return the results to store.

        A later revision is compared with the same days as the first one, whose size was accepted.

        Raises:
            ExpectationsNotMet: the files hold no rows, the quarantine budget is exceeded, or a
                critical rule about the whole day is broken; names the place of the report.
        """
        as_of = self.as_of
        rows = sum(part.rows for part in parts)
        if not rows:
            raise ExpectationsNotMet(
                f"The files of {as_of} hold no rows. Deliver them, or declare the day in the calendar."
            )
        recent = self._recent_days(draft)
        recent_ids = most_shared_ids(self.store, recent, assembled.decided.column(APPLICATION_ID))
        evidence = Evidence(as_of, rows, assembled.decided.num_rows, recent, recent_ids)
        judged = self._judge_day(parts, assembled, evidence)
        refused = refusal(
            judged.outcomes,
            judged.evidence,
            quarantined=judged.quarantined,
            budget=self._budget,
            by_rule=judged.by_rule,
        )
        report = in_json(self._report(judged) | {"refused": refused, "revision": draft.revision})
        show_rules(report)
        if refused and self.is_rehearsal:
            raise ExpectationsNotMet(f"The applications of {as_of} would not be published. {refused}")
        if refused:
            rows = quarantine_rows(assembled.rejected)
            keep_refused_rows(self.store, as_of, rows, revision=draft.revision, erasure=self.erasure)
            self._refuse(report)
        return Passed(json.dumps(report, indent=1).encode(), judged.by_rule, judged.evidence.recent)

    @property
    def _budget(self) -> Budget:
        contract = self.settings.contract
        return Budget(contract.max_quarantined_rows, contract.max_quarantined_share)

    def _recent_days(self, draft: Draft) -> Mapping[str, int]:
        if draft.recent_days is not None:
            return draft.recent_days
        if not self.settings.contract.compare_recent_days:
            return {}
        return recent_days(self.store, self.as_of)

    def _check_table(self, assembled: Assembled, evidence: Evidence) -> Sequence[RuleResult]:
        """Results of rules about the whole day; without rows to decide, each is left unjudged.

        Columns that only these rules read are gone from the decided rows afterwards.
        """
        decided = assembled.decided
        if not decided.num_rows:
            return self.contract.unjudged_table()
        columns = {ID: decided.column(APPLICATION_ID)}
        columns |= {name: decided.column(typed_name(name)) for name in AMOUNTS}
        only_here = [name for name in self.contract.table_columns if name not in columns]
        del decided
        taken = assembled.take_out([typed_name(name) for name in only_here])
        columns |= dict(zip(only_here, taken.values(), strict=True))
        del taken
        return self.contract.check_table(columns, evidence.facts)

    def _judge_day(
        self,
        parts: Sequence[PartRef],
        assembled: Assembled,
        evidence: Evidence,
    ) -> _Judged:
        counts = merge_counts(*(part.counts for part in parts))
        across = self._check_table(assembled, evidence)
        broken_columns = {rule for part in parts for rule in part.broken_columns}
        results = self.contract.results(counts, across, broken_columns=broken_columns)
        by_rule = count_by_rule(assembled.rejected.column(BROKEN_RULES).to_pylist())
        conflicting = RuleCount(evidence.rows, 0, by_rule.get(CONFLICTING.id, 0))
        outcomes = self._outcomes(results, counts, evidence)
        outcomes.append(judge_count(CONFLICTING, conflicting, evidence))
        return _Judged(evidence, results, outcomes, by_rule, assembled.rejected.num_rows)

    def _outcomes(
        self,
        results: Sequence[RuleResult],
        counts: Mapping[str, RuleCount],
        evidence: Evidence,
    ) -> list[Outcome]:
        """Outcomes of the suite's rules, and of the rules that values parse to their types."""
        rules = {rule.id: rule for rule in self.contract.rules}
        return [
            *(judge_result(rules[result.rule_id], result, evidence) for result in results),
            *(judge_count(rule, counts[rule.id], evidence) for rule in parsing_rules()),
        ]

    def _report(self, judged: _Judged) -> dict[str, Any]:
        return {
            "day": self.as_of.isoformat(),
            "rows": judged.evidence.rows,
            "quarantined": judged.quarantined,
            "quarantined_by_rule": dict(judged.by_rule),
            "budget": asdict(self._budget),
            "recent_days": dict(judged.evidence.recent),
            "rules": [outcome.record() for outcome in judged.outcomes],
            "validation": self.contract.validation(judged.results),
        }

    def _refuse(self, report: Mapping[str, Any]) -> NoReturn:
        """Write the report of a stopped day, and raise `ExpectationsNotMet`."""
        place = write_refused(self.store, self.as_of, report)
        told = [f"The applications of {self.as_of} are not published. {report['refused']}"]
        if report["quarantined"]:
            told.append(f"The rows set aside: scoring rejected --as-of {self.as_of}.")
        told.append(f"Every rule's counts: {place}")
        raise ExpectationsNotMet(" ".join(told))

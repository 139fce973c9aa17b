from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.core.contract.rules import (
    Budget,
    Rule,
    RuleCount,
    Scope,
    Severity,
    Verdicts,
    broken_rules_by_row,
    critical_positions,
    is_over_budget,
    merge_counts,
    parsing_rules,
    typed_frame,
    with_unparsable,
)
from tasks.core.lender.columns import COLUMNS, TYPED_SCHEMA


def rule(id_: str, severity: Severity = "critical", scope: Scope = "row") -> Rule:
    return Rule(id=id_, sentence=f"{id_} holds.", severity=severity, owner="data owner", scope=scope, columns=("a",))


RULES = (rule("first"), rule("odd", "warning"), rule("second"), rule("whole", scope="table"))


def verdicts(**broken: list[int]) -> Verdicts:
    return Verdicts({id_: np.array(rows, dtype=np.int64) for id_, rows in broken.items()}, {})


def test_only_critical_row_rules_set_rows_aside() -> None:
    found = verdicts(second=[4, 7], odd=[1, 2], first=[4], whole=[3])
    assert critical_positions(RULES, found).tolist() == [4, 7]


def test_a_quarantined_row_names_every_critical_rule_it_breaks_in_suite_order() -> None:
    mask, broken_rules = broken_rules_by_row(RULES, verdicts(second=[1, 3], first=[3], odd=[0, 3]), 5)
    assert mask.tolist() == [False, True, False, True, False]
    assert broken_rules == ["second", "first;second"]


def test_nothing_is_set_aside_where_nothing_is_broken() -> None:
    mask, broken_rules = broken_rules_by_row(RULES, verdicts(odd=[0]), 2)
    assert mask.tolist() == [False, False]
    assert broken_rules == []


def test_an_empty_chunk_has_no_quarantine() -> None:
    mask, broken_rules = broken_rules_by_row(RULES, verdicts(), 0)
    assert mask.shape == (0,)
    assert broken_rules == []


@given(st.dictionaries(st.sampled_from(["first", "odd", "second"]), st.sets(st.integers(0, 30), min_size=1)))
def test_quarantine_agrees_with_a_plain_loop(broken: dict[str, set[int]]) -> None:
    found = verdicts(**{id_: sorted(rows) for id_, rows in broken.items()})
    expected = {
        row: ";".join(id_ for id_ in ("first", "second") if row in broken.get(id_, ()))
        for row in range(31)
        if row in broken.get("first", set()) | broken.get("second", set())
    }
    mask, broken_rules = broken_rules_by_row(RULES, found, 31)
    assert dict(zip(np.flatnonzero(mask).tolist(), broken_rules, strict=True)) == expected


def test_unparsable_rows_are_set_aside_whether_or_not_the_caller_lists_the_parsing_rules() -> None:
    found = with_unparsable(verdicts(first=[1]), {"AMT_CREDIT": np.array([0, 1])}, 3)
    expected = ["AMT_CREDIT_parses", "AMT_CREDIT_parses;first"]
    assert broken_rules_by_row(RULES, found, 3).broken_rules == expected
    assert broken_rules_by_row((*parsing_rules(), *RULES), found, 3).broken_rules == expected


def test_every_column_that_is_no_text_has_one_critical_parsing_rule() -> None:
    rules = parsing_rules()
    assert [each.columns[0] for each in rules] == [column.name for column in COLUMNS if column.kind != "text"]
    assert {(each.severity, each.scope) for each in rules} == {("critical", "row")}
    sentences = {each.id: each.sentence for each in rules}
    assert sentences["SK_ID_CURR_parses"] == "SK_ID_CURR holds a whole number without an exponent."
    assert sentences["CNT_CHILDREN_parses"] == "CNT_CHILDREN holds a whole number."
    assert sentences["AMT_CREDIT_parses"] == "AMT_CREDIT holds a number."


def test_every_parsing_rule_is_counted_even_if_nobody_broke_it() -> None:
    counts = with_unparsable(verdicts(), {"AMT_CREDIT": np.array([2])}, 5).counts
    assert set(counts) == {each.id for each in parsing_rules()}
    assert counts["AMT_CREDIT_parses"] == RuleCount(5, 0, 1)
    assert counts["SK_ID_CURR_parses"] == RuleCount(5, 0, 0)


def test_verdicts_of_the_suite_stay_beside_those_of_parsing() -> None:
    own = Verdicts({"first": np.array([1])}, {"first": RuleCount(3, 0, 1)})
    joined = with_unparsable(own, {"AMT_CREDIT": np.array([], dtype=np.int64)}, 3)
    assert list(joined.broken) == ["first"]
    assert joined.counts["first"] == RuleCount(3, 0, 1)


@pytest.mark.parametrize(
    ("quarantined", "rows", "is_over"),
    [
        (0, 0, False),
        (10, 100, False),  # neither limit is passed
        (10, 10, False),  # only the share
        (11, 220, False),  # the share is met exactly
        (11, 219, True),
        (11, 1000, False),  # only the count
    ],
)
def test_a_day_is_over_budget_only_above_both_limits(quarantined: int, rows: int, *, is_over: bool) -> None:
    assert is_over_budget(quarantined, rows, Budget(max_rows=10, max_share=0.05)) is is_over


@pytest.mark.parametrize(("quarantined", "is_over"), [(29, False), (30, True)])
def test_a_share_that_floats_cannot_hold_is_met_exactly_all_the_same(quarantined: int, *, is_over: bool) -> None:
    assert is_over_budget(quarantined, 100, Budget(max_rows=10, max_share=0.29)) is is_over


def test_counts_of_disjoint_row_sets_add_up() -> None:
    first = {"a": RuleCount(5, 1, 2), "b": RuleCount(5, 0, 0)}
    second = {"a": RuleCount(3, 0, 1)}
    assert merge_counts(first, second) == {"a": RuleCount(8, 1, 3), "b": RuleCount(5, 0, 0)}
    assert merge_counts(second, first) == merge_counts(first, second)
    assert merge_counts() == {}


def test_a_typed_frame_has_numbers_as_floats_and_text_as_categories() -> None:
    rows = pa.Table.from_pylist(
        [{"SK_ID_CURR": 1, "AMT_CREDIT": 2.5, "CODE_GENDER": "F"}, {"SK_ID_CURR": 2}], schema=TYPED_SCHEMA
    )
    frame = typed_frame(rows)
    assert frame["SK_ID_CURR"].dtype == np.int64
    assert frame["AMT_CREDIT"].dtype == np.float64
    assert list(frame["CODE_GENDER"].cat.categories) == ["F"]
    assert frame["CODE_GENDER"].isna().tolist() == [False, True]

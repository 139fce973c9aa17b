"""The history of promotions tells which version scored before, whatever was promoted and rolled back."""

from hypothesis import given
from hypothesis import strategies as st

from tasks.core.model.bundle import ModelPin
from tasks.core.model_life.promotions import PromotionRecord, scored_in_order


def pin(version: int) -> ModelPin:
    return ModelPin("m", str(version), f"{version:064x}")


@given(st.lists(st.one_of(st.none(), st.integers(1, 4)), max_size=30))
def test_a_roll_back_undoes_the_last_promotion_that_stands(moves: list[int | None]) -> None:
    stack: list[ModelPin] = []
    history: list[PromotionRecord] = []
    for move in moves:
        before = stack[-1] if stack else None
        if move is None and len(stack) > 1:
            stack.pop()
            history.append(PromotionRecord(len(history) + 1, "rollback", before, stack[-1], "ann", ""))
        elif move is not None and pin(move) != before:
            stack.append(pin(move))
            kind = "gate" if before else "first"
            history.append(PromotionRecord(len(history) + 1, kind, before, pin(move), "ann", ""))
    assert scored_in_order(history) == stack


def test_a_version_that_scored_before_records_were_kept_is_where_a_roll_back_leads() -> None:
    record = PromotionRecord(1, "anyway", pin(1), pin(2), "ann", "", "why", ("cost: …", "AUC: …"))
    assert scored_in_order([record]) == [pin(1), pin(2)]
    assert record.line == "1    version 1 to 2  anyway, 2 checks overridden  by ann: why"


def test_an_alias_moved_without_a_record_counts_as_a_move() -> None:
    records = [
        PromotionRecord(1, "first", None, pin(1), "ann", ""),
        PromotionRecord(2, "gate", pin(3), pin(4), "ann", ""),  # somebody had moved it to 3
    ]
    assert scored_in_order(records) == [pin(1), pin(3), pin(4)]


def test_a_promotion_that_was_recorded_and_never_made_is_no_way_back() -> None:
    first = PromotionRecord(1, "first", None, pin(1), "ann", "")
    lost = PromotionRecord(2, "gate", pin(1), pin(2), "ann", "")
    again = PromotionRecord(3, "gate", pin(1), pin(2), "ann", "")
    assert scored_in_order([first, lost, again]) == [pin(1), pin(2)]
    assert scored_in_order([first, PromotionRecord(2, "first", None, pin(1), "ann", "")]) == [pin(1)]
    other = PromotionRecord(3, "gate", pin(1), pin(3), "ann", "")
    assert scored_in_order([first, lost, other]) == [pin(1), pin(3)]
    lost_way_back = PromotionRecord(4, "rollback", pin(2), pin(1), "ann", "")
    later = PromotionRecord(5, "gate", pin(2), pin(3), "ann", "")
    assert scored_in_order([first, lost, again, lost_way_back, later]) == [pin(1), pin(2), pin(3)]

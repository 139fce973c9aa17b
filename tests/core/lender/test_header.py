"""A header of the declared names in another notation is told apart from one without them."""

import re

import pytest

from tasks.core.lender.columns import NAMES
from tasks.core.lender.header import header_fault


def camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ([name.lower() for name in NAMES], r"121 declared names in lower case \('sk_id_curr' for SK_ID_CURR, .*, …\)"),
        ([camel(name) for name in NAMES], r"declared names in other letters \('SkIdCurr' for SK_ID_CURR"),
        ([f" {name}" for name in NAMES], r"121 declared names in other letters \(' SK_ID_CURR' for SK_ID_CURR"),
        ([*NAMES[:-1], "amt-req-credit-bureau-year"], "1 declared name in other letters"),
        ([*NAMES, "target"], r"1 declared name in lower case \('target' for TARGET\)"),
        ([";".join(NAMES)], "^Its columns are separated by semicolons; expected commas"),
        (["\t".join(f'"{name}"' for name in NAMES)], "separated by tabs"),
        (["|".join(NAMES)], "separated by bars"),
        ([";".join(NAMES).lower()], "separated by semicolons.*declared names in lower case"),
        (["sep=", ""], "^Its first line is 'sep='"),
        (["sep=;"], "^Its first line is 'sep='"),
    ],
)
def test_a_header_in_another_notation_is_told(cells: list[str], expected: str) -> None:
    fault = header_fault(cells)
    assert fault is not None
    assert re.search(expected, fault)


@pytest.mark.parametrize("cells", [[], [""], list(NAMES), [*NAMES, "BRANCH"], ["100001", "Cash loans", "M"], ["a;b;c"]])
def test_another_header_is_no_fault_of_notation(cells: list[str]) -> None:
    assert header_fault(cells) is None


def test_no_cell_that_may_be_a_value_is_repeated() -> None:
    row = ["100001;Cash loans;M;" + ";".join(name.lower() for name in NAMES), "271828"]
    assert "271828" not in str(header_fault(row))
    assert "100001" not in str(header_fault(row))

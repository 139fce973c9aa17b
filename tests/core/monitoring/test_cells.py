"""Cells of a column: every value falls into one, and each holds enough rows of the reference."""

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.core.monitoring.cells import ColumnCells, Role, cut_cells

NUMBER = "AMT_CREDIT"
NONE = 365243.0
LAST = 2**20


def numbers(values: object) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(values, pa.float64(), from_pandas=True)])


def texts(values: list[str | None]) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(values, pa.string())])


def rows_by_cell(cells: ColumnCells, values: pa.ChunkedArray) -> list[tuple[Role, int]]:
    counts = np.bincount(cells.codes_of(values), minlength=len(cells.roles)).tolist()
    return list(zip(cells.roles, counts, strict=True))


# --- codes, against a plain loop


def code_in_a_loop(cells: ColumnCells, value: float | str | None) -> int:
    """Code of one value, as the documentation of cells says it."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return 0
    if value == cells.sentinel:
        return 1
    if cells.listed is not None:
        listed = list(cells.listed)
        return 2 + (listed.index(value) if value in listed else len(listed))
    assert not isinstance(value, str)
    first = 2
    if cells.tails:
        low, high = cells.tails
        if value < low:
            return 2
        if value > high:
            return 2 + len(cells.edges) + 2
        first = 3
    return first + sum(value > edge for edge in cells.edges)


a_number = st.one_of(
    st.none(),
    st.sampled_from([NONE, 0.0, -0.0, 1.0, 2.5, 9.0, 9.000_001, math.inf, -math.inf, 5e-324, 1.7e308]),
    st.floats(-20, 20),
)
binned = st.sets(st.floats(0, 9), max_size=5).map(
    lambda edges: ColumnCells("x", edges=tuple(sorted(edges)), tails=(0.0, 9.0), sentinel=NONE)
)
without_tails = st.sets(st.floats(-9, 9), max_size=3).map(lambda edges: ColumnCells("x", edges=tuple(sorted(edges))))
listed = st.sets(st.sampled_from([-1.0, 0.0, 1.0, 2.5])).map(
    lambda values: ColumnCells("x", listed=tuple(sorted(values)), sentinel=NONE)
)


@given(st.one_of(binned, without_tails, listed), st.lists(a_number, max_size=30))
def test_a_number_falls_into_the_cell_that_a_loop_finds(cells: ColumnCells, values: list[float | None]) -> None:
    assert cells.codes_of(numbers(values)).tolist() == [code_in_a_loop(cells, value) for value in values]


a_text = st.one_of(st.none(), st.sampled_from(["XNA", "A", "A\0", "a", "B", "", "é", "e\u0301"]), st.text(max_size=3))
of_texts = st.sets(st.text(max_size=3)).map(
    lambda levels: ColumnCells("x", listed=tuple(sorted(levels - {"XNA"})), sentinel="XNA")
)


@given(of_texts, st.lists(a_text, max_size=30))
def test_a_text_falls_into_the_cell_that_a_loop_finds(cells: ColumnCells, values: list[str | None]) -> None:
    assert cells.codes_of(texts(values)).tolist() == [code_in_a_loop(cells, value) for value in values]


def test_a_hundred_thousand_levels_and_a_long_one_have_their_cell() -> None:
    levels: list[str | None] = [f"{n}" for n in range(100_000)]
    levels[7] = "x" * LAST  # padded to this, the levels would take 400 GB
    cells = ColumnCells("x", listed=("1", "5"), sentinel="XNA")
    assert rows_by_cell(cells, texts(levels)) == [
        (Role.MISSING, 0),
        (Role.SENTINEL, 0),
        (Role.VALUE, 1),
        (Role.VALUE, 1),
        (Role.UNLISTED, 99_998),
    ]


# --- cutting


@pytest.mark.parametrize(
    ("values", "roles"),
    [
        ([], [Role.UNLISTED]),
        ([math.nan] * 50, [Role.UNLISTED]),
        ([3.0] * 50, [Role.VALUE, Role.UNLISTED]),
        ([3.0] * 19 + [4.0] * 31, [Role.VALUE, Role.UNLISTED]),
        (list(map(float, range(19))), [Role.UNLISTED]),
        (list(map(float, range(30))) * 20, [Role.VALUE] * 30 + [Role.UNLISTED]),
        (list(map(float, range(31))) * 20, [Role.LOW, *[Role.VALUE] * 10, Role.HIGH]),
        (list(map(float, range(39))), [Role.VALUE]),
        (list(map(float, range(40))), [Role.LOW, Role.VALUE, Role.HIGH]),
    ],
)
def test_a_number_has_the_cells_that_its_values_allow(values: list[float], roles: list[Role]) -> None:
    assert list(cut_cells(NUMBER, numbers(values)).roles[2:]) == roles


def test_a_level_is_listed_from_20_rows_and_a_thousandth_on() -> None:
    assert cut_cells("x", texts(["A"] * 20 + ["B"] * 19 + [None] * 19_961)).listed == ("A",)
    assert cut_cells("x", texts(["A"] * 20 + [None] * 19_981)).listed == ()


def test_the_code_for_none_is_no_level_and_no_number() -> None:
    assert cut_cells("x", texts(["XNA"] * 50 + ["A"] * 50)).listed == ("A",)
    cells = cut_cells("DAYS_EMPLOYED", numbers([NONE] * 500 + list(map(float, range(-1000, 0)))))
    assert cells.tails
    assert cells.tails[1] < 0
    assert rows_by_cell(cells, numbers([NONE, NONE, -5.0]))[1] == (Role.SENTINEL, 2)


def test_infinite_values_of_the_reference_move_no_edge() -> None:
    finite = list(map(float, range(1000)))
    assert cut_cells(NUMBER, numbers([*finite, math.inf, -math.inf, math.nan])) == cut_cells(NUMBER, numbers(finite))


def test_an_outlier_of_the_reference_moves_no_edge() -> None:
    values = np.random.default_rng(1).normal(0, 1, 20_000)
    outlier = cut_cells(NUMBER, numbers([*values[1:], 1e12]))
    plain = cut_cells(NUMBER, numbers(values))
    assert np.allclose(outlier.edges, plain.edges, atol=0.01)
    assert outlier.tails
    assert outlier.tails[1] < 5


skewed = st.one_of(
    st.lists(st.floats(-1e6, 1e6), max_size=150),
    st.lists(st.integers(0, 60).map(float), min_size=40, max_size=400),
    st.integers(25, 400).map(lambda n: np.random.default_rng(n).lognormal(0, 2, n).tolist()),
)


@given(skewed)
def test_no_cell_of_values_has_too_few_rows_and_no_edge_is_a_whole_value(values: list[float]) -> None:
    cells = cut_cells(NUMBER, numbers(values))
    counts = rows_by_cell(cells, numbers(values))
    assert sum(rows for _, rows in counts) == len(values)
    of_values = [rows for role, rows in counts if role is Role.VALUE]
    assert min(of_values, default=20) >= 20
    for edge in (*cells.edges, *(cells.tails or ())):
        assert float(f"{edge:.4g}") == edge
    assert len(cells.labels) == len(cells.roles)


def test_labels_say_where_a_cell_begins_and_ends() -> None:
    assert ColumnCells("x").labels == ("missing", "no code", "any value")
    assert ColumnCells("x", edges=(1.0, 2.0)).labels[2:] == ("up to 1", "above 1, up to 2", "above 2")
    assert ColumnCells("x", tails=(0.0, 9.0)).labels[2:] == ("below 0", "0 to 9", "above 9")
    assert ColumnCells("x", edges=(0.0, 5.0), tails=(0.0, 9000.0)).labels[2:] == (
        "below 0", "0", "above 0, up to 5", "above 5, up to 9,000", "above 9,000",
    )  # fmt: skip
    assert ColumnCells("x", listed=(0.0, 1.5), sentinel=NONE).labels == (
        "missing", "365,243", "0", "1.5", "rare or unseen",
    )  # fmt: skip

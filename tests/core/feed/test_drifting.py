import math
from datetime import date
from importlib.resources import files

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs.settings import PROJECT
from tasks.core.feed.drifting import DRIFTS, INCOME_STEP, drift_rows, parse_drifts
from tasks.core.feed.synthetic import FeedStatistics, synthesize_applications
from tasks.core.lender.columns import NAMES, NUMBERS, TARGET, TEXTS, TYPED_SCHEMA
from tasks.errors import ConfigError

DAY = date(2026, 11, 2)
ROWS = 2_000
EXAMPLES = [
    "income:+0.3",
    "missing:EXT_SOURCE_1:0.2",
    "unit:AMT_CREDIT:1000",
    "unit:AMT_CREDIT:1000:0.01",
    "unit:DAYS_EMPLOYED:0.0328",
    "shift:EXT_SOURCE_2:0.2",
    "shift:CNT_CHILDREN:0.2",
    "sentinel:DAYS_EMPLOYED:0.1",
    "sentinel:CODE_GENDER:0.1",
    "level:NAME_EDUCATION_TYPE:Apprenticeship:0.05",
    "level:FLAG_EMAIL:1:0.3",
    "shuffle:EXT_SOURCE_3",
    "shuffle:OCCUPATION_TYPE",
    "outlier:AMT_INCOME_TOTAL:117000000",
]


@pytest.fixture(scope="module")
def day() -> pa.Table:
    statistics = FeedStatistics.from_json(files("configs").joinpath("feed_statistics.json").read_text("utf-8"))
    return synthesize_applications(statistics, rows=ROWS, seed=1, as_of=DAY, with_target=True)


def drift(table: pa.Table, text: str, *, seed: int = 1, as_of: date = DAY) -> pa.Table:
    return drift_rows(table, parse_drifts(text), seed=seed, as_of=as_of)


def numbers(table: pa.Table, name: str) -> np.ndarray:
    return table.column(name).to_numpy()


def n_equal(table: pa.Table, name: str, value: object) -> int:
    return pc.sum(pc.equal(table.column(name), value)).as_py()


def column_of(text: str) -> str:
    return parse_drifts(text)[0].column.name


def test_every_drift_is_among_the_examples() -> None:
    assert {text.partition(":")[0] for text in EXAMPLES} == set(DRIFTS)


@pytest.mark.parametrize("text", EXAMPLES)
def test_a_drift_changes_its_column_and_nothing_else(day: pa.Table, text: str) -> None:
    drifted, name = drift(day, text), column_of(text)
    assert drifted.schema.equals(day.schema)
    assert drifted.num_rows == ROWS
    assert not drifted.column(name).equals(day.column(name))
    assert drifted.drop_columns([name]).equals(day.drop_columns([name]))


@pytest.mark.parametrize("text", [text for text in EXAMPLES if text not in {"unit:AMT_CREDIT:1000", EXAMPLES[5]}])
def test_a_drift_is_the_same_again_and_another_on_another_day_or_seed(day: pa.Table, text: str) -> None:
    drifted = drift(day, text)
    assert drift(day, text).equals(drifted)
    assert not drift(day, text, seed=2).equals(drifted)
    assert not drift(day, text, as_of=date(2026, 11, 3)).equals(drifted)


@pytest.mark.parametrize("text", EXAMPLES)
def test_a_day_without_rows_stays_one(day: pa.Table, text: str) -> None:
    assert drift(day.slice(0, 0), text).equals(day.slice(0, 0))


@pytest.mark.parametrize("text", EXAMPLES)
def test_a_column_without_values_stays_what_it_is_where_there_is_nothing_to_change(day: pa.Table, text: str) -> None:
    name = column_of(text)
    position = day.schema.get_field_index(name)
    empty = day.set_column(position, name, pa.nulls(ROWS, TYPED_SCHEMA.field(name).type))
    assert drift(empty, text).column(name).null_count == ROWS


def test_incomes_grow_by_the_change_and_stay_on_the_feeds_step(day: pa.Table) -> None:
    before, after = numbers(day, "AMT_INCOME_TOTAL"), numbers(drift(day, "income:+0.3"), "AMT_INCOME_TOTAL")
    assert np.abs(after - 1.3 * before).max() < INCOME_STEP
    assert not (after % INCOME_STEP).any()
    assert after.mean() / before.mean() == pytest.approx(1.3, rel=0.002)


def test_a_small_change_of_incomes_does_not_get_lost_in_their_step(day: pa.Table) -> None:
    before, after = numbers(day, "AMT_INCOME_TOTAL"), numbers(drift(day, "income:+0.01"), "AMT_INCOME_TOTAL")
    assert after.mean() / before.mean() == pytest.approx(1.01, rel=0.002)


def test_incomes_changed_by_nothing_are_the_same(day: pa.Table) -> None:
    assert drift(day, "income:0").equals(day)


@given(share=st.floats(0, 1), missing=st.integers(0, 40))
def test_exactly_so_many_values_more_are_missing_and_at_most_all(share: float, missing: int) -> None:
    values = [None] * missing + [float(n) for n in range(40 - missing)]
    drifted = drift(pa.table({"EXT_SOURCE_1": pa.array(values, pa.float64())}), f"missing:EXT_SOURCE_1:{share:.17f}")
    lost = drifted.column(0).null_count - missing
    assert lost == min(round(share * 40), 40 - missing)
    assert all(new in {None, old} for new, old in zip(drifted.column(0).to_pylist(), values, strict=True))


def test_another_unit_is_every_value_times_the_factor(day: pa.Table) -> None:
    drifted = drift(day, "unit:AMT_ANNUITY:1000")
    assert drifted.column("AMT_ANNUITY").null_count == day.column("AMT_ANNUITY").null_count
    np.testing.assert_allclose(numbers(drifted, "AMT_ANNUITY"), 1000 * numbers(day, "AMT_ANNUITY"))


def test_another_unit_in_a_share_of_the_rows(day: pa.Table) -> None:
    ratio = numbers(drift(day, "unit:AMT_CREDIT:1000:0.01"), "AMT_CREDIT") / numbers(day, "AMT_CREDIT")
    assert np.isclose(ratio, 1000).sum() == 0.01 * ROWS
    assert (ratio == 1).sum() == 0.99 * ROWS


@pytest.mark.parametrize("text", ["unit:DAYS_EMPLOYED:0.0328", "shift:DAYS_EMPLOYED:-1"])
def test_a_sentinel_is_no_quantity_and_whole_numbers_stay_whole(day: pa.Table, text: str) -> None:
    before, after = numbers(day, "DAYS_EMPLOYED"), numbers(drift(day, text), "DAYS_EMPLOYED")
    assert (before == 365243).any()
    assert ((after == 365243) == (before == 365243)).all()
    assert not (after % 1).any()


@pytest.mark.parametrize("name", ["EXT_SOURCE_2", "CNT_CHILDREN", "FLAG_EMAIL", "DAYS_EMPLOYED"])
def test_a_shift_moves_the_mean_by_standard_deviations_of_the_day(day: pa.Table, name: str) -> None:
    before, after = (numbers(table, name) for table in (day, drift(day, f"shift:{name}:0.5")))
    quantities = ~np.isnan(before) & (before != 365243)
    moved = (after - before)[quantities].mean() / before[quantities].std()
    assert moved == pytest.approx(0.5, abs=0.05)
    assert (np.isnan(after) == np.isnan(before)).all()


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("sentinel:DAYS_EMPLOYED:0.1", "DAYS_EMPLOYED", 365243.0),
        ("sentinel:ORGANIZATION_TYPE:0.1", "ORGANIZATION_TYPE", "XNA"),
        ("level:NAME_CONTRACT_TYPE:Revolving loans:0.1", "NAME_CONTRACT_TYPE", "Revolving loans"),
        ("level:NAME_CONTRACT_TYPE:Leasing:0.1", "NAME_CONTRACT_TYPE", "Leasing"),
        ("level:ORGANIZATION_TYPE:Trade: type 7:0.1", "ORGANIZATION_TYPE", "Trade: type 7"),
        ('"level:WALLSMATERIAL_MODE:Stone, brick:0.1"', "WALLSMATERIAL_MODE", "Stone, brick"),
        ("level:REGION_RATING_CLIENT:3:0.1", "REGION_RATING_CLIENT", 3.0),
        ("outlier:AMT_CREDIT:45", "AMT_CREDIT", 45.0),
    ],
)
def test_a_level_gains_exactly_its_share_of_rows_from_the_others(
    day: pa.Table, text: str, name: str, value: object
) -> None:
    drifted = drift(day, text)
    gained = 1 if text.startswith("outlier") else 0.1 * ROWS
    assert n_equal(drifted, name, value) - (n_equal(day, name, value) or 0) == gained
    assert drifted.column(name).null_count == day.column(name).null_count


def test_a_shuffled_column_keeps_its_values_and_loses_its_company(day: pa.Table) -> None:
    shuffled = drift(day, "shuffle:AMT_GOODS_PRICE")
    before, after = (np.sort(numbers(table, "AMT_GOODS_PRICE")) for table in (day, shuffled))
    np.testing.assert_array_equal(before, after)

    def company(table: pa.Table) -> float:
        return float(table.select(["AMT_GOODS_PRICE", "AMT_CREDIT"]).to_pandas().corr(method="spearman").iloc[0, 1])

    assert company(day) > 0.9
    assert abs(company(shuffled)) < 0.1


def test_drifts_are_done_one_after_the_other(day: pa.Table) -> None:
    both = drift(day, "missing:EXT_SOURCE_1:0.2, missing:EXT_SOURCE_1:0.2 ,income:+0.3")
    assert both.column("EXT_SOURCE_1").null_count == min(ROWS, day.column("EXT_SOURCE_1").null_count + 0.4 * ROWS)
    assert both.column("AMT_INCOME_TOTAL").equals(drift(day, "income:+0.3").column("AMT_INCOME_TOTAL"))


def test_no_list_is_no_drift(day: pa.Table) -> None:
    assert parse_drifts("") == ()
    assert drift(day, "").equals(day)


@given(name=st.sampled_from(NUMBERS), sds=st.floats(-3, 3), factor=st.floats(-1e3, 1e3))
def test_any_numeric_column_can_be_shifted_and_scaled_and_keeps_its_kind(
    day: pa.Table, name: str, sds: float, factor: float
) -> None:
    drifted = drift(day.slice(0, 50), f"shift:{name}:{sds:.6f},unit:{name}:{factor:.6f}")
    assert drifted.schema.equals(day.schema)
    values = numbers(drifted, name)
    if parse_drifts(f"shuffle:{name}")[0].column.kind == "integer":
        assert np.array_equal(values[~np.isnan(values)] % 1, np.zeros((~np.isnan(values)).sum()))


@given(name=st.sampled_from([name for name in NAMES if name != "SK_ID_CURR"]), share=st.floats(0, 1))
def test_any_column_can_be_missing_and_shuffled(day: pa.Table, name: str, share: float) -> None:
    drifted = drift(day.slice(0, 50), f"shuffle:{name},missing:{name}:{share:.6f}")
    assert drifted.drop_columns([name]).equals(day.slice(0, 50).drop_columns([name]))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("incom:+0.3", "There is no drift 'incom'; there are income, missing, .* Did you mean 'income'?"),
        ("income:+0.3,", "There is no drift ''"),
        ("income", "The drift 'income' has 0 parameters; it is written income:CHANGE"),
        ("income:0.1:0.2", "has 2 parameters; it is written income:CHANGE"),
        ("unit:AMT_CREDIT", r"has 1 parameters; it is written unit:COLUMN:FACTOR\[:SHARE\]"),
        ("unit:AMT_CREDIT:10:0.1:1", "has 4 parameters"),
        ("level:CODE_GENDER:0.1", "has 2 parameters; it is written level:COLUMN:LEVEL:SHARE"),
        ("income:much", "has 'much' as its CHANGE, which is not a number"),
        ("income:nan", "has 'nan' as its CHANGE, which is not a number"),
        ("unit:AMT_CREDIT:1_000", "has '1_000' as its FACTOR, which is not a number"),
        ("unit:AMT_CREDIT:1e400", "has 1e400 as its FACTOR; it must be -1e15 to 1e15"),
        ("income:-1.5", "makes incomes negative; CHANGE must be -1 or more"),
        ("missing:EXT_SOURCE1:0.2", "names 'EXT_SOURCE1', which is not a column .* Did you mean 'EXT_SOURCE_1'?"),
        ("missing:EXT_SOURCE_1:1.2", "has the share 1.2; a share must be 0 to 1"),
        ("missing:EXT_SOURCE_1:-0.2", "has the share -0.2"),
        ("missing:SK_ID_CURR:0.2", "SK_ID_CURR and TARGET do not drift"),
        ("shuffle:TARGET", "SK_ID_CURR and TARGET do not drift"),
        ("shift:CODE_GENDER:1", "CODE_GENDER holds text, and the drift is for columns of whole numbers or numbers"),
        ("unit:CODE_GENDER:10", "CODE_GENDER holds text"),
        ("outlier:CODE_GENDER:10", "CODE_GENDER holds text"),
        ("level:EXT_SOURCE_1:1:0.1", "EXT_SOURCE_1 holds numbers, and the drift is for columns of whole numbers or te"),
        ("level:FLAG_EMAIL:yes:0.1", "has 'yes' as its LEVEL, which is not a number"),
        ("level:FLAG_EMAIL:0.5:0.1", "FLAG_EMAIL holds whole numbers"),
        ("level:CODE_GENDER::0.1", "names no level"),
        ("outlier:CNT_CHILDREN:1.5", "CNT_CHILDREN holds whole numbers"),
        ("sentinel:DAYS_BIRTH:0.1", "DAYS_BIRTH has no sentinel; DAYS_EMPLOYED has one, and every text column has XNA"),
        ("sentinel:AMT_CREDIT:0.1", "AMT_CREDIT holds numbers"),
        ('"income:0.3', "cannot be told apart"),
    ],
)
def test_a_drift_that_cannot_be_is_refused_with_what_can(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_drifts(text)


def test_numbers_are_read_as_written() -> None:
    (request,) = parse_drifts(" unit : AMT_CREDIT : 1e-3 ".replace(" :", ":"))
    assert (request.number, request.share, request.level) == (0.001, 1.0, "")
    assert math.isnan(parse_drifts("shuffle:CODE_GENDER")[0].number)
    assert {column_of(f"shuffle:{name}") for name in TEXTS} == set(TEXTS)
    assert TARGET not in NAMES


def test_every_drift_says_in_a_phrase_what_it_does_and_stands_in_the_document() -> None:
    assert len({drift.phrase for drift in DRIFTS.values()}) == len(DRIFTS)
    document = (PROJECT / "docs/feed.md").read_text("utf-8")
    assert [name for name, each in DRIFTS.items() if f"| `{name}:{each.form}` |" not in document] == []

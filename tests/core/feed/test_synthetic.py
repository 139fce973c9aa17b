from collections.abc import Callable
from datetime import date, timedelta
from importlib.resources import files

import lightgbm as lgb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from sklearn.metrics import roc_auc_score

from tasks.core.feed.synthetic import FeedStatistics, synthesize_applications
from tasks.core.lender.columns import COLUMNS, ID, NAMES, TARGET, TEXTS, TYPED_SCHEMA
from tasks.errors import ConfigError

DAY = date(2025, 3, 3)
ROWS = 20_000
NOT_EMPLOYED = 365_243
FORMS = ("AVG", "MODE", "MEDI")


@pytest.fixture(scope="module")
def statistics() -> FeedStatistics:
    return FeedStatistics.from_json(files("configs").joinpath("feed_statistics.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def labelled(statistics: FeedStatistics) -> pa.Table:
    return synthesize_applications(statistics, rows=ROWS, seed=1, as_of=DAY, with_target=True, history=True)


@pytest.fixture(scope="module")
def applications(labelled: pa.Table) -> pa.Table:
    return labelled.drop_columns([TARGET])


@pytest.fixture(scope="module")
def frame(applications: pa.Table) -> pd.DataFrame:
    rows: pd.DataFrame = applications.to_pandas()
    return rows


def a_day(statistics: FeedStatistics, *, rows: int = 50, seed: int = 1, as_of: date = DAY) -> pa.Table:
    return synthesize_applications(statistics, rows=rows, seed=seed, as_of=as_of)


def test_the_columns_and_types_are_the_declared_ones(applications: pa.Table) -> None:
    assert applications.schema.equals(TYPED_SCHEMA)
    assert applications.num_rows == ROWS


def test_the_target_stands_second_and_changes_nothing_else(statistics: FeedStatistics, labelled: pa.Table) -> None:
    assert labelled.column_names == [ID, TARGET, *NAMES[1:]]
    assert labelled.schema.field(TARGET).type == pa.int64()
    alone = synthesize_applications(statistics, rows=ROWS, seed=1, as_of=DAY, history=True)
    assert labelled.drop_columns([TARGET]).equals(alone)


def test_the_same_request_gives_the_same_rows(statistics: FeedStatistics) -> None:
    assert a_day(statistics).equals(a_day(statistics))


@pytest.mark.parametrize(("seed", "as_of"), [(2, DAY), (1, DAY + timedelta(days=1))])
def test_another_seed_or_day_gives_other_rows(statistics: FeedStatistics, seed: int, as_of: date) -> None:
    other = a_day(statistics, seed=seed, as_of=as_of)
    assert not a_day(statistics).drop_columns([ID]).equals(other.drop_columns([ID]))


def test_more_rows_change_no_row_and_no_outcome(statistics: FeedStatistics, labelled: pa.Table) -> None:
    few = synthesize_applications(statistics, rows=100, seed=1, as_of=DAY, with_target=True, history=True)
    assert few.equals(labelled.slice(0, 100).combine_chunks())


def test_a_day_without_rows_has_all_columns(statistics: FeedStatistics) -> None:
    empty = a_day(statistics, rows=0)
    assert (empty.num_rows, empty.schema) == (0, TYPED_SCHEMA)


@pytest.mark.parametrize("days_apart", [1, 7, 1_072, 1_073, 5_364])
def test_ids_come_once_within_a_day_and_between_days(statistics: FeedStatistics, days_apart: int) -> None:
    ids = [
        set(a_day(statistics, rows=2_000, as_of=day)[ID].to_pylist()) for day in (DAY, DAY + timedelta(days=days_apart))
    ]
    assert [len(ids[0]), len(ids[1]), len(ids[0] & ids[1])] == [2_000, 2_000, 0]


@pytest.mark.parametrize("as_of", [date.min, DAY, DAY + timedelta(days=536), date.max])
def test_ids_fit_a_positive_32_bit_integer(statistics: FeedStatistics, as_of: date) -> None:
    ids = a_day(statistics, rows=2_000, as_of=as_of)[ID].to_numpy()
    assert ids.min() > 0
    assert ids.max() < 2**31


def test_the_largest_day_is_bounded(statistics: FeedStatistics) -> None:
    with pytest.raises(ConfigError, match="rows is 2000001; a synthetic day holds 0 to 2,000,000"):
        a_day(statistics, rows=2_000_001)
    with pytest.raises(ConfigError, match="rows is -1"):
        a_day(statistics, rows=-1)


def test_a_negative_seed_is_refused(statistics: FeedStatistics) -> None:
    with pytest.raises(ConfigError, match="seed is -1"):
        a_day(statistics, seed=-1)


def test_missing_shares_are_those_of_the_feed(statistics: FeedStatistics, frame: pd.DataFrame) -> None:
    observed, expected = frame.isna().mean(), {name: statistics.columns[name].missing_share for name in NAMES}
    # Four standard errors of a share near one half at 20,000 rows.
    assert {name: observed[name] for name in NAMES} == pytest.approx(expected, abs=0.015)


def test_category_shares_are_those_of_the_feed(statistics: FeedStatistics, frame: pd.DataFrame) -> None:
    for name in TEXTS:
        observed = frame[name].value_counts(normalize=True)
        expected = statistics.columns[name].shares
        assert set(observed.index) <= set(expected), name
        assert {level: observed.get(level, 0.0) for level in expected} == pytest.approx(dict(expected), abs=0.02), name


def test_shares_of_whole_numbers_are_those_of_the_feed(statistics: FeedStatistics, frame: pd.DataFrame) -> None:
    for name in (column.name for column in COLUMNS if column.kind == "integer"):
        if expected := statistics.columns[name].shares:
            observed = frame[name].value_counts(normalize=True)
            shares = {level: observed.get(float(level), 0.0) for level in expected}
            assert shares == pytest.approx(dict(expected), abs=0.02), name


def test_quartiles_are_those_of_the_feed(statistics: FeedStatistics, frame: pd.DataFrame) -> None:
    for column in COLUMNS:
        known = statistics.columns[column.name].quantiles
        if not known:
            continue
        values = frame[column.name].mask(frame[column.name] == NOT_EMPLOYED)
        assert known["min"] <= values.min(), column.name
        assert values.max() <= max(known["max"], 10), column.name
        if not statistics.columns[column.name].shares:
            spread = known["q3"] - known["q1"]
            expected = [known[level] for level in ("q1", "median", "q3")]
            assert values.quantile([0.25, 0.5, 0.75]).tolist() == pytest.approx(expected, abs=0.2 * spread), column.name


def test_whole_number_columns_hold_whole_numbers(applications: pa.Table) -> None:
    for column in COLUMNS:
        if column.kind == "integer":
            values = applications[column.name]
            assert pc.all(pc.equal(values, pc.round(values))).as_py() in (True, None), column.name


TIES: dict[str, Callable[[pd.DataFrame], pd.Series]] = {
    "the sentinel means no employer's phone": lambda f: (f.DAYS_EMPLOYED == NOT_EMPLOYED) == (f.FLAG_EMP_PHONE == 0),
    "the sentinel means no organisation": lambda f: (f.DAYS_EMPLOYED == NOT_EMPLOYED) == (f.ORGANIZATION_TYPE == "XNA"),
    "the sentinel means pensioners and unemployed": lambda f: (
        (f.DAYS_EMPLOYED == NOT_EMPLOYED) == f.NAME_INCOME_TYPE.isin(["Pensioner", "Unemployed"])
    ),
    "the sentinel means no occupation": lambda f: (f.DAYS_EMPLOYED != NOT_EMPLOYED) | f.OCCUPATION_TYPE.isna(),
    "others were employed before today": lambda f: (f.DAYS_EMPLOYED == NOT_EMPLOYED) | (f.DAYS_EMPLOYED < 0),
    "nobody works before 16": lambda f: f.DAYS_EMPLOYED >= f.DAYS_BIRTH + 16 * 365,
    "nobody registers before birth": lambda f: f.DAYS_REGISTRATION >= f.DAYS_BIRTH,
    "only owners have a car's age": lambda f: (f.FLAG_OWN_CAR == "Y") == f.OWN_CAR_AGE.notna(),
    "only revolving loans lack goods": lambda f: (
        f.AMT_GOODS_PRICE.notna() | (f.NAME_CONTRACT_TYPE == "Revolving loans")
    ),
    "goods cost at most the credit": lambda f: f.AMT_GOODS_PRICE.isna() | (f.AMT_GOODS_PRICE <= f.AMT_CREDIT),
    "the annuity is below the credit": lambda f: f.AMT_ANNUITY.isna() | (f.AMT_ANNUITY < f.AMT_CREDIT / 7),
    "the annuity is above nothing": lambda f: f.AMT_ANNUITY.isna() | (f.AMT_ANNUITY > f.AMT_CREDIT / 50),
    "living where registered is as far from work, by region": lambda f: (
        (f.REG_REGION_NOT_LIVE_REGION == 1) | (f.LIVE_REGION_NOT_WORK_REGION == f.REG_REGION_NOT_WORK_REGION)
    ),
    "living where registered is as far from work, by city": lambda f: (
        (f.REG_CITY_NOT_LIVE_CITY == 1) | (f.LIVE_CITY_NOT_WORK_CITY == f.REG_CITY_NOT_WORK_CITY)
    ),
    "a family counts applicant and children": lambda f: f.CNT_FAM_MEMBERS >= f.CNT_CHILDREN + 1,
    "forms of a dwelling's part go together": lambda f: (
        f[[f"APARTMENTS_{form}" for form in FORMS]].isna().sum(axis=1).isin([0, 3])
    ),
    "the circle is known as a whole": lambda f: f.filter(like="_CNT_SOCIAL_CIRCLE").isna().sum(axis=1).isin([0, 4]),
    "30 days' defaults were observed": lambda f: ~(f.DEF_30_CNT_SOCIAL_CIRCLE > f.OBS_30_CNT_SOCIAL_CIRCLE),
    "60 days' defaults were observed": lambda f: ~(f.DEF_60_CNT_SOCIAL_CIRCLE > f.OBS_60_CNT_SOCIAL_CIRCLE),
    "60 days' observed were 30 days' observed": lambda f: ~(f.OBS_60_CNT_SOCIAL_CIRCLE > f.OBS_30_CNT_SOCIAL_CIRCLE),
    "60 days' defaults were 30 days' defaults": lambda f: ~(f.DEF_60_CNT_SOCIAL_CIRCLE > f.DEF_30_CNT_SOCIAL_CIRCLE),
    "the bureau answers as a whole": lambda f: f.filter(like="AMT_REQ_").isna().sum(axis=1).isin([0, 6]),
}


NEARLY: dict[str, Callable[[pd.DataFrame], pd.Series]] = {
    "dwellings without total area have nothing rarer": lambda f: f.TOTALAREA_MODE.notna() | f.APARTMENTS_AVG.isna(),
    "credit exceeds the goods' price by a multiple of 0.132 % of it": lambda f: (
        (f.AMT_CREDIT / f.AMT_GOODS_PRICE - 1) / 0.00132
    ).pipe(lambda n: ((n - n.round()).abs() * 0.00132 * f.AMT_GOODS_PRICE < 4.5) | n.isna()),
    "a revolving loan is repaid by 5 % a month": lambda f: (
        (f.NAME_CONTRACT_TYPE != "Revolving loans") | np.isclose(f.AMT_ANNUITY, 0.05 * f.AMT_CREDIT)
    ),
    "papers are renewed at 45": lambda f: (
        (f.DAYS_BIRTH > -46 * 365.25) | (f.DAYS_ID_PUBLISH >= f.DAYS_BIRTH + 44.9 * 365.25)
    ),
    "city ratings are region ratings": lambda f: f.REGION_RATING_CLIENT == f.REGION_RATING_CLIENT_W_CITY,
    "a median of entrances is their average": lambda f: (
        f.ENTRANCES_MEDI.isna() | ((f.ENTRANCES_MEDI - f.ENTRANCES_AVG).abs() < 2e-4)
    ),
}


@pytest.mark.parametrize("tie", NEARLY)
def test_what_nearly_always_holds_in_the_feed_nearly_always_holds(frame: pd.DataFrame, tie: str) -> None:
    assert NEARLY[tie](frame).mean() >= 0.9


# Rank correlations of 6,000 real rows, by their two columns.
CORRELATIONS = {
    ("AMT_CREDIT", "AMT_GOODS_PRICE"): 0.99,
    ("AMT_CREDIT", "AMT_ANNUITY"): 0.84,
    ("AMT_INCOME_TOTAL", "AMT_ANNUITY"): 0.49,
    ("AMT_INCOME_TOTAL", "AMT_CREDIT"): 0.42,
    ("DAYS_BIRTH", "CNT_CHILDREN"): 0.37,
    ("EXT_SOURCE_1", "DAYS_BIRTH"): -0.63,
    ("LIVINGAREA_AVG", "APARTMENTS_AVG"): 0.91,
    ("LIVINGAREA_AVG", "LIVINGAREA_MEDI"): 1.00,
    ("YEARS_BUILD_AVG", "YEARS_BEGINEXPLUATATION_AVG"): 0.99,
    ("OBS_30_CNT_SOCIAL_CIRCLE", "DEF_30_CNT_SOCIAL_CIRCLE"): 0.36,
    ("REGION_POPULATION_RELATIVE", "REGION_RATING_CLIENT"): -0.43,
}


@pytest.mark.parametrize("pair", CORRELATIONS, ids=" ".join)
def test_columns_move_together_as_in_the_feed(frame: pd.DataFrame, pair: tuple[str, str]) -> None:
    assert frame[list(pair)].corr("spearman").iloc[0, 1] == pytest.approx(CORRELATIONS[pair], abs=0.07)


def test_who_works_where_depends_on_gender_and_education(frame: pd.DataFrame) -> None:
    women = (frame.CODE_GENDER == "F").groupby(frame.OCCUPATION_TYPE).mean()
    assert women["Medicine staff"] > 0.85
    assert women["Drivers"] < 0.25
    graduates = (frame.NAME_EDUCATION_TYPE == "Higher education").groupby(frame.OCCUPATION_TYPE).mean()
    assert graduates["Accountants"] > 2 * graduates["Drivers"]


def test_levels_too_rare_for_any_group_occur(statistics: FeedStatistics) -> None:
    # 6e-05 of the feed: 12 of 200,000 rows, and none of them once in 160,000 such days.
    day = a_day(statistics, rows=200_000)
    for column, level in (
        ("NAME_INCOME_TYPE", "Unemployed"), ("NAME_INCOME_TYPE", "Student"), ("NAME_EDUCATION_TYPE", "Academic degree"),
    ):  # fmt: skip
        assert 0 < pc.sum(pc.equal(day[column], level)).as_py() < 300, level


@pytest.mark.parametrize(("column", "most"), [("EXT_SOURCE_3", 900), ("AMT_GOODS_PRICE", 700), ("FLOORSMAX_MODE", 40)])
def test_columns_of_few_values_take_few(frame: pd.DataFrame, column: str, most: int) -> None:
    assert frame[column].nunique() <= most


def test_popular_prices_are_as_popular_as_in_the_feed(frame: pd.DataFrame) -> None:
    shares = frame.AMT_GOODS_PRICE.value_counts(normalize=True)
    assert shares[[450_000.0, 225_000.0, 675_000.0]].tolist() == pytest.approx([0.086, 0.084, 0.079], abs=0.02)


@pytest.mark.parametrize("tie", TIES)
def test_a_tie_holds_on_every_row(frame: pd.DataFrame, tie: str) -> None:
    assert TIES[tie](frame).all()


def test_the_default_rate_is_that_of_the_feed(statistics: FeedStatistics, labelled: pa.Table) -> None:
    assert 0.07 <= pc.mean(labelled[TARGET]).as_py() <= 0.09
    assert statistics.default_share == 0.0807


def test_a_shallow_model_tells_defaulters_apart_about_as_well_as_on_real_rows(
    statistics: FeedStatistics, labelled: pa.Table
) -> None:
    later = synthesize_applications(statistics, rows=ROWS, seed=1, as_of=DAY + timedelta(days=30), with_target=True)
    shape = {"max_depth": 3, "num_leaves": 8, "learning_rate": 0.05}
    parameters = shape | {"objective": "binary", "num_threads": 1, "verbose": -1}
    model = lgb.train(parameters, lgb.Dataset(numbers(labelled), labelled[TARGET].to_numpy()), 400)
    auc = roc_auc_score(later[TARGET].to_numpy(), np.asarray(model.predict(numbers(later))))
    assert 0.70 < auc < 0.80


def numbers(table: pa.Table) -> np.ndarray:
    """The model's inputs, categories by their alphabetical place."""
    levels = {name: sorted(set(table[name].drop_null().to_pylist())) for name in TEXTS}
    columns = [
        pc.index_in(table[name], pa.array(levels[name])).cast(pa.float64()) if name in levels else table[name]
        for name in NAMES[1:]
    ]
    return np.column_stack([column.to_numpy() for column in columns])

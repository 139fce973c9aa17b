import json
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest

from tasks.core.feed.statistics import RESIDUAL_SHARES, FeedSplit, FeedStatistics, FeedTree, columns_of, levels_of
from tasks.core.feed.ties import SETTLED
from tasks.core.lender.columns import ID, NAMES
from tasks.errors import ConfigError

TEXT = files("configs").joinpath("feed_statistics.json").read_text("utf-8")


@pytest.fixture(scope="module")
def statistics() -> FeedStatistics:
    return FeedStatistics.from_json(TEXT)


def leaves(tree: FeedTree | None) -> Iterator[Any]:
    if isinstance(tree, FeedSplit):
        yield from leaves(tree.first)
        yield from leaves(tree.second)
    elif tree is not None:
        yield tree


def a_document(**draws: object) -> str:
    columns: dict[str, dict] = {name: {"kind": "real"} for name in NAMES}
    return json.dumps({"sample_rows": 1, "default_share": 0.1, "columns": columns, "draws": draws})


def test_every_column_is_drawn_once_or_settled_by_others(statistics: FeedStatistics) -> None:
    assert set(statistics.draws) | SETTLED | {ID} == set(NAMES)
    assert not set(statistics.draws) & (SETTLED | {ID})


def test_shares_are_shares(statistics: FeedStatistics) -> None:
    for name, draw in statistics.draws.items():
        assert all(0 <= leaf <= 1 for leaf in leaves(draw.missing)), name
        assert all(sum(leaf.values()) <= 1.01 for leaf in leaves(draw.levels)), name
        assert levels_of(draw.levels) <= set(draw.shares), name
        assert sum(draw.rest.values()) <= 1.01, name


def test_curves_rise_from_the_rarest_share_to_the_last(statistics: FeedStatistics) -> None:
    for name, draw in statistics.draws.items():
        shares, numbers = [share for share, _ in draw.curve], [number for _, number in draw.curve]
        assert shares == sorted(set(shares)), name
        assert numbers == sorted(numbers), name
        assert all(0 < share < 1 for share in shares), name


def test_residuals_ascend_at_their_shares(statistics: FeedStatistics) -> None:
    for name, draw in statistics.draws.items():
        for leaf in leaves(draw.residuals):
            assert list(leaf) == sorted(leaf), name
            assert len(leaf) == len(RESIDUAL_SHARES), name


def test_the_file_can_be_reviewed() -> None:
    assert len(TEXT) < 160_000
    assert max(len(line) for line in TEXT.splitlines()) < 5_000


def test_statistics_of_other_columns_are_refused() -> None:
    with pytest.raises(ConfigError, match="AMT_CREDIT"):
        FeedStatistics.from_json('{"sample_rows": 1, "default_share": 0.1, "columns": {}, "draws": {}}')


@pytest.mark.parametrize(
    "draw",
    [
        {"levels": ["DAYS_BIRTH", 0, {}, {}]},
        {"missing": ["DAYS_BIRTH", None, 0.1, 0.2]},
        {"residuals": ["AMT_CREDIT", 0, [0] * 5, ["DAYS_BIRTH", 0, [0] * 5, [0] * 5]]},
        {"follows": {"DAYS_BIRTH": 0.5}},
        {"times": ["DAYS_BIRTH", 0]},
        {"line": ["DAYS_BIRTH", 0, 1]},
    ],
    ids=lambda draw: next(iter(draw)),
)
def test_a_column_that_follows_a_later_one_is_refused(draw: dict) -> None:
    document = a_document(AMT_CREDIT={}, AMT_ANNUITY={"shares": {}} | draw, DAYS_BIRTH={})
    with pytest.raises(ConfigError, match="AMT_ANNUITY follows DAYS_BIRTH, which no draw before it makes"):
        FeedStatistics.from_json(document)


@pytest.mark.parametrize(
    ("by_weekday", "message"),
    [
        ({"CODE_GENDER": {}}, "CODE_GENDER differs by weekday, but is not drawn after WEEKDAY_APPR_PROCESS_START"),
        ({"FLAG_OWN_CAR": {"levels": {"?": [1] * 7}}}, r"the weekdays of FLAG_OWN_CAR name levels it never takes: \?"),
        ({"FLAG_OWN_CAR": {"levels": {"Y": [1] * 6}}}, "FLAG_OWN_CAR has 6 numbers by weekday; there must be 7"),
        ({"FLAG_OWN_CAR": {"missing": [1] * 8}}, "FLAG_OWN_CAR has 8 numbers by weekday"),
        ({"FLAG_OWN_CAR": {"score": [0]}}, "FLAG_OWN_CAR has 1 numbers by weekday"),
    ],
)
def test_a_wrong_difference_between_weekdays_is_refused(by_weekday: dict, message: str) -> None:
    draws = {"CODE_GENDER": {}, "WEEKDAY_APPR_PROCESS_START": {}, "FLAG_OWN_CAR": {"shares": {"Y": 1}}}
    document = json.loads(a_document(**draws)) | {"by_weekday": by_weekday}
    with pytest.raises(ConfigError, match=message):
        FeedStatistics.from_json(json.dumps(document))


def test_weights_of_weekdays_are_odds_and_scores(statistics: FeedStatistics) -> None:
    for name, weights in statistics.by_weekday.items():
        assert all(0 < factor <= 20 for each in (weights.missing, *weights.levels.values()) for factor in each), name
        assert all(abs(score) < 1 for score in weights.score), name


def test_an_undeclared_column_is_not_drawn() -> None:
    with pytest.raises(ConfigError, match="draw undeclared columns: INCOME"):
        FeedStatistics.from_json(a_document(INCOME={}))


def test_a_tree_knows_what_it_asks_for() -> None:
    tree = FeedSplit("a", 1, FeedSplit("b", "x", {"p": 0.1}, {"q": 0.2}), FeedSplit("a", None, {}, {"p": 1.0}))
    assert (columns_of(tree), levels_of(tree)) == ({"a", "b"}, {"p", "q"})
    assert columns_of(None) == set()

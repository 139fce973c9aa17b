import numpy as np
import pytest

from configs.settings import Settings, Training
from tasks.core.lender.feature_list import FEATURES, SWITCHES
from tasks.core.model.features import delivered_columns, feature_names
from tasks.training.choices import measure_choices, other_inputs
from tasks.training.cross_validate import cross_validate
from tasks.training.records import History, OutOfFold
from tests.histories import synthetic_history

SMALL = Training(folds=3, max_trees=20, learning_rate=0.1, baselines="none")


@pytest.fixture(scope="module")
def history() -> History:
    return synthetic_history(2000)


@pytest.fixture(scope="module")
def judged(history: History) -> OutOfFold:
    return cross_validate(history, Settings(training=SMALL))


def limited(rows: int) -> Settings:
    return Settings(training=SMALL.model_copy(update={"choice_rows": rows}))


@pytest.mark.parametrize("forbidden", [(), ("age",), ("social_circle", "region"), tuple(SWITCHES)])
def test_each_choice_is_one_that_the_policy_did_not_take(forbidden: tuple[str, ...]) -> None:
    now = set(feature_names(forbidden))
    *switched, protected = other_inputs(forbidden).values()
    for switch, names in zip(SWITCHES, switched, strict=True):
        others = {column for each in forbidden if each != switch for column in SWITCHES[each]}
        reads = {each.name for each in FEATURES if set(SWITCHES[switch]) & set(each.columns)}
        assert now ^ set(names) == {each for each in reads if others.isdisjoint(delivered_columns(each))}
    assert set(protected) - now == {"CODE_GENDER", "NAME_FAMILY_STATUS"}


def test_a_small_history_is_measured_whole_beside_the_model_itself(history: History, judged: OutOfFold) -> None:
    choices = measure_choices(history, judged, limited(2000))
    assert choices.rows.tolist() == list(range(2000))
    assert choices.as_decided is judged.pd
    for pd in choices.otherwise.values():
        assert not np.array_equal(pd, judged.pd)


def test_a_large_one_is_measured_on_a_part_of_it_and_so_is_the_model(history: History, judged: OutOfFold) -> None:
    choices = measure_choices(history, judged, limited(1999))
    assert len(choices.rows) == len(np.unique(choices.rows)) == 1999
    assert choices.rows.tolist() == sorted(choices.rows)
    assert not np.array_equal(choices.as_decided, judged.pd[choices.rows])
    assert {len(pd) for pd in (choices.as_decided, *choices.otherwise.values())} == {1999}


def test_a_part_that_teaches_nothing_is_not_measured(history: History, judged: OutOfFold) -> None:
    nobody = history._replace(defaulted=np.zeros(2000, dtype=bool))
    assert measure_choices(nobody, judged, limited(300)).otherwise == {}


def test_a_choice_that_teaches_nothing_is_left_out(
    history: History, judged: OutOfFold, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = iter([*[None] * len(SWITCHES), judged.pd])

    def pd(*_: object) -> np.ndarray:
        each = next(told)
        if each is None:
            raise ValueError("nothing learned")
        return each

    monkeypatch.setattr("tasks.training.choices.cross_fitted_pd", pd)
    assert list(measure_choices(history, judged, limited(2000)).otherwise) == ["with gender and family status"]


def test_nothing_is_measured_where_nobody_asks(history: History, judged: OutOfFold) -> None:
    assert measure_choices(history, judged, limited(0)).otherwise == {}

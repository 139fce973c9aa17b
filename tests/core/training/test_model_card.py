"""What follows from the facts of a model's card."""

import json
import math

import numpy as np
import pytest

from tasks.core.training.evaluation import UNTOLD, Estimate
from tasks.core.training.model_card import (
    CutoffInUse,
    approval_ratio,
    description_of,
    figures_file,
    flat_metrics,
    is_better,
    limits_of,
)
from tasks.core.training.segments import Grouping, Segment
from tests.model_cards import model_card

CARD = model_card()


def segment(name: str, refused: float, ratio: float = 1.0, rows: int = 5000) -> Segment:
    return Segment(name, rows, 0.1, 0.1 * ratio, ratio, 0.7, refused, 0.5)


@pytest.mark.parametrize(
    ("name", "difference", "ahead"),
    [
        ("auc", (0.02, 0.001, 0.04), True),
        ("auc", (0.02, 0.0, 0.04), None),
        ("auc", (-0.02, -0.04, -0.001), False),
        ("cost_per_application", (-0.02, -0.04, -0.001), True),
        ("cost_per_application", (-0.02, -0.04, 0.0), None),
        ("log_loss", (0.02, 0.001, 0.04), False),
    ],
)
def test_a_model_is_ahead_only_where_the_interval_leaves_nought_out(
    name: str, difference: tuple[float, float, float], ahead: bool | None
) -> None:
    assert is_better(name, Estimate(*difference)) is ahead


@pytest.mark.parametrize(("slope", "is_told"), [((0.9, 0.8, 1.0), False), ((0.9, 0.8, 0.99), True)])
def test_a_slope_that_is_not_one_is_a_limit(slope: tuple[float, float, float], is_told: bool) -> None:
    card = model_card(figures=dict(CARD.figures) | {"calibration_slope": Estimate(*slope)})
    assert any("too extreme" in limit for limit in limits_of(card)) == is_told


def test_a_search_is_a_limit() -> None:
    shapes = ({"depth": 3, "is_chosen": True}, {"depth": 2, "is_chosen": False})
    told = [limit for card in (CARD, model_card(shapes=shapes)) for limit in limits_of(card) if "chosen" in limit]
    assert len(told) == 1
    assert told[0].startswith("One of 2 shapes was chosen by the very folds")


def test_a_baseline_that_is_not_beaten_is_a_limit() -> None:
    assert not any("not shown to be ahead" in limit for limit in limits_of(CARD))
    even = Estimate(0.001, -0.001, 0.003)
    card = model_card(over_baselines={"a rival": {"auc": even, "cost_per_application": even}})
    told = [limit for limit in limits_of(card) if "not shown to be ahead of a rival" in limit]
    assert len(told) == 2
    assert any("No simpler model" in limit for limit in limits_of(model_card(baselines={}, over_baselines={})))


@pytest.mark.parametrize(("refused", "is_told"), [(0.20, False), (0.21, True)])
def test_a_kind_approved_less_than_four_fifths_as_often_is_a_limit(refused: float, is_told: bool) -> None:
    ages = Grouping("Age", (segment("a", 0.0), segment("b", refused)), 0)
    assert any("four-fifths" in limit for limit in limits_of(model_card(groupings=(ages,)))) == is_told
    assert approval_ratio(ages) == pytest.approx(1 - refused)
    assert approval_ratio(ages._replace(name="Credit")) is None
    assert approval_ratio(ages._replace(segments=ages.segments[:1])) is None


@pytest.mark.parametrize(
    ("ratio", "told"), [(0.8, None), (0.79, "too lenient with a"), (1.25, None), (1.26, "too strict with a")]
)
def test_a_badly_predicted_kind_is_named(ratio: float, told: str | None) -> None:
    groupings = (Grouping("Credit", (segment("a", 0.1, ratio), segment("b", 0.1)), 0),)
    named = [limit for limit in limits_of(model_card(groupings=groupings)) if "the model is too" in limit]
    assert len(named) == (told is not None)
    assert told is None or told in named[0]


@pytest.mark.parametrize("ratio", [0.75, 1.3])
def test_a_kind_that_chance_may_have_predicted_badly_is_not_named(ratio: float) -> None:
    def named(rows: int) -> bool:
        groupings = (Grouping("Credit", (segment("a", 0.1, ratio, rows),), 0),)
        return any("the model is too" in limit for limit in limits_of(model_card(groupings=groupings)))

    assert [named(150), named(1500)] == [False, True]


def test_kinds_of_too_few_are_counted_among_the_limits() -> None:
    assert any("Of 1 kind of applicants nothing can be told" in limit for limit in limits_of(CARD))


def test_metrics_are_flat_finite_and_named_as_before() -> None:
    metrics = flat_metrics(CARD)
    before = {
        "auc", "gini", "ks", "pr_auc", "log_loss", "brier", "calibration_intercept", "calibration_slope",
        "expected_calibration_error", "cost_per_application", "cost_approving_all", "best_cutoff_in_hindsight",
        "refusal_share", "default_rate",
    }  # fmt: skip
    for name in before:
        assert {name, f"{name}_low", f"{name}_high"} <= set(metrics)
    assert metrics["baseline_logistic_regression_auc"] == CARD.baselines["logistic regression"]["auc"].value
    difference = metrics["auc"] - metrics["baseline_logistic_regression_auc"]
    assert metrics["over_logistic_regression_auc"] == pytest.approx(difference)
    assert metrics["policy_cutoff"] == metrics["proposed_cutoff"] == 1 / 11
    assert metrics["policy_cutoff_cost"] == pytest.approx(metrics["cost_per_application"])
    assert all(math.isfinite(value) for value in metrics.values())
    odd = model_card(figures=dict(CARD.figures) | {"auc": Estimate(0.7, np.nan, np.nan)})
    assert "auc_low" not in flat_metrics(odd)


def test_the_figures_file_is_json_that_the_same_card_gives_again() -> None:
    told = json.loads(figures_file(CARD))
    assert figures_file(CARD) == figures_file(model_card())
    assert told["figures"]["auc"]["value"] == pytest.approx(CARD.figures["auc"].value, rel=1e-5)
    assert len(told["curve"]["cost"]["value"]) == len(told["curve"]["cutoffs"]) <= 200
    assert told["groupings"][0]["too_few"] == 1
    assert told["files"] == CARD.files
    odd = model_card(figures=dict(CARD.figures) | {"auc": Estimate(0.7, np.nan, np.inf)})
    assert json.loads(figures_file(odd))["figures"]["auc"] == {"value": 0.7, "low": None, "high": None}
    scalars = model_card(made_by={"seed": np.int64(7), "rate": np.float32(0.5), "is_on": np.True_})
    assert json.loads(figures_file(scalars))["made_by"] == {"seed": 7, "rate": 0.5, "is_on": True}


def test_the_description_has_the_headline_and_says_where_the_card_is() -> None:
    told = description_of(CARD)
    assert f"| AUC | {CARD.figures['auc'].value:.4f} (" in told
    assert "| AUC over logistic regression |" in told
    assert "model_card.html" in told


def test_what_is_not_told_is_a_dash_for_people_null_for_programs_and_no_metric() -> None:
    untold = dict.fromkeys(("cost_per_application", "refusal_share"), UNTOLD)
    card = model_card(
        figures=dict(CARD.figures) | untold,
        over_baselines={"a rival": dict(CARD.over_baselines["logistic regression"]) | untold},
        cutoffs=(CutoffInUse("proposed", 1 / 11, UNTOLD, UNTOLD), CutoffInUse("policy", 1 / 11, UNTOLD, UNTOLD)),
    )
    assert "| Cost per application | - |" in description_of(card)
    assert "Cost, and - refused, are at the cut-off in force" in description_of(card)
    assert json.loads(figures_file(card))["cutoffs"][0]["cost"] == {"value": None, "low": None, "high": None}
    assert not {"cost_per_application", "refusal_share_low", "policy_cutoff_cost"} & flat_metrics(card).keys()
    told = limits_of(card)
    assert not any("nan" in limit for limit in told)
    assert any("at the policy cut-off, 0.0909, are not told: fewer than 20 applications" in limit for limit in told)
    assert not any("cost per application to within" in limit or "In cost" in limit for limit in told)
    assert is_better("cost_per_application", UNTOLD) is None


def test_the_description_tells_the_cost_of_the_cut_off_in_force() -> None:
    proposed, other = CARD.cutoffs[0], CutoffInUse("policy", 0.15, Estimate(0.6, 0.5, 0.7), Estimate(0.1, 0.0, 0.2))
    told = description_of(model_card(cutoffs=(proposed, other)))
    assert "| Cost per application | 0.6000 (0.5000 to 0.7000) |" in told
    assert "Cost, and 10.0% refused, are at the cut-off in force by policy 1, 0.1500." in told

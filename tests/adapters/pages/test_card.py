"""The page of a model's card: what is on it, and that nothing is that should not be."""

import re
from dataclasses import replace
from typing import Any

import pytest

from tasks.adapters.pages import plots
from tasks.adapters.pages.card import model_card_page
from tasks.core.training.evaluation import UNTOLD, Estimate
from tasks.core.training.model_card import CutoffInUse, ModelCard
from tasks.core.training.model_shape import TriedShape
from tests.model_cards import drawn_pictures, model_card
from tests.pages import Page


def page_of(card: ModelCard) -> bytes:
    return model_card_page(card, drawn_pictures(card))


CARD = model_card()
PAGE = Page(page_of(CARD))


@pytest.mark.parametrize(
    "heading",
    [
        "What it is for", "What it is not for", "Data", "Inputs", "Beside simpler models", "In pictures",
        "Cut-off and policy", "Calibration", "Kinds of applicants", "Limits", "How it was made", "Versions",
    ],
)  # fmt: skip
def test_the_card_has_a_part_about(heading: str) -> None:
    assert heading in PAGE.text


def test_figures_stand_beside_the_baselines_with_intervals_and_differences() -> None:
    ours, theirs = CARD.figures["auc"], CARD.baselines["logistic regression"]["auc"]
    assert PAGE.cells(f"this model {ours.value:.4f}").startswith(
        f"this model {ours.value:.4f} {ours.low:.4f} to {ours.high:.4f}"
    )
    assert PAGE.cells("logistic regression").startswith(f"logistic regression {theirs.value:.4f}")
    assert PAGE.cells("this model minus").startswith(
        f"this model minus logistic regression +{ours.value - theirs.value:.4f}"
    )


def test_repeated_cross_validations_are_told_by_mean_and_ends() -> None:
    row = next(row for row in PAGE.rows if "least" in row)
    assert " ".join(row.split()) == (
        "this model 0.7100 least 0.7000, greatest 0.7200 0.5500 least 0.5000, greatest 0.6000"
    )
    once = Page(page_of(model_card(repeats={"this model": ((0.7, 0.5),)})))
    assert "cross-validations with other folds" not in once.text


@pytest.mark.parametrize(("value", "told"), [(0.00004, "+0.0000"), (-0.00004, "+0.0000"), (-0.00006, "-0.0001")])
def test_a_difference_of_nought_is_not_negative(value: float, told: str) -> None:
    figures = dict(CARD.figures) | {"auc": Estimate(value, -0.1, 0.1)}
    page = Page(page_of(model_card(over_baselines={"logistic regression": figures})))
    assert page.cells("this model minus").startswith(f"this model minus logistic regression {told} ")


def test_choices_are_told_apart_from_the_model_in_words() -> None:
    page = Page(page_of(model_card(choices={"without age": CARD.figures}, by_choice={"without age": CARD.figures})))
    assert page.cells("this model minus one").startswith("this model minus one without age +")


def test_each_cut_off_is_told_with_its_cost_and_kinds_of_applicants_at_the_one_in_force() -> None:
    cost, refused = Estimate(0.5, 0.4, 0.6), Estimate(0.2, 0.1, 0.3)
    cutoffs = [CutoffInUse(name, at, cost, refused) for name, at in (("hindsight", 0.08), ("policy", 0.15))]
    page = Page(page_of(model_card(cutoffs=(CARD.cutoffs[0], *cutoffs))))
    assert (
        page.cells("cheapest in hindsight")
        == "cheapest in hindsight 0.0800 0.5000 0.4000 to 0.6000 20.0% 10.0% to 30.0%"
    )
    assert "At the cut-off in force, 0.1500." in page.text
    assert page.text.count("Cost and the share of defaulters caught are those at the proposed cut-off, 0.0909.") == 1


def test_what_is_not_told_is_a_dash_on_the_page() -> None:
    figures = dict(CARD.figures) | {"cost_per_application": UNTOLD, "best_cutoff_in_hindsight": UNTOLD}
    cutoffs = tuple(replace(each, cost=UNTOLD, refusal_share=UNTOLD) for each in CARD.cutoffs)
    text = Page(page_of(model_card(figures=figures, cutoffs=cutoffs))).text
    assert not re.search(r"\bnan\b", text)
    assert "would have been - (- to -)" in " ".join(text.split())


def test_what_is_never_an_input_is_said_and_what_the_policy_lets_be_one() -> None:
    assert "Never an input: gender, family status" in PAGE.text
    assert "Age may be an input, and is one. Social circle may be an input, and is one." in PAGE.text
    text = Page(page_of(model_card(unused_inputs=("social_circle",)))).text
    assert "Age may be an input, and is one. Social circle and all that is derived from it is no input" in text


def test_digests_and_versions_are_told() -> None:
    for told in (*CARD.files.values(), *CARD.learned_from.files, CARD.bundle_digest, "3.11"):
        assert told in PAGE.text
    assert PAGE.cells("AMT_CREDIT_known") == "AMT_CREDIT_known 3"


def test_kinds_of_applicants_are_told_and_those_of_few_counted() -> None:
    assert PAGE.cells("25 to 34").startswith("25 to 34 700 ")
    assert "under 25" not in PAGE.text
    assert "1 kind with too few applicants to tell of." in PAGE.text


def test_every_picture_has_words_and_is_drawn_in_the_colours_of_the_page() -> None:
    drawn = [given for tag, given in PAGE.tags if given.get("role") == "img"]
    assert len([tag for tag, _ in PAGE.tags if tag == "svg"]) == len(drawn) == 4
    assert all(given["aria-label"] for given in drawn)
    assert "currentColor" in page_of(CARD).decode()


def test_the_page_needs_nothing_from_elsewhere_and_runs_nothing() -> None:
    assert {"script", "link", "img", "iframe", "object", "image"} & {tag for tag, _ in PAGE.tags} == set()
    assert not re.search(r"https?:|//|@import", page_of(CARD).decode())
    assert set(re.findall(r"url\((.)", page_of(CARD).decode())) <= {"#"}
    assert {name for _, given in PAGE.tags for name in given if name in {"src", "srcset"} or name[:2] == "on"} == set()
    ids = [given["id"] for _, given in PAGE.tags if "id" in given]
    assert len(ids) == len(set(ids))
    used = {(given.get("xlink:href") or "#")[1:] for tag, given in PAGE.tags if tag == "use"}
    assert used <= set(ids)


def test_two_renderings_of_a_card_are_the_same_bytes() -> None:
    assert page_of(CARD) == page_of(model_card())


def test_no_picture_is_dated_or_told_by_whom_it_was_drawn() -> None:
    assert not re.search(r"<metadata|<dc:|Matplotlib", page_of(CARD).decode())


@pytest.mark.parametrize(
    "changes",
    [
        {"baselines": {}, "over_baselines": {}},
        {"groupings": ()},
        {"learned_from": replace(CARD.learned_from, files=(), left_out=None)},
        {"learned_from": replace(CARD.learned_from, left_out={})},
        {"shapes": ({"depth": 3, "cost": 0.52, "chosen": True}, {"depth": 6, "cost": 0.53, "chosen": False})},
        {"choices": CARD.baselines, "by_choice": CARD.over_baselines},
        {"policy": dict(CARD.policy) | {"cutoff": 0.1, "refer_from": 0.5}},
    ],
    ids=["no baselines", "no groupings", "unknown files", "none left out", "shapes", "choices", "own cut-off"],
)
def test_a_card_that_lacks_or_has_a_part_has_a_page(changes: dict[str, Any]) -> None:
    assert "Limits" in Page(page_of(model_card(**changes))).text


def test_markup_in_a_fact_stays_text() -> None:
    attack = "<script>alert(1)</script>"
    page = Page(page_of(model_card(model_name=attack, baselines={attack: CARD.figures}, versions={attack: attack})))
    assert "script" not in {tag for tag, _ in page.tags}
    assert page.text.count(attack) >= 3


@pytest.mark.parametrize("prices", [(137, 462), (100, 13_696)])
def test_the_frontier_tells_prices_near_each_other_too(prices: tuple[int, int]) -> None:
    shape = TriedShape(3, 400, 0.05, 80, 0.2, 0.8, 20.0, auc=0.76, log_loss=0.25, cost=0.52)
    axes = plots.draw_frontier([replace(shape, n_trees=price) for price in prices]).axes[0]
    low, high = axes.get_xlim()
    assert sum(low <= place <= high for place in axes.get_xticks()) >= 2


def test_the_frontier_is_shown_where_it_is_drawn() -> None:
    shape = TriedShape(3, 400, 0.05, 80, 0.2, 0.8, 20.0, auc=0.76, log_loss=0.25, cost=0.52)
    deeper = replace(shape, depth=6, is_chosen=False)
    page = Page(model_card_page(CARD, drawn_pictures(CARD) | {"frontier": plots.draw_frontier([shape, deeper])}))
    assert "chosen: depth 3, 400 trees" in page.text
    assert "Shapes tried" in page.text
    assert "Shapes tried" not in PAGE.text

"""A model is judged on predictions that no tree of its own has seen."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from configs.settings import Settings
from tasks.core.lender.feature_list import FAMILIES
from tasks.core.model.bundle import Bundle, bundle_digest, file_digests, to_files
from tasks.core.training.model_card import CARD_FILE, FIGURES_FILE
from tasks.training.cross_validate import MODEL
from tasks.training.evaluate import evaluate
from tasks.training.records import Choices, Evaluation, History, OutOfFold
from tasks.training.train import card_documents, fit
from tests.training.conftest import SMALL

SETTINGS = Settings(training=SMALL)
NOTHING = np.arange(0)


def told(history: History) -> History:
    """The history with what reading it would have told."""
    return history._replace(files=("5" * 64,), left_out={"exact copy": 2})


@pytest.fixture(scope="module")
def bundle(history: History, judged: OutOfFold) -> Bundle:
    return fit(history, judged, SETTINGS)


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings under a policy that refuses from a cut-off of its own."""
    path = tmp_path_factory.mktemp("policy") / "policy.yaml"
    path.write_text(Path("configs/policy.yaml").read_text("utf-8").replace("cutoff: bundle", "cutoff: 0.2"))
    return SETTINGS.model_copy(update={"scoring": SETTINGS.scoring.model_copy(update={"policy": str(path)})})


@pytest.fixture(scope="module")
def evaluated(history: History, judged: OutOfFold, bundle: Bundle, policy: Settings) -> Evaluation:
    rows = np.arange(2000)
    choices = Choices(rows, judged.pd[rows], {"without age": judged.baselines["logistic regression"].pd[rows]})
    return evaluate(told(history), judged, bundle, choices, policy)


def test_a_card_says_of_what_model_it_is_and_what_it_learned_from(
    evaluated: Evaluation, history: History, bundle: Bundle
) -> None:
    card = evaluated.card
    assert card.bundle_digest == bundle_digest(file_digests(to_files(bundle)))
    assert (card.learned_from.rows, card.learned_from.defaulted) == (3000, history.defaulted.sum())
    assert (card.learned_from.files, dict(card.learned_from.left_out)) == (("5" * 64,), {"exact copy": 2})
    assert card.unused_inputs == ()
    assert {each.family for each in card.influences} == set(FAMILIES.values())


def test_figures_stand_within_their_intervals_beside_those_of_simpler_models(evaluated: Evaluation) -> None:
    card = evaluated.card
    assert set(card.baselines) == {"logistic regression", "LightGBM, raw columns"}
    for figures in (card.figures, *card.baselines.values()):
        assert figures["auc"].low < figures["auc"].value < figures["auc"].high
    assert evaluated.metrics["auc"] == card.figures["auc"].value
    assert (set(card.choices), card.choice_rows) == ({"without age"}, 2000)


def test_kinds_of_applicants_are_judged_at_the_cut_off_in_force(evaluated: Evaluation) -> None:
    card = evaluated.card
    assert [each.name for each in card.cutoffs] == ["proposed", "hindsight", "policy"]
    proposed, best, used = card.cutoffs
    assert (proposed.cutoff, used.cutoff) == (1 / 11, 0.2)
    assert best.cost.value <= min(proposed.cost.value, used.cost.value)
    assert best.cutoff == pytest.approx(card.figures["best_cutoff_in_hindsight"].value)
    bands = next(each for each in card.groupings if each.name == "Risk band")
    assert {each.refusal_share for each in bands.segments} <= {0.0, 1.0}, "a band is refused whole or not at all"
    assert len(bands.segments) >= 2
    gender = next(each.segments for each in card.groupings if each.name.startswith("Gender"))
    refused = sum(each.rows * each.refusal_share for each in gender) / sum(each.rows for each in gender)
    assert refused == pytest.approx(used.refusal_share.value, abs=0.01)
    assert proposed.refusal_share.value > refused + 0.05


def part_of(judged: OutOfFold, rows: slice) -> OutOfFold:
    baselines = {name: each._replace(pd=each.pd[rows]) for name, each in judged.baselines.items()}
    return replace(judged, raw=judged.raw[rows], pd=judged.pd[rows], fold=judged.fold[rows], baselines=baselines)


@pytest.mark.parametrize("n_rows", [200, 500, 1000])
def test_of_a_small_history_no_point_of_a_curve_and_no_bin_tells_of_few(
    history: History, judged: OutOfFold, bundle: Bundle, policy: Settings, n_rows: int
) -> None:
    rows = slice(0, n_rows)
    small, few = History(history.rows[rows], history.defaulted[rows]), part_of(judged, rows)
    evaluated = evaluate(told(small), few, bundle, Choices(NOTHING, few.pd[NOTHING], {}), policy)
    facts = json.loads(card_documents(evaluated.card, evaluated.figures)[FIGURES_FILE])
    assert min(facts["reliability"]["rows"]) >= 50
    shares = [each["refusal_share"]["value"] for each in facts["cutoffs"]] + facts["curve"]["refusal_share"]["value"]
    refused = {round(share * n_rows) for share in [0, 1, *(each for each in shares if each is not None)]}
    assert len(refused) > 4
    assert np.diff(sorted(refused)).min() >= 20
    n_bad = int(small.defaulted.sum())
    for line in evaluated.figures["roc"].axes[0].lines[:-1]:
        counts = np.asarray(line.get_xdata()) * (n_rows - n_bad) + np.asarray(line.get_ydata()) * n_bad
        assert np.diff(counts).min() >= 20 - 1e-6
    drawn = evaluated.figures["cost"].axes[0].lines[0]
    assert np.asarray(drawn.get_xdata()).tolist() == list(evaluated.card.curve.cutoffs)


def test_a_cut_off_that_refuses_a_few_tells_nothing_of_them(
    history: History, judged: OutOfFold, bundle: Bundle, tmp_path: Path
) -> None:
    rows = slice(0, 300)
    small, few = History(history.rows[rows], history.defaulted[rows]), part_of(judged, rows)
    cutoff = float(np.sort(few.pd)[-5])
    path = tmp_path / "policy.yaml"
    path.write_text(Path("configs/policy.yaml").read_text("utf-8").replace("cutoff: bundle", f"cutoff: {cutoff}"))
    settings = SETTINGS.model_copy(update={"scoring": SETTINGS.scoring.model_copy(update={"policy": str(path)})})
    evaluated = evaluate(told(small), few, bundle, Choices(NOTHING, few.pd[NOTHING], {}), settings)
    in_force = evaluated.card.cutoffs[-1]
    assert (in_force.cutoff, in_force.cost.is_told, in_force.refusal_share.is_told) == (cutoff, False, False)
    assert not {"policy_cutoff_cost", "policy_cutoff_refusal_share"} & evaluated.metrics.keys()
    assert "at the policy cut-off" in card_documents(evaluated.card, evaluated.figures)[CARD_FILE].decode()


def test_a_model_is_documented_for_people_and_for_programs(evaluated: Evaluation) -> None:
    documents = card_documents(replace(evaluated.card, model_version="4"), evaluated.figures)
    assert set(documents) == {CARD_FILE, FIGURES_FILE}
    assert evaluated.card.bundle_digest in documents[CARD_FILE].decode()
    assert "Model card of credit-default version 4" in documents[CARD_FILE].decode()
    facts = json.loads(documents[FIGURES_FILE])
    assert (facts["learned_from"]["rows"], facts["model_version"]) == (3000, "4")
    assert CARD_FILE in evaluated.description
    assert set(evaluated.figures) == {"roc", "reliability", "cost", "contributions"}


def test_a_model_has_a_card_where_no_choice_is_measured_and_no_baseline_judged(
    history: History, judged: OutOfFold, bundle: Bundle, policy: Settings, evaluated: Evaluation
) -> None:
    alone = replace(judged, baselines={}, repeats={MODEL: judged.repeats[MODEL]})
    card = evaluate(told(history), alone, bundle, Choices(NOTHING, judged.pd[NOTHING], {}), policy).card
    assert (card.choices, card.by_choice, card.choice_rows, card.baselines) == ({}, {}, 0, {})
    assert card.figures == evaluated.card.figures

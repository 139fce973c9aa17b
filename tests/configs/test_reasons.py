"""The reviewed reasons: complete, unique, and fit for a letter."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from configs.policy import load_policy
from configs.reasons import load_reasons
from configs.settings import PROJECT, load_settings
from tasks.core.lender.amounts import MONEY
from tasks.core.lender.feature_list import AGE, FAMILIES, FEATURES
from tasks.errors import ConfigError
from tasks.model.load import changeable_fields, reasons_of

SHIPPED = PROJECT / "configs/reasons.yaml"
FILE = load_reasons(SHIPPED, FAMILIES, MONEY)
FAMILY_OF = {feature.columns[0]: feature.family for feature in FEATURES if feature.columns == (feature.name,)}
WORDS = {
    "DAYS_BIRTH": "your age",
    "DAYS_EMPLOYED": "in your job",
    "NAME_INCOME_TYPE": "kind of income",
    "OCCUPATION_TYPE": "your occupation",
    "CNT_FAM_MEMBERS": "your household",
    "AMT_CREDIT": "loan",
    "AMT_ANNUITY": "loan",
    "AMT_GOODS_PRICE": "loan",
}
"""What a sentence calls a column of another family."""


def test_the_shipped_reasons_cover_every_family_and_no_other() -> None:
    assert [entry.family for entry in FILE.reasons] == list(FAMILIES)
    assert set(reasons_of(load_settings(environ={}))) == set(FAMILIES)


def test_codes_that_were_given_stay_what_they_are() -> None:
    assert {entry.family: entry.code for entry in FILE.reasons} == {
        family: f"R{n:02}" for n, family in enumerate(FAMILIES, start=1)
    }


@pytest.mark.parametrize("entry", FILE.reasons, ids=lambda entry: entry.family)
def test_a_sentence_can_be_put_into_a_letter(entry: Any) -> None:
    assert re.fullmatch(r"[A-Z][\w ,.'-]+\.", entry.sentence)
    assert re.search(r"\b(we|us|you|your)\b", entry.sentence, re.IGNORECASE)
    assert max(len(sentence.split()) for sentence in entry.sentence.split(". ")) <= 30
    assert not re.search(r"_|\b(Shapley|log-odds|feature|ratio|normalised)\b", entry.sentence)


@pytest.mark.parametrize("entry", FILE.reasons, ids=lambda entry: entry.family)
def test_a_sentence_names_what_its_family_is_compared_with(entry: Any) -> None:
    looked_at = {column for feature in FEATURES if feature.family == entry.family for column in feature.columns}
    if not load_policy(PROJECT / "configs/policy.yaml").inputs.age:
        looked_at -= {AGE}
    assert [
        column
        for column in sorted(looked_at)
        if FAMILY_OF[column] != entry.family and WORDS[column] not in entry.sentence
    ] == []


@pytest.mark.parametrize("family", ["external_scores", "building", "social_circle", "enquiries"])
def test_a_sentence_stays_true_where_nothing_is_known(family: str) -> None:
    (sentence,) = (entry.sentence for entry in FILE.reasons if entry.family == family)
    assert re.search(r"\bnot know\b|\black of\b", sentence)


def test_no_two_families_say_the_same() -> None:
    assert len({entry.sentence for entry in FILE.reasons}) == len(FAMILIES)


def test_an_applicant_can_change_loan_instalment_and_price_and_nothing_of_the_person() -> None:
    assert list(changeable_fields(load_settings(environ={}))) == ["AMT_CREDIT", "AMT_ANNUITY", "AMT_GOODS_PRICE"]


def test_a_file_of_an_earlier_program_lets_nothing_be_changed(tmp_path: Path) -> None:
    told = yaml.safe_load(SHIPPED.read_text())
    del told["changeable"]
    path = tmp_path / "reasons.yaml"
    path.write_text(yaml.safe_dump(told))
    assert load_reasons(path, FAMILIES, MONEY).changeable == ()


def changed(place: int, **fields: Any) -> Callable[[dict[str, Any]], None]:
    return lambda told: told["reasons"][place].update(fields)


WRONG: dict[str, Callable[[dict[str, Any]], Any]] = {
    "no reason is given for loan, age.": lambda told: [told["reasons"].pop(n) for n in (4, 1)],
    "no reason is given for loan. loans is not a family of features. Did you mean 'loan'?": changed(1, family="loans"),
    "there are several reasons for car.": lambda told: told["reasons"].append(
        {"family": "car", "code": "R99", "sentence": "Your car."}
    ),
    "several families have the code R01.": changed(1, code="R01"),
    "R03 is retired; take a code that was never given.": lambda told: told["retired"].append("R03"),
    "reasons.1.code is 'loan 1': String should match pattern": changed(1, code="loan 1"),
    "reasons.1.sentence is '': String should have at least 1 character": changed(1, sentence=""),
    "reasons.2.sentence is ' ': String should have at least 1 character": changed(2, sentence=" "),
    "reasons.1.letter is unknown.": changed(1, letter="L"),
    "AGE is not a declared amount, so it cannot be changeable.": lambda told: told["changeable"].append(
        {"field": "AGE", "words": "age"}
    ),
    "AMT_CREDITS is not a declared amount, so it cannot be changeable. Did you mean 'AMT_CREDIT'?": lambda told: told[
        "changeable"
    ].append({"field": "AMT_CREDITS", "words": "loan"}),
    "AMT_CREDIT is changeable more than once.": lambda told: told["changeable"].append(
        {"field": "AMT_CREDIT", "words": "loan"}
    ),
    "changeable.0.words is '': String should have at least 1 character": lambda told: told["changeable"][0].update(
        words=""
    ),
    "retired is": lambda told: told.pop("retired"),
}


@pytest.mark.parametrize(("said", "change"), WRONG.items(), ids=WRONG)
def test_what_is_wrong_with_the_reasons_is_named(
    tmp_path: Path, said: str, change: Callable[[dict[str, Any]], Any]
) -> None:
    told = yaml.safe_load(SHIPPED.read_text())
    change(told)
    path = tmp_path / "reasons.yaml"
    path.write_text(yaml.safe_dump(told))
    with pytest.raises(ConfigError, match=re.escape(said)) as stopped:
        load_reasons(path, FAMILIES, MONEY)
    assert str(stopped.value).startswith("reasons.yaml is wrong: ")

"""docs/features.md lists every feature with its formula and unit."""

import os
import re
from pathlib import Path

from tasks.core.lender.feature_list import AGE, FAMILIES, FEATURES, NEVER_INPUTS, Feature

DOCUMENT = Path(__file__).parents[3] / "docs/features.md"
LISTED = "## The features"
HEAD = ("| feature | formula or meaning | unit | |", "| --- | --- | --- | --- |")
ARROW = {1: "↑", -1: "↓", 0: ""}


def line(feature: Feature) -> str:
    age = "age" if AGE in feature.columns else ""
    marks = " ".join(filter(None, (ARROW[feature.direction], age)))
    return f"| `{feature.name}` | {feature.formula} | {feature.unit} | {marks} |".replace("_*", r"\_\*")


def listed() -> str:
    told = f"{len(FEATURES)} features in {len(FAMILIES)} families; reasons speak of families. Made by `make docs`."
    parts = [
        "\n".join(
            [f"### {title}", "", "| feature | formula or meaning | unit | |", "| --- | --- | --- | --- |", *lines]
        )
        for family, title in FAMILIES.items()
        for lines in [[line(feature) for feature in FEATURES if feature.family == family]]
    ]
    return "\n\n".join([LISTED, told, *parts]) + "\n"


def test_the_document_lists_the_features_as_they_are() -> None:
    written = DOCUMENT.read_text("utf-8").partition(LISTED)[0] + listed()
    if os.environ.get("WRITE_DOCS"):
        DOCUMENT.write_text(written, "utf-8")
    assert DOCUMENT.read_text("utf-8") == written


def test_every_feature_stands_in_it_once_and_nothing_that_is_never_an_input() -> None:
    named = re.findall(r"^\| `(\w+)` \|", DOCUMENT.read_text("utf-8"), re.MULTILINE)
    assert sorted(named) == sorted(feature.name for feature in FEATURES)
    assert not NEVER_INPUTS & set(named)


def test_every_feature_says_what_it_is() -> None:
    for feature in FEATURES:
        assert feature.family in FAMILIES
        assert feature.unit
        assert feature.formula
        assert feature.columns

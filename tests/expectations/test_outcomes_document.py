"""docs/outcomes.md lists the rules of the suite of outcomes, and the fates of a row."""

import json
import re

from configs.settings import PROJECT
from tasks.core.outcomes.settling import FATES

TEXT = (PROJECT / "docs/outcomes.md").read_text("utf-8")
SUITE = json.loads((PROJECT / "expectations/outcomes.json").read_text("utf-8"))


def test_the_document_lists_every_rule_with_its_sentence() -> None:
    rules = [(each["meta"]["id"], each["meta"]["sentence"]) for each in SUITE["expectations"]]
    assert re.findall(r"^\| `(\w+)` \| (.*?) \| (?:file|row|a warning)", TEXT, re.MULTILINE) == rules


def test_the_document_lists_every_fate() -> None:
    table = TEXT.split("| fate | a row that |")[1].split("\n\n")[0]
    assert re.findall(r"^\| (\w+) \|", table, re.MULTILINE) == list(FATES)

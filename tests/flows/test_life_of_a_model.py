"""The whole life of a model, each step by its command: trained, promoted, doubted, challenged, rolled back."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.commands import Ended, call

FIRST, SECOND, THIRD = "2026-10-05", "2026-10-06", "2026-10-07"
ROWS = "1500"
LEAN = {
    "max_depth": 3, "folds": 2, "reference_rows": 300, "baselines": "none", "choice_rows": 0,
    "least_new_outcomes": 300, "least_new_defaulted": 5,
}  # fmt: skip
Scoring = Callable[..., Ended]


@pytest.fixture
def scoring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Scoring:
    """`scoring WORDS` in a folder of its own; `training` and `code` say with which settings, and how it has to end.

    The first cut-off is that of defaults that cost thirty good customers, whereas they cost ten now.
    """
    former = tmp_path / "former_policy.yaml"
    former.write_text(
        Path("configs/policy.yaml").read_text("utf-8").replace("false_negative: 10 ", "false_negative: 30 ")
    )

    def run(words: str, *, code: int = 0, **training: object) -> Ended:
        settings = {
            "storage": {"root": str(tmp_path / "store")},
            "registry": {
                "tracking_uri": f"sqlite:///{tmp_path}/mlflow.db", "artifact_root": str(tmp_path / "artifacts"),
            },
            "training": LEAN | training,
            "outcomes": {"maturity_days": 30},
            "promotion": {"least_rows": 1000, "least_defaulted": 50},
        }  # fmt: skip
        config = tmp_path / "settings.yaml"
        config.write_text(yaml.safe_dump(settings))
        monkeypatch.setenv("SCORING_CONFIG", str(config))
        ended = call(
            [str(tmp_path / word[1:]) if word[0] == "@" else word for word in _words(words)], monkeypatch, capsys
        )
        assert ended.code == code, ended
        return ended

    return run


def _words(line: str) -> list[str]:
    return [quoted or plain for quoted, plain in re.findall(r'"([^"]*)"|(\S+)', line)]


def test_a_model_lives(scoring: Scoring, tmp_path: Path) -> None:
    before = {"max_trees": 30, "policy": str(tmp_path / "former_policy.yaml")}
    store = tmp_path / "store"

    def manifest(day: str, revision: int = 1) -> dict:
        return json.loads((store / f"revisions/day={day}/rev={revision:04d}/manifest.json").read_text())

    # Trained and promoted: the first model scores by itself.
    scoring("generate --from 2026-10-01 --rows 2400 --seed 5 --format parquet --to @history")
    small = "@history/applications_2026-10-01.parquet"
    assert "version 1 is the champion now" in scoring(f"train --without-prefect --applications {small}", **before).out
    assert "first" in scoring("promote --history").out

    # Scored, and its day drifts.
    scoring(f"generate --from {FIRST} --rows {ROWS} --seed 11 --drift income:+0.6")
    assert "published" in scoring(f"score --without-prefect --as-of {FIRST}").out
    told = scoring(f"monitor --without-prefect --as-of {FIRST}").out
    assert "alert" in told
    assert "AMT_INCOME_TOTAL" in told

    # Outcomes arrive: until then nothing is retrained, and the command says why.
    why = scoring("train --without-prefect --from-outcomes", **before).out
    assert "of 300 new outcomes that it needs, 0 are known" in why
    scoring(f"generate --from {FIRST} --rows {ROWS} --seed 11 --outcomes @outcomes.csv")
    assert "657 rows; taken in as delivery 1" in scoring("outcomes --without-prefect @outcomes.csv").out
    assert (store / "outcomes/backtest/index.html").exists()

    # Retrained on them, with the settings of before: a challenger that is not shown to cost less.
    history = [str(tmp_path / small[1:])]
    retrained = scoring("train --without-prefect --from-outcomes", **before, history=history).out
    assert "version 2 is the challenger now" in retrained
    assert (
        "of 300 new outcomes that it needs, 0 are known"
        in scoring("train --without-prefect --from-outcomes", **before).out
    )
    refused = scoring("promote", code=5).err
    assert "version 2 does not score" in refused
    assert "cost" in refused
    assert "Version 1 scores on" in refused

    # A better one: the cut-off of the costs of now.
    scoring("generate --from 2026-10-02 --rows 3600 --seed 5 --format parquet --to @history")
    large = "@history/applications_2026-10-02.parquet"
    assert (
        "version 3 is the challenger now"
        in scoring(f"train --without-prefect --applications {large}", max_trees=30).out
    )
    assert "cost" in scoring("compare --version 3").out

    # It scores a day beside the champion, which alone is published.
    scoring(f"generate --from {SECOND} --rows {ROWS} --seed 12")
    assert "applications otherwise" in scoring(f"score --without-prefect --as-of {SECOND} --shadow challenger").out
    assert manifest(SECOND)["model"]["version"] == "1"
    assert json.loads((store / f"reports/day={SECOND}/shadow.json").read_text())

    # Promoted by the gate, and it decides the next day.
    promoted = scoring("promote").out
    assert "version 3" in promoted
    scoring(f"generate --from {THIRD} --rows {ROWS} --seed 13")
    scoring(f"score --without-prefect --as-of {THIRD}")
    assert manifest(THIRD)["model"]["version"] == "3"

    page = store / "reports/model=credit-default/version=3/index.html"
    assert 'href="promotion.html"' in page.read_text()
    assert page.with_name("promotion.html").exists()

    # Rolled back: the day that it decided is named with the command that decides it again.
    back = scoring('promote --rollback --reason "too many bad loans"').out
    assert "version 1" in back
    (again,) = re.findall(r"scoring (backfill .*)", back)
    assert THIRD in again
    assert SECOND not in again
    scoring(f"{again.replace('...', 'the model was rolled back')} --without-prefect")
    assert manifest(THIRD, 2)["model"]["version"] == "1"
    history_of_all = scoring("promote --history").out
    for word in ("first", "gate", "rollback", "too many bad loans"):
        assert word in history_of_all

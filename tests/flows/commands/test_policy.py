"""`scoring policy` shows what is in force; once a policy is active, an edit of the file reaches no day."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from configs.policy import load_policy
from configs.settings import PROJECT
from flows.score_applications import score_applications
from tests.commands import Ended, call
from tests.conftest import DAY, Project


@pytest.fixture
def scoring(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Ended]:
    """Call a command on the project with a working file of its own, `tmp_path/policy.yaml`."""
    working = tmp_path / "policy.yaml"
    working.write_text((PROJECT / "configs/policy.yaml").read_text())
    own = project.with_settings(scoring={"policy": str(working)})
    return lambda *words: call([*words, "--config", own.config], monkeypatch, capsys)


def newest(scoring: Callable[..., Ended], project: Project, *words: str) -> dict[str, object]:
    ended = scoring("score", "--as-of", str(DAY), "--without-prefect", *words)
    assert ended.code == 0, ended.err
    manifests = sorted(project.root.glob(f"revisions/day={DAY}/rev=*/manifest.json"))
    return dict(json.loads(manifests[-1].read_text())["policy"])


def test_an_edit_reaches_no_day_before_it_is_activated_and_can_be_rolled_back(
    scoring: Callable[..., Ended], project: Project, tmp_path: Path
) -> None:
    working = tmp_path / "policy.yaml"
    project.deliver(rows=60)
    before = scoring("policy")
    assert before.code == 0
    assert "Policy 1, the working file; none was ever activated" in before.out
    assert "No policy is activated" in before.out
    first = newest(scoring, project)
    activated = scoring("policy", "--activate", str(working), "--reason", "the start")
    assert "Policy 1 is active, by activation 1." in activated.out
    working.write_text(working.read_text().replace('version: "1"', 'version: "2"').replace("bundle  ", "0.2  "))
    assert load_policy(working).cutoff == 0.2
    assert newest(scoring, project, "--force", "--reason", "see") == first
    shown = scoring("policy").out
    assert "version 2, differs from the active policy 1, and is not in force" in " ".join(shown.split())
    assert scoring("policy", "--activate", str(working), "--reason", "more approvals").code == 0
    second = newest(scoring, project, "--force", "--reason", "the new policy")
    assert (second["version"], second["cutoff"], second["digest"]) == ("2", 0.2, load_policy(working).digest)
    working.unlink()
    assert scoring("policy", "--activate", "1", "--reason", "too many defaults").code == 0
    assert newest(scoring, project, "--force", "--reason", "back") == first
    record = json.loads(scoring("policy", "--json").out)
    assert [(each["version"], each["reason"]) for each in record["history"]] == [
        ("1", "the start"), ("2", "more approvals"), ("1", "too many defaults"),
    ]  # fmt: skip
    assert record["policy"]["version"] == "1"


def test_corrections_and_as_was_keep_the_policy_of_the_day(
    scoring: Callable[..., Ended], project: Project, tmp_path: Path
) -> None:
    working = tmp_path / "policy.yaml"
    project.deliver(rows=60)
    first = newest(scoring, project)
    working.write_text(working.read_text().replace('version: "1"', 'version: "2"').replace("bundle  ", "0.2  "))
    scoring("policy", "--activate", str(working), "--reason", "more approvals")
    (project.landing / "more.csv").write_bytes(next(project.landing.glob("*.csv")).read_bytes())
    (project.landing / "_control.json").unlink(missing_ok=True)
    assert newest(scoring, project, "--as-was", "--reason", "a file came late") == first


def test_version_one_with_other_content_is_refused(
    scoring: Callable[..., Ended], project: Project, tmp_path: Path
) -> None:
    working = tmp_path / "policy.yaml"
    scoring("policy", "--activate", str(working), "--reason", "the start")
    working.write_text(working.read_text().replace("bundle  ", "0.2  "))
    refused = scoring("policy", "--activate", str(working), "--reason", "more approvals")
    assert (refused.code, "has version 1, but its content is not that" in refused.err) == (2, True)
    assert len(list(project.root.glob("versions/active-policy/*"))) == 1


@pytest.mark.parametrize("words", [["--activate", "x.yaml"], ["--reason", "why"], ["--activate", "x", "--reason", " "]])
def test_an_activation_needs_a_reason_and_a_reason_an_activation(
    scoring: Callable[..., Ended], words: list[str]
) -> None:
    assert scoring("policy", *words).code == 2


def test_a_run_says_while_no_policy_is_activated(
    scoring: Callable[..., Ended], project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    project.deliver(rows=60)
    caplog.set_level("INFO")
    score_applications.fn(as_of=DAY, config=project.config)
    assert "No policy is activated" in caplog.text
    assert scoring("policy", "--activate", "configs/policy.yaml", "--reason", "the start").code == 0
    caplog.clear()
    score_applications.fn(as_of=DAY, config=project.config, force=True, reason="see")
    assert "policy is activated" not in caplog.text

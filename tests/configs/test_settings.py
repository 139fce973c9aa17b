from pathlib import Path

import pytest
from pydantic import BaseModel

from configs.policy import AllowedInputs, PolicyFile, load_policy
from configs.settings import PROJECT, Settings, load_settings
from tasks.core.lender.feature_list import SWITCHES
from tasks.errors import ConfigError


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "settings.yaml"
    path.write_text("scoring: {chunk_rows: 123}\n")
    return path


def test_environment_goes_before_file_and_file_before_default(written: Path) -> None:
    assert load_settings(written, environ={}).scoring.chunk_rows == 123
    assert load_settings(written, environ={"SCORING_SCORING__CHUNK_ROWS": "7"}).scoring.chunk_rows == 7
    assert load_settings(written, environ={}).training.seed == Settings().training.seed


def test_the_file_may_be_named_in_the_environment(written: Path) -> None:
    assert load_settings(environ={"SCORING_CONFIG": str(written)}).scoring.chunk_rows == 123


def test_relative_paths_belong_to_the_project_wherever_the_command_runs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load_settings("configs/local.yaml", environ={})
    assert settings.storage.root == str(PROJECT / "var/store")
    assert settings.registry.tracking_uri == f"sqlite:///{PROJECT}/var/mlflow.db"


@pytest.mark.parametrize(
    ("text", "environ", "message"),
    [
        (
            "scoring: {chunk_row: 5}",
            {},
            r"scoring.chunk_row is unknown. Did you mean 'chunk_rows'\? Known here: chunk_rows",
        ),
        ("scorin: {}", {}, r"scorin is unknown. Did you mean 'scoring'\?"),
        ("scoring: {chunk_rows: 0}", {}, "scoring.chunk_rows is 0: Input should be greater than or equal to 1"),
        ("scoring: {chunk_rows: many}", {}, "scoring.chunk_rows is 'many': Input should be a valid integer"),
        ("scoring: 5", {}, "scoring is 5"),
        ("[1, 2]", {}, "holds a list; it must hold a mapping: lines `name: value`"),
        ("a: [", {}, "cannot be read as YAML"),
        ("", {"SCORING_SCORING__CHUNK_ROWS": "-1"}, "scoring.chunk_rows is '-1'"),
        ("", {"SCORING_SCORING__CHUNKS": "1"}, "scoring.chunks is unknown"),
        ("", {"SCORING_CHUNKS": "1"}, "SCORING_CHUNKS is not a setting; overrides are named"),
    ],
)
def test_a_wrong_setting_names_field_value_and_what_is_allowed(
    tmp_path: Path, text: str, environ: dict[str, str], message: str
) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        load_settings(path, environ=environ)


def test_a_secret_is_taken_from_the_environment_alone_and_never_told(tmp_path: Path) -> None:
    token = "letters" * 3
    held = load_settings(environ={"SCORING_DASHBOARD__TOKEN": token}).dashboard.token
    assert held is not None
    assert held.get_secret_value() == token
    assert token not in repr(load_settings(environ={"SCORING_DASHBOARD__TOKEN": token}))
    path = tmp_path / "settings.yaml"
    path.write_text(f"dashboard: {{token: {token}}}")
    with pytest.raises(ConfigError, match=r"settings\.yaml holds dashboard\.token.*SCORING_DASHBOARD__TOKEN\.") as told:
        load_settings(path, environ={})
    assert token not in str(told.value)


def test_a_secret_that_is_too_short_is_not_repeated() -> None:
    with pytest.raises(ConfigError, match=r"dashboard\.lookup_key is not shown.* at least 16") as told:
        load_settings(environ={"SCORING_DASHBOARD__LOOKUP_KEY": "a-short-one"})
    assert "a-short-one" not in str(told.value)


def test_a_settings_file_that_is_missing_is_named() -> None:
    with pytest.raises(ConfigError, match=r"configs/nowhere.yaml does not exist"):
        load_settings("configs/nowhere.yaml", environ={})


def _fields(model: type[BaseModel]) -> list[tuple[str, str | None]]:
    found = []
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found.extend(_fields(field.annotation))
        else:
            found.append((name, field.description))
    return found


def test_every_setting_is_described() -> None:
    assert [name for name, description in _fields(Settings) if not description] == []


def test_settings_cannot_be_changed_while_running() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().scoring.chunk_rows = 1


def test_the_shipped_policy_is_valid_and_its_digest_is_its_content() -> None:
    policy = load_policy("configs/policy.yaml")
    assert (policy.costs.false_negative, policy.costs.false_positive, policy.cutoff) == (10, 1, "bundle")
    assert policy.digest != policy.model_copy(update={"version": "2"}).digest


def test_an_input_counts_in_the_digest_only_where_it_is_forbidden() -> None:
    policy = load_policy("configs/policy.yaml")
    # Days were published under this digest before there were other inputs than age.
    assert policy.digest == "3803810052378b902e46d60c7e92e964cbeb8b88ed91c26fd65e9a29cf9dc148"
    shorter = policy.model_dump() | {"inputs": {"age": True}}
    assert PolicyFile.model_validate(shorter).digest == policy.digest
    digests = {policy.digest}
    for name in AllowedInputs.model_fields:
        other = PolicyFile.model_validate(policy.model_dump() | {"inputs": {"age": True, name: False}})
        assert other.inputs.forbidden == (name,)
        digests.add(other.digest)
    assert len(digests) == 5
    assert tuple(AllowedInputs.model_fields) == tuple(SWITCHES)


def test_a_wrong_policy_names_the_field(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text((PROJECT / "configs/policy.yaml").read_text().replace("false_negative: 10", "false_negative: 0"))
    with pytest.raises(ConfigError, match="policy.yaml is wrong: costs.false_negative is 0"):
        load_policy(path)


POLICY = (PROJECT / "configs/policy.yaml").read_text("utf-8")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (POLICY.replace("version:", "verison:"), r"version is missing; verison is unknown. Did you mean 'version'\?"),
        (
            POLICY.replace("cutoff: bundle", "cutoff: bundel"),
            "cutoff is 'bundel': Input should be 'bundle' or Input should be a valid number",
        ),
        (POLICY.replace("cutoff: bundle", "cutoff: [1]"), "cutoff is a list: Input"),
        (
            POLICY.replace("{name: A, up_to", "{nam: A, up_to"),
            r"bands.0.name is missing; bands.0.nam is unknown. Did you mean 'name'\?",
        ),
        (POLICY.replace("up_to: 0.25", "upto: 0.25"), "bands.0.up_to is missing; bands.0.upto is unknown"),
        (
            POLICY.replace("false_positive: 1 ", "false_positive: .inf "),
            "costs.false_positive is inf: Input should be a finite",
        ),
        (POLICY.replace("false_positive: 1 ", "false_positive: one "), "costs.false_positive is 'one': Input"),
        (POLICY.replace("costs: ", "costs: 5 #").replace("  false", "#"), "costs is 5: Input"),
        (POLICY.replace("  age: true", "  age: maybe"), "inputs.age is 'maybe'"),
        (POLICY.replace("  age:", "\tage:"), r"cannot be read as YAML: .*, line \d+, column 1. Indent with spaces"),
        (POLICY + "cutoff: 0.2\n", "cannot be read as YAML: 'cutoff' stands there twice; .*, line 19, column 1."),
        (POLICY + "? [1]\n: 2\n", "cannot be read as YAML: found unhashable key, line 19, column 3."),
        (POLICY + "since: 2026-13-01\n", "cannot be read as YAML: month must be in 1..12."),
        (POLICY + "x: *nobody\n", "cannot be read as YAML: found undefined alias 'nobody', line 19"),
        (f"- {POLICY[:40]}", "holds a list; it must hold a mapping"),
        ("just words", "holds a text; it must hold a mapping"),
        ("", "policy.yaml is wrong: version is missing; costs is missing; .* The file is empty."),
        ("# nothing\n", "The file is empty."),
    ],
)
def test_a_typo_in_a_reviewed_file_is_told_in_a_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigError, match=message) as refused:
        load_policy(path)
    told = str(refused.value)
    assert len(told.splitlines()) == 1
    assert len(told) < 400
    assert "lost good customer" not in told


def test_a_reviewed_file_that_is_missing_or_no_text_is_told_with_the_setting_that_names_it(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    with pytest.raises(
        ConfigError, match=r"policy.yaml does not exist. Restore it, or name another .* scoring.policy."
    ):
        load_policy(path)
    path.write_bytes(POLICY.encode("utf-16"))
    with pytest.raises(ConfigError, match=r"cannot be read as YAML: it is not UTF-8 text\."):
        load_policy(path)
    with pytest.raises(ConfigError, match=r"cannot be read as YAML: Is a directory\."):
        load_policy(tmp_path)

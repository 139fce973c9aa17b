from pathlib import Path

import pytest
from pydantic import BaseModel

from configs.policy import load_policy
from configs.settings import PROJECT, Settings, load_settings
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
        ("[1, 2]", {}, "holds a list; it must hold a mapping of sections"),
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


def test_a_wrong_policy_names_the_field(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text((PROJECT / "configs/policy.yaml").read_text().replace("false_negative: 10", "false_negative: 0"))
    with pytest.raises(ConfigError, match="policy.yaml is wrong: costs.false_negative is 0"):
        load_policy(path)

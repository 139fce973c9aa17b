"""One application, online: the registered model in MLflow's own server, and loaded as MLflow loads it."""

import contextlib
import io
import json
import os
import pickle
import re
import socket
import subprocess
import sys
import time
import traceback
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import mlflow
import pandas as pd
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from configs.settings import PROJECT, load_settings
from tasks.adapters.mlflow_server import _quoting_nothing, _read_csv
from tasks.core.decision.online import ANSWER
from tasks.core.lender.columns import NAMES
from tasks.errors import ConfigError, ExpectationsNotMet, ModelError, SourceError
from tasks.model.load import registry_of
from tests.conftest import DAY, Project

MLFLOW = str(Path(sys.executable).with_name("mlflow"))
CHAMPION = "models:/credit-default@champion"
START_SECONDS = 180
JSON, CSV = "application/json", "text/csv"
ASKED = 3
BAD_INCOME = "one hundred and 5"
PUBLISHED = [name for name in ANSWER.names if name not in ("broken_rules", "absent_columns")]


class Answer(NamedTuple):
    status: int
    text: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        assert self.status == 200, self.text
        return json.loads(self.text, parse_constant=pytest.fail)["predictions"]  # NaN would be no JSON

    @property
    def message(self) -> str:
        assert self.status == 400
        told = json.loads(self.text)
        assert set(told) <= {"error_code", "message", "sqlstate", "error_class"}  # no stack trace
        return told["message"]


class Server(NamedTuple):
    url: str
    log: Path

    def ask(self, body: str | bytes, content_type: str = JSON) -> Answer:
        data = body if isinstance(body, bytes) else body.encode()
        request = urllib.request.Request(self.url, data, {"Content-Type": content_type})  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310
                return Answer(response.status, response.read().decode())
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.read().decode())


def environment(project: Project, *modules: Path) -> dict[str, str]:
    """What `mlflow models serve` finds set: MLflow starts `uvicorn` by its name."""
    return {
        **os.environ,
        "MLFLOW_TRACKING_URI": load_settings(project.config).registry.tracking_uri,
        "SCORING_CONFIG": project.config,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": ":".join(map(str, (*modules, PROJECT))),
    }


def command(port: int) -> list[str]:
    return [MLFLOW, "models", "serve", "-m", CHAMPION, "--env-manager", "local", "--port", str(port)]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextlib.contextmanager
def serving(project: Project, folder: Path) -> Iterator[Server]:
    port, log = free_port(), folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command(port), env=environment(project, folder), cwd=PROJECT, stdout=output, stderr=output
        )
    try:
        wait_for(f"http://127.0.0.1:{port}/ping", process, log)
        yield Server(f"http://127.0.0.1:{port}/invocations", log)
    finally:
        process.terminate()
        process.wait(30)


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < until:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5):  # noqa: S310
            return
        time.sleep(0.2)
    pytest.fail(f"The server did not start:\n{log.read_text()}")


@pytest.fixture(scope="module")
def server(trained: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The real server, on a machine without Prefect."""
    folder = tmp_path_factory.mktemp("server")
    (folder / "prefect.py").write_text("raise ImportError('Prefect is not needed to serve')")
    with serving(trained, folder) as running:
        yield running


@pytest.fixture(scope="module")
def day(trained: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A day with a few applications, scored by the batch."""
    from flows.score_applications import score_applications

    folder = tmp_path_factory.mktemp("day")
    project = Project(trained.config, folder / "store").with_settings(storage={"root": str(folder / "store")})
    project = Project(project.config, folder / "store")
    project.deliver(rows=40)
    score_applications.fn(as_of=DAY, config=project.config)
    return project


@pytest.fixture(scope="module")
def published(day: Project) -> list[dict[str, Any]]:
    """Published rows as an answer would give them."""
    rows = pq.read_table(day.decisions).sort_by([("pd", "descending")]).select(PUBLISHED).to_pylist()
    found = [rows[0], rows[len(rows) // 2], rows[-1]]
    assert [row["reason_1"] is not None for row in found] == [row["decision"] != "approve" for row in found]
    assert {row["decision"] for row in found} == {"refuse", "approve"}
    return found


@pytest.fixture(scope="module")
def delivered(day: Project, published: list[dict[str, Any]]) -> pd.DataFrame:
    """The same applications as they were delivered, text and all, in the same order."""
    [path] = day.landing.glob("*.csv")
    text = pd.read_csv(path, dtype=str, keep_default_na=False, na_values=[""]).set_index("SK_ID_CURR", drop=False)
    return text.loc[[str(row["application_id"]) for row in published]].reset_index(drop=True)


@pytest.fixture(scope="module")
def typed(day: Project, published: list[dict[str, Any]]) -> pd.DataFrame:
    """The same applications as numbers and text, exact to the last bit."""
    [path] = day.landing.glob("*.csv")
    frame = pa_csv.read_csv(path).to_pandas().set_index("SK_ID_CURR", drop=False)
    return frame.loc[[row["application_id"] for row in published]].reset_index(drop=True)


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    rows = frame.to_dict("records")
    return [{name: None if pd.isna(cell) else cell for name, cell in row.items()} for row in rows]


def split(frame: pd.DataFrame) -> dict[str, Any]:
    return {"columns": list(frame.columns), "data": [list(row.values()) for row in records(frame)]}


def decided(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    assert [row.pop("broken_rules") for row in rows] == [None] * len(rows)
    assert [row.pop("absent_columns", None) for row in rows] == [None] * len(rows)
    return rows


BODIES: dict[str, tuple[str, Callable[[pd.DataFrame], str]]] = {
    "records": (JSON, lambda frame: json.dumps({"dataframe_records": records(frame)})),
    "split": (JSON, lambda frame: json.dumps({"dataframe_split": split(frame)})),
    "instances": (JSON, lambda frame: json.dumps({"instances": records(frame)})),
    "csv": (CSV, lambda frame: frame.to_csv(index=False)),
}


@pytest.mark.parametrize("form", BODIES)
@pytest.mark.parametrize("cells", ["delivered", "typed"])
def test_the_server_answers_what_the_batch_published(
    server: Server, request: pytest.FixtureRequest, published: list[dict[str, Any]], form: str, cells: str
) -> None:
    frame = request.getfixturevalue(cells)
    content_type, body = BODIES[form]
    assert decided(server.ask(body(frame), content_type).rows) == published
    assert decided(server.ask(body(frame.head(1)), content_type).rows) == published[:1]


def test_columns_may_come_in_any_order_beside_others(
    server: Server, typed: pd.DataFrame, published: list[dict[str, Any]]
) -> None:
    shuffled = typed[reversed(typed.columns)].assign(CAMPAIGN="spring")
    assert decided(server.ask(BODIES["records"][1](shuffled)).rows) == published


@pytest.mark.parametrize("form", BODIES)
def test_columns_that_may_be_null_may_be_absent_and_the_answer_names_them(
    server: Server, typed: pd.DataFrame, form: str
) -> None:
    absent = ["EXT_SOURCE_1", "OCCUPATION_TYPE"]
    content_type, body = BODIES[form]
    nulls = server.ask(body(typed.assign(**dict.fromkeys(absent, None))), content_type).rows
    rows = server.ask(body(typed.drop(columns=absent)), content_type).rows
    assert {row.pop("absent_columns") for row in rows} == {"OCCUPATION_TYPE;EXT_SOURCE_1"}
    assert decided(rows) == decided(nulls)


def test_one_bad_row_costs_the_others_nothing(
    server: Server, typed: pd.DataFrame, published: list[dict[str, Any]]
) -> None:
    rows = records(typed)
    rows[1]["AMT_INCOME_TOTAL"] = BAD_INCOME
    rows[2]["SK_ID_CURR"] = None
    answer = server.ask(json.dumps({"dataframe_records": rows}))
    good, no_income, no_id = answer.rows
    assert decided([good]) == published[:1]
    assert no_income["broken_rules"] == "AMT_INCOME_TOTAL_parses;AMT_INCOME_TOTAL_known"
    assert no_income["application_id"] == published[1]["application_id"]
    assert no_id["application_id"] is None
    assert "SK_ID_CURR_known" in no_id["broken_rules"].split(";")
    for row in (no_income, no_id):
        assert row["pd"] is row["decision"] is row["risk_band"] is None
        assert row["model_version"] == "1"
    assert BAD_INCOME not in answer.text + server.log.read_text()


def rows_of(*rows: dict[str, Any]) -> str:
    return json.dumps({"dataframe_records": rows})


def without(row: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in names}


def of_columns(columns: list[str], *data: list[Any]) -> str:
    return json.dumps({"dataframe_split": {"columns": columns, "data": data}})


def lines_of(*lines: Any) -> str:
    return "".join(",".join(map(str, line)) + "\n" for line in lines)


NO_INCOME = {"AMT_INCOME_TOTAL": BAD_INCOME}
BAD: dict[str, tuple[str, Callable[[dict[str, Any]], str], str]] = {
    "no row keeps the contract": (
        JSON,
        lambda row: rows_of(row | NO_INCOME, row | NO_INCOME),
        r"keeps the contract\. It requires: .*AMT_INCOME_TOTAL holds a number\. \(AMT_INCOME_TOTAL_parses, 2 rows\)",
    ),
    "two columns too few": (
        JSON,
        lambda row: rows_of(without(row, "AMT_CREDIT", "DAYS_BIRTH", "EXT_SOURCE_1")),
        "2 of 5 required columns are missing from the request: AMT_CREDIT, DAYS_BIRTH",
    ),
    "a row of fewer columns": (
        JSON,
        lambda row: rows_of(without(row, "EXT_SOURCE_1"), row),
        "Row 1 of the request lacks EXT_SOURCE_1, which another row has",
    ),
    "no rows": (JSON, lambda row: of_columns(list(row)), "holds no application"),
    "no rows of CSV": (CSV, lambda row: lines_of(row), "holds no application"),
    "nothing": (CSV, lambda row: "", "the request is empty"),
    "a list in a cell": (
        JSON,
        lambda row: rows_of(row | {"AMT_CREDIT": [BAD_INCOME]}),
        "AMT_CREDIT of the request holds what is neither number nor text",
    ),
    "half a character": (
        JSON,
        lambda row: rows_of(row | {"OCCUPATION_TYPE": "\ud800"}),
        "OCCUPATION_TYPE of the request holds what is neither number nor text",
    ),
    "a key twice": (
        JSON,
        lambda row: rows_of(row)[:-3] + f', "AMT_CREDIT": "{BAD_INCOME}"' + "}]}",
        "has AMT_CREDIT more than once in a row",
    ),
    "lists in lists without end": (JSON, lambda row: "[" * 100_000, "cannot be read.*dataframe_records"),
    "columns that are no names": (JSON, lambda row: of_columns([{BAD_INCOME: 1}], [1]), "cannot be read"),
    "no JSON": (JSON, lambda row: rows_of(row | NO_INCOME)[:-1], "cannot be read.*dataframe_records"),
    "JSON of no known form": (JSON, lambda row: json.dumps(row), "cannot be read.*dataframe_records"),
    "a column twice": (
        JSON,
        lambda row: of_columns([*row, "AMT_CREDIT"], [*row.values(), BAD_INCOME]),
        "cannot be read",
    ),
    "CSV without a header": (CSV, lambda row: lines_of(row.values()), "no header line"),
    "CSV with a field too many": (CSV, lambda row: lines_of(row, [*row.values(), BAD_INCOME]), "line 2"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_request_is_told_what_is_wrong_and_never_a_value(
    server: Server, delivered: pd.DataFrame, case: str
) -> None:
    [row] = records(delivered.head(1))
    row["ORGANIZATION_TYPE"] = "Nobody's Own Bakery"
    content_type, body, told = BAD[case]
    answer = server.ask(body(row), content_type)
    assert re.search(told, answer.message), answer.message
    for text in (answer.text, server.log.read_text()):
        assert BAD_INCOME not in text
        assert row["ORGANIZATION_TYPE"] not in text
        assert row["SK_ID_CURR"] not in text


@pytest.mark.parametrize("form", ["dataframe_records", "instances"])
def test_a_key_left_out_of_one_row_is_no_null_and_takes_no_value_of_another_row(
    server: Server, typed: pd.DataFrame, form: str
) -> None:
    first, second = records(typed.head(2))
    for rows in ([first, without(second, "OWN_CAR_AGE")], [first, {name: second[name] for name in NAMES[:-1]}]):
        message = server.ask(json.dumps({form: rows})).message
        assert re.match("Row 2 of the request lacks [A-Z_]+, which another row has", message)


def test_a_cell_is_read_the_same_whatever_stands_beside_it(server: Server, typed: pd.DataFrame) -> None:
    rows = records(typed)
    rows[0]["FLAG_MOBIL"], rows[1]["AMT_INCOME_TOTAL"] = True, "1e5"
    together = server.ask(json.dumps({"dataframe_records": rows})).rows
    alone = [server.ask(json.dumps({"dataframe_records": [row]})).rows[0] for row in rows]
    assert together == alone


# Without a server


@pytest.mark.parametrize(
    ("error", "status", "told"),
    [
        (ExpectationsNotMet("two columns"), 400, "two columns"),
        (SourceError("line 2"), 400, "line 2"),
        (ConfigError("rule R crashed"), 500, "rule R crashed"),
        (ValueError(BAD_INCOME), 500, "A fault of the program"),
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("is_wrapped", [True, False])
def test_who_is_at_fault_shows_in_the_status_and_foreign_words_nowhere(
    error: Exception, status: int, told: str, is_wrapped: bool, caplog: pytest.LogCaptureFixture
) -> None:
    def failing() -> None:
        raise error

    def wrapping() -> None:
        """As the server does with whatever a model raises."""
        try:
            failing()
        except type(error):
            raise mlflow.MlflowException("Encountered", stack_trace=traceback.format_exc())  # noqa: B904

    with pytest.raises(mlflow.MlflowException, match=told) as answered:
        _quoting_nothing(wrapping if is_wrapped else failing)()
    assert answered.value.get_http_status_code() == status
    assert BAD_INCOME not in answered.value.serialize_as_json() + caplog.text
    assert (f"{type(error).__name__} at " in caplog.text) is (status == 500)


def test_csv_comes_to_the_parser_as_it_was_written() -> None:
    written = ["0.8444218515250481", "NA", "1e5", " 7"]  # pandas would round the first and take the second for missing
    lines = lines_of(["SK_ID_CURR", "EXT_SOURCE_1"], *enumerate(written))
    for text in (lines, lines.removesuffix("\n")):
        assert _read_csv(io.StringIO(text))["EXT_SOURCE_1"].to_list() == written


@pytest.fixture
def registry_copy(project: Project, tmp_path: Path) -> Project:
    """A project whose champion lies in artifacts of its own, for a test to damage."""
    own = project.with_own_registry(tmp_path / "registry")
    registry = registry_of(load_settings(own.config))
    from tasks.core.model.bundle import to_files

    registry.register(to_files(registry.load(registry.champion())), params={}, metrics={}, figures={})
    own.promote("2")
    return own


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> Callable[[Project], Any]:
    def load(project: Project) -> Any:
        monkeypatch.setenv("SCORING_CONFIG", project.config)
        mlflow.set_tracking_uri(load_settings(project.config).registry.tracking_uri)
        return mlflow.pyfunc.load_model(CHAMPION)

    return load


def model_folder(project: Project) -> Path:
    [path] = Path(load_settings(project.config).registry.artifact_root).rglob("MLmodel")
    return path.parent


def test_mlflow_loads_a_model_that_decides_frames(
    loaded: Callable[[Project], Any], project: Project, typed: pd.DataFrame, published: list[dict[str, Any]]
) -> None:
    answer = loaded(project).predict(typed)
    assert list(answer.columns) == ANSWER.names
    assert decided(answer.to_dict("records")) == published
    with pytest.raises(ExpectationsNotMet, match="1 of 5 required columns are missing from the request: AMT_CREDIT"):
        loaded(project).predict(typed.drop(columns="AMT_CREDIT"))


def test_the_answer_names_the_champion_among_equal_versions(
    loaded: Callable[[Project], Any], registry_copy: Project, typed: pd.DataFrame
) -> None:
    assert set(loaded(registry_copy).predict(typed)["model_version"]) == {"2"}
    registry_copy.promote("1")
    assert set(loaded(registry_copy).predict(typed)["model_version"]) == {"1"}


def test_a_version_shows_its_run_its_description_and_its_signature(registry_copy: Project, loaded: Any) -> None:
    registry = registry_of(load_settings(registry_copy.config))
    pin = registry.register(
        {"model.txt": b"tree"},
        params={"a": 1},
        metrics={"auc": 0.7},
        figures={},
        documents=lambda version: {"card/card.html": f"<p>{version}".encode()},
        description="Why",
    )
    client = mlflow.MlflowClient(load_settings(registry_copy.config).registry.tracking_uri)
    version = client.get_model_version(pin.name, pin.version)
    assert version.description == "Why"
    assert client.get_run(version.run_id).data.metrics == {"auc": 0.7}
    paths = {each.path for folder in ("", "model", "card") for each in client.list_artifacts(version.run_id, folder)}
    assert paths == {"card", "model", "card/card.html", "model/MLmodel", "model/bundle", "model/requirements.txt"}
    signature = loaded(registry_copy).metadata.signature
    assert signature.inputs.input_names() == list(NAMES)
    assert signature.outputs.input_names() == ANSWER.names


class Poison:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.marker),)


@pytest.mark.parametrize("name", ["python_model.pkl", "model.pkl", "bundle/model.pkl", "bundle/python_model.pkl"])
def test_a_poisoned_pickle_beside_the_model_is_never_executed(
    loaded: Callable[[Project], Any], registry_copy: Project, typed: pd.DataFrame, tmp_path: Path, name: str
) -> None:
    marker = tmp_path / "executed"
    (model_folder(registry_copy) / name).write_bytes(pickle.dumps(Poison(marker)))
    registry = registry_of(load_settings(registry_copy.config))
    registry.load(registry.champion())
    loaded(registry_copy).predict(typed)
    assert not marker.exists()


def test_a_pickle_that_even_the_folder_points_to_is_refused_as_the_runbook_serves(
    loaded: Callable[[Project], Any], registry_copy: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    marker = tmp_path / "executed"
    folder = model_folder(registry_copy)
    (folder / "python_model.pkl").write_bytes(pickle.dumps(Poison(marker)))
    listed = (folder / "MLmodel").read_text()
    poisoned = listed.replace("loader_module: tasks.serve", "loader_module: mlflow.pyfunc.model").replace(
        "data: bundle", "python_model: python_model.pkl"
    )
    assert poisoned.count("python_model") == 2
    (folder / "MLmodel").write_text(poisoned)
    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    with pytest.raises(mlflow.MlflowException, match="using pickle is disallowed"):
        loaded(registry_copy)
    registry = registry_of(load_settings(registry_copy.config))
    registry.load(registry.champion())
    assert not marker.exists()


def test_a_poisoned_pickle_in_the_place_of_the_model_is_refused_unread(
    loaded: Callable[[Project], Any], registry_copy: Project, tmp_path: Path
) -> None:
    marker = tmp_path / "executed"
    (model_folder(registry_copy) / "bundle/model.txt").write_bytes(pickle.dumps(Poison(marker)))
    registry = registry_of(load_settings(registry_copy.config))
    with pytest.raises(ModelError, match="is not what was registered"):
        registry.load(registry.champion())
    with pytest.raises(ModelError, match="is not what was registered"):
        loaded(registry_copy)
    assert not marker.exists()


@pytest.mark.parametrize("name", ["model.txt", "scoring.json", "reference.json", "golden.json"])
def test_a_changed_byte_is_refused_by_the_batch_and_by_serving(
    loaded: Callable[[Project], Any], registry_copy: Project, score: Callable[..., Any], name: str
) -> None:
    path = model_folder(registry_copy) / "bundle" / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    registry_copy.deliver(rows=5)
    with pytest.raises(ModelError, match="is not what was registered") as refused:
        score(registry_copy)
    assert refused.value.exit_code == 5
    with pytest.raises(ModelError, match="The model to serve is not what was registered"):
        loaded(registry_copy)


def test_a_model_that_sees_age_is_not_served_under_a_policy_that_forbids_it(
    loaded: Callable[[Project], Any], registry_copy: Project, tmp_path: Path
) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text((PROJECT / "configs/policy.yaml").read_text().replace("age: true", "age: false"))
    with pytest.raises(ModelError, match="sees age"):
        loaded(registry_copy.with_settings(scoring={"policy": str(policy)}))


def test_the_server_refuses_to_start_on_a_changed_byte(registry_copy: Project) -> None:
    path = model_folder(registry_copy) / "bundle/model.txt"
    path.write_bytes(path.read_bytes().replace(b"leaf_value=", b"leaf_value=1", 1))
    ended = subprocess.run(
        command(free_port()), env=environment(registry_copy), cwd=PROJECT, capture_output=True, text=True, check=False,
        timeout=START_SECONDS,
    )  # fmt: skip
    assert ended.returncode != 0
    assert "The model to serve is not what was registered: its bundle has SHA-256" in ended.stderr

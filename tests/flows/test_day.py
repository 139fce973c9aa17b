"""A whole day through the real parts, as plain Python: what is published, and what must not change it."""

import gzip
import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from configs.settings import load_settings
from flows.commands.score import scoring_summary
from tasks.core.decision.published_rows import SCHEMA
from tasks.core.lender.columns import NAMES
from tasks.core.lender.feature_list import FAMILIES
from tasks.errors import ExpectationsNotMet, InputsChanged, PublishError
from tasks.scoring.announce import day_markdown
from tasks.store.folder import FolderStore
from tests.conftest import DAY, Project

Score = Callable[..., Any]


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def published_under(project: Project) -> list[str]:
    return [
        str(path.relative_to(project.root))
        for name in ("decisions", "revisions", "quarantine")
        for path in (project.root / name).rglob("*")
        if path.is_file()
    ]


def test_a_day_is_published_with_every_row_accounted_for(project: Project, score: Score) -> None:
    project.deliver(rows=400, bad_share=0.05)
    result = score()
    totals = result.manifest.totals
    assert result.outcome == "published"
    assert totals.rows == 400 == totals.decided + totals.quarantined + totals.duplicates_dropped
    assert 10 <= totals.quarantined <= 40
    table = pq.read_table(project.decisions)
    assert table.num_rows == totals.decided == len(set(table.column("application_id").to_pylist()))
    quarantine = pq.read_table(project.root / result.manifest.audited.quarantine.key)
    assert quarantine.num_rows == totals.quarantined
    assert set(quarantine.column_names) == {"source_file", "source_row", "broken_rules", "application_id", *NAMES}
    assert all(quarantine.column("broken_rules").to_pylist())


def test_what_is_published_has_the_promised_schema_order_and_footer(project: Project, score: Score) -> None:
    project.deliver()
    manifest = score().manifest
    table = pq.read_table(project.decisions)
    assert table.schema.equals(SCHEMA)
    ids = table.column("application_id").to_numpy()
    assert (np.diff(ids) > 0).all()
    footer = {key.decode(): value.decode() for key, value in pq.read_schema(project.decisions).metadata.items()}
    assert footer["schema_version"] == "1"
    assert footer["revision"] == "1"
    assert footer["content_fingerprint"] == manifest.audited.content_fingerprint
    pds = table.column("pd").to_numpy()
    refused = np.array(table.column("decision").to_pylist()) == "refuse"
    assert (refused == (pds >= table.column("cutoff").to_numpy())).all()
    assert 0 < refused.sum() < len(pds)


def test_pandas_duckdb_and_arrow_read_the_folder_unfiltered(project: Project, score: Score) -> None:
    project.deliver()
    rows = score().manifest.totals.decided
    folder = project.root / "decisions"
    assert len(pd.read_parquet(folder)) == rows
    with duckdb.connect() as database:
        found = database.execute(f"select count(*), min(day) from '{folder}/**/*.parquet'").fetchone()
    assert found is not None
    assert (found[0], str(found[1])) == (rows, str(DAY))
    assert ds.dataset(folder, partitioning="hive").count_rows() == rows


def _as(file_format: str) -> Callable[[Project], None]:
    def reshape(project: Project) -> None:
        source = project.landing / "applications_1.csv"
        if file_format == "csv.gz":
            (project.landing / "applications_1.csv.gz").write_bytes(gzip.compress(source.read_bytes()))
        else:
            types = dict.fromkeys(NAMES, pa.string())
            table = pa_csv.read_csv(
                source,
                convert_options=pa_csv.ConvertOptions(column_types=types, null_values=[""], strings_can_be_null=True),
            )
            pq.write_table(table, project.landing / "applications_1.parquet", row_group_size=37)
        source.unlink()
        (project.landing / "_control.json").unlink()

    return reshape


def _shuffled_columns(project: Project) -> None:
    frame = pd.read_csv(project.landing / "applications_1.csv", dtype=str, keep_default_na=False)
    frame[list(reversed(frame.columns))].assign(EXTRA="x").to_csv(project.landing / "applications_1.csv", index=False)
    (project.landing / "_control.json").unlink()


def _untouched(project: Project) -> None:
    assert project.landing.is_dir()


@pytest.mark.parametrize("chunk_rows", [37, 400, 50_000])
@pytest.mark.parametrize("reshape", [_untouched, _as("csv.gz"), _as("parquet"), _shuffled_columns])
def test_the_published_bytes_depend_on_the_applications_alone(
    project: Project, score: Score, reshape: Callable[[Project], None], chunk_rows: int, reference_bytes: str
) -> None:
    project.deliver(bad_share=0.05)
    reshape(project)
    score(project.with_settings(scoring={"chunk_rows": chunk_rows}))
    assert digest(project.decisions) == reference_bytes


@pytest.fixture(scope="module")
def reference_bytes(trained: Project, tmp_path_factory: pytest.TempPathFactory) -> str:
    from flows.score_applications import score_applications

    root = tmp_path_factory.mktemp("reference") / "store"
    project = Project(trained.config, root)
    project = Project(trained.config, trained.root).with_settings(storage={"root": str(root)})
    project = Project(project.config, root)
    project.deliver(bad_share=0.05)
    score_applications.fn(as_of=DAY, config=project.config)
    return digest(project.decisions)


def test_several_files_are_one_day_whichever_rows_lie_in_which(
    project: Project, score: Score, reference_bytes: str
) -> None:
    project.deliver(bad_share=0.05, files=3)
    result = score()
    assert digest(project.decisions) == reference_bytes
    assert sorted(result.manifest.audited.files) == [f"applications_{n}.csv" for n in (1, 2, 3)]


def test_files_may_come_under_each_other_s_names(project: Project, score: Score, reference_bytes: str) -> None:
    project.deliver(bad_share=0.05, files=3)
    (project.landing / "_control.json").unlink()
    for number, name in ((1, "z"), (2, "m"), (3, "a")):
        (project.landing / f"applications_{number}.csv").rename(project.landing / f"{name}.csv")
    score()
    assert digest(project.decisions) == reference_bytes


@pytest.mark.parametrize("workers", [1, 2, 5])
@pytest.mark.parametrize("engine", ["tables", "lightgbm"])
def test_neither_processors_nor_the_engine_change_a_byte(
    project: Project, score: Score, engine: str, workers: int, reference_bytes: str
) -> None:
    project.deliver(bad_share=0.05)
    score(project.with_settings(scoring={"chunk_rows": 37, "engine": engine, "workers": workers}))
    assert digest(project.decisions) == reference_bytes


def test_lightgbm_stands_in_with_a_warning_for_tables_that_would_be_too_large(
    project: Project,
    score: Score,
    reference_bytes: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("tasks.core.model.tree_tables._MAX_NUMBERS", 1)
    project.deliver(bad_share=0.05)
    score()
    assert digest(project.decisions) == reference_bytes
    assert "scored and explained by LightGBM itself, which takes far longer: its tables would hold" in caplog.text


def test_a_rerun_does_nothing_and_says_so(project: Project, score: Score) -> None:
    project.deliver()
    first = score()
    before = {path: path.stat().st_mtime_ns for path in project.root.rglob("*") if path.is_file()}
    again = score()
    after = {path: path.stat().st_mtime_ns for path in project.root.rglob("*") if path.is_file()}
    assert again.outcome == "unchanged"
    assert again.manifest == first.manifest
    assert {path for path in before if after[path] != before[path]} == set()
    assert "nothing to do" in scoring_summary(again, load_settings(project.config))


def test_what_readers_see_is_rolled_forward_by_the_next_run(project: Project, score: Score) -> None:
    project.deliver()
    score()
    seen = digest(project.decisions)
    project.decisions.unlink()
    assert score().outcome == "unchanged"
    assert digest(project.decisions) == seen


def test_changed_inputs_leave_the_published_day_as_it_is(project: Project, score: Score) -> None:
    project.deliver()
    score()
    seen = digest(project.decisions)
    project.deliver(rows=401, overwrite=True)
    with pytest.raises(
        InputsChanged, match=r"published as revision 1 from other files \(changed: applications_1.csv\)"
    ):
        score()
    assert digest(project.decisions) == seen


def test_summary_counts_what_happened(project: Project, score: Score) -> None:
    project.deliver(bad_share=0.05)
    result = score()
    text = scoring_summary(result, load_settings(project.config))
    totals = result.manifest.totals
    assert f"{'Decided':<16}{totals.decided:>12,}" in text
    assert f"{'Quarantined':<16}{totals.quarantined:>12,}" in text
    assert str(project.decisions) in text
    assert "credit-default version 1" in text
    decided = pq.read_table(project.decisions).to_pandas()
    stated = decided[decided["decision"] != "approve"]["reason_1"]
    counts = {code: count for code, count in result.manifest.audited.by_reason.items() if count}
    assert counts == stated.value_counts().to_dict()
    assert f"    {'R01 External credit scores':<44}{counts['R01']:>8,}  {counts['R01'] / len(stated):>6.1%}\n" in text


@pytest.mark.parametrize(("n_codes", "rest"), [(0, 0), (3, 0), (4, 0), (5, 1), (6, 2), (16, 12)])
def test_the_page_of_a_day_tells_all_first_reasons_and_its_summary_four(
    project: Project, score: Score, n_codes: int, rest: int
) -> None:
    project.deliver(rows=60)
    result = score()
    names = [f"{reason.code} {FAMILIES[family]}" for family, reason in result.manifest.reasons.items()]
    by_reason = {code: max(n_codes - n, 0) for n, code in enumerate(result.manifest.audited.by_reason)}
    refused = max(sum(by_reason.values()), 1)
    audited = replace(
        result.manifest.audited, by_reason=by_reason, by_decision={"approve": 1, "refer": 0, "refuse": refused}
    )
    manifest = replace(result.manifest, audited=audited)
    text = scoring_summary(result._replace(manifest=manifest), load_settings(project.config))
    page = day_markdown(manifest, FolderStore(project.root))
    for place, name in enumerate(names):
        count, share = n_codes - place, (n_codes - place) / refused
        assert (f"\n    {name:<44}{count:>8,}  {share:>6.1%}\n" in text) == (place < min(n_codes, 4))
        assert (f"\n| {name} | {count:,} | {share:.1%} |\n" in page) == (place < n_codes)
    assert (f"    and {rest} other{'s' * (rest > 1)}; all are counted in the manifest\n" in text) == (rest > 0)


def test_the_contract_report_counts_all_files(project: Project, score: Score) -> None:
    project.deliver(rows=100, files=2)
    manifest = score().manifest
    report = json.loads((project.root / f"reports/day={DAY}/contract.json").read_text())
    by_id = {each["expectation_config"]["meta"]["id"]: each["result"] for each in report["validation"]["results"]}
    assert report["rows"] == 100 == by_id["SK_ID_CURR_in_range"]["element_count"]
    assert report["quarantined"] == manifest.totals.quarantined == 0


def test_a_suite_with_a_rule_about_columns_is_obeyed(project: Project, score: Score, tmp_path: Path) -> None:
    suite = json.loads(Path("expectations/applications.json").read_text())
    kwargs = {"value": 5}
    meta = {"id": "five_columns", "sentence": "A file has five columns.", "owner": "data owner"}
    entry = {"type": "expect_table_column_count_to_equal", "kwargs": kwargs, "severity": "critical", "meta": meta}
    suite["expectations"].append(entry)
    (tmp_path / "suite.json").write_text(json.dumps(suite))
    project.deliver()
    with pytest.raises(ExpectationsNotMet, match="A file has five columns"):
        score(project.with_settings(contract={"suite": str(tmp_path / "suite.json")}))


def test_numbers_of_any_width_and_empty_text_columns_read_the_same(project: Project, score: Score) -> None:
    project.deliver(rows=60, file_format="parquet")
    (project.landing / "_control.json").unlink()
    path = project.landing / "applications_1.parquet"
    table = pq.read_table(path)
    empty = table.column_names.index("NAME_TYPE_SUITE")
    table = table.set_column(empty, "NAME_TYPE_SUITE", pa.nulls(60, pa.string()))
    pq.write_table(table, path)
    score()
    plain = digest(project.decisions)
    for folder in ("decisions", "revisions", "work"):
        shutil.rmtree(project.root / folder)
    narrow = table.set_column(empty, "NAME_TYPE_SUITE", pa.array([float("nan")] * 60))
    for name, type_ in {"CNT_CHILDREN": pa.int8(), "SK_ID_CURR": pa.float64(), "FLAG_MOBIL": pa.bool_()}.items():
        narrow = narrow.set_column(narrow.column_names.index(name), name, narrow.column(name).cast(type_))
    pq.write_table(narrow, path)
    score()
    assert digest(project.decisions) == plain


def test_a_committed_day_is_shown_even_if_its_files_are_gone(project: Project, score: Score) -> None:
    project.deliver()
    score()
    seen = digest(project.decisions)
    project.decisions.unlink()
    shutil.rmtree(project.landing)
    with pytest.raises(InputsChanged, match="gone: applications_1.csv"):
        score()
    assert digest(project.decisions) == seen


@pytest.mark.parametrize(
    "damage", [lambda path: path.unlink(), lambda path: path.write_bytes(path.read_bytes()[:-1] + b"x")]
)
def test_a_damaged_revision_is_never_shown_to_readers(
    project: Project, score: Score, damage: Callable[[Path], Any]
) -> None:
    project.deliver()
    manifest = score().manifest
    seen = digest(project.decisions)
    damage(project.root / manifest.audited.decisions.key)
    assert score().outcome == "unchanged"
    assert digest(project.decisions) == seen
    project.decisions.unlink()
    with pytest.raises(PublishError, match="is missing or damaged"):
        score()
    assert not project.decisions.exists()


def test_the_rules_of_a_rerun_are_told_in_the_same_order(project: Project, score: Score) -> None:
    project.deliver(bad_share=0.1)
    first, again = score().manifest.audited.by_rule, score().manifest.audited.by_rule
    assert list(again.items()) == list(first.items())
    assert list(first.values()) == sorted(first.values(), reverse=True)


def test_rows_that_differ_in_where_a_value_would_not_parse_are_no_copies(project: Project, score: Score) -> None:
    project.deliver(rows=100)
    (project.landing / "_control.json").unlink()
    path = project.landing / "applications_1.csv"
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    frame = pd.concat([frame, frame.iloc[[0]]], ignore_index=True)
    frame.loc[0, ["AMT_CREDIT", "AMT_ANNUITY"]] = ["x", ""]
    frame.loc[100, ["AMT_CREDIT", "AMT_ANNUITY"]] = ["", "x"]
    frame.to_csv(path, index=False)
    totals = score().manifest.totals
    assert (totals.quarantined, totals.duplicates_dropped) == (2, 0)


def test_rows_of_one_id_are_dropped_or_set_aside_across_files(project: Project, score: Score) -> None:
    project.deliver(rows=100, files=2)
    (project.landing / "_control.json").unlink()
    lines = (project.landing / "applications_1.csv").read_text().splitlines(keepends=True)
    conflicting = lines[2].replace("Cash loans", "Revolving loans", 1)
    assert conflicting != lines[2]
    with (project.landing / "applications_2.csv").open("a") as second:
        second.writelines([lines[1], conflicting])
    result = score()
    files = result.manifest.audited.files
    assert (files["applications_1.csv"].quarantined, files["applications_2.csv"].quarantined) == (1, 1)
    assert (files["applications_1.csv"].duplicates_dropped, files["applications_2.csv"].duplicates_dropped) == (0, 1)
    assert result.manifest.audited.by_rule == {"application_id_conflicting": 2}
    decided = pq.read_table(project.decisions).column("application_id").to_pylist()
    assert int(lines[1].split(",")[0]) in decided
    assert int(lines[2].split(",")[0]) not in decided


@pytest.mark.parametrize("first_cell", ["n", '"n\nn"', '"n\n\n\n"'])
@pytest.mark.parametrize("empty_lines", [0, 1, 2])
def test_rows_of_one_id_are_found_again_though_lines_are_no_rows(
    project: Project, score: Score, first_cell: str, empty_lines: int
) -> None:
    project.deliver(rows=50)
    path = project.landing / "applications_1.csv"
    header, *rows = path.read_text().splitlines()
    rows += [rows[20], rows[20], rows[30].replace("Cash loans", "Revolving loans", 1)]
    noted = [f"{header},NOTE", f"{rows[0]},{first_cell}", *[""] * empty_lines, *(f"{row},n" for row in rows[1:])]
    path.write_text("\n".join(noted))
    control = project.landing / "_control.json"
    announced = {path.name: {"rows": len(rows), "sha256": digest(path)}}
    control.write_text(json.dumps(json.loads(control.read_text()) | {"files": announced}))
    result = score()
    totals = result.manifest.totals
    assert (totals.decided, totals.quarantined, totals.duplicates_dropped) == (49, 2, 2)
    quarantine = pq.read_table(project.root / result.manifest.audited.quarantine.key)
    assert quarantine.column("source_row").to_pylist() == [31, 53]
    assert quarantine.column("AMT_CREDIT").to_pylist() == [rows[30].split(",")[NAMES.index("AMT_CREDIT")]] * 2


@pytest.mark.parametrize(("low", "high", "stops"), [(0.0, 1.0, False), (0.999, 1.0, True), (0.0, 0.001, True)])
def test_an_implausible_share_of_approvals_is_not_published(
    project: Project, score: Score, low: float, high: float, stops: bool
) -> None:
    project.deliver()
    bounded = project.with_settings(audit={"min_approval_share": low, "max_approval_share": high})
    if not stops:
        assert score(bounded).outcome == "published"
        return
    with pytest.raises(ExpectationsNotMet, match="would be approved; audit.min_approval_share"):
        score(bounded)
    assert published_under(project) == []


@pytest.mark.parametrize(("rows", "stops"), [(199, False), (200, True)])
def test_the_approval_share_is_judged_from_200_rows(project: Project, score: Score, rows: int, stops: bool) -> None:
    project.deliver(rows=rows)
    bounded = project.with_settings(audit={"min_approval_share": 0.999, "max_approval_share": 1.0})
    if stops:
        with pytest.raises(ExpectationsNotMet, match="would be approved"):
            score(bounded)
    else:
        assert score(bounded).outcome == "published"

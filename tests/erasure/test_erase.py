"""One applicant erased from a store that holds them in every way there is: nothing of them stays, all else does."""

import contextlib
import gzip
import hashlib
import io
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from configs.settings import Storage
from flows.score_applications import score_applications
from tasks.adapters.files.landing_file import Reading
from tasks.adapters.files.parquet import write_parquet
from tasks.core.applications import rows_of_applicant
from tasks.core.day.manifest import Manifest
from tasks.core.day.records import FileTotals, unaccounted
from tasks.core.lender.columns import NAMES
from tasks.erasure.erase import erase, require_reason
from tasks.erasure.search import Erasure, require_searched, search
from tasks.errors import ConfigError, InputsChanged, PublishError, ScoringError, SourceError
from tasks.feed.generate import generate_day, load_statistics
from tasks.inspection.verify import verify_store
from tasks.publication.data_files import read_data, require_stored, store_data
from tasks.publication.expired import note_expired
from tasks.publication.layout import decisions_key, erased_key, input_key, is_data_file, manifest_key
from tasks.publication.manifests import commit, manifest_of
from tasks.store import Store, open_store
from tests.conftest import DAY, Project
from tests.manifests import made_manifest
from tests.proofs.evidence import IS_WHOLE
from tests.s3_servers import S3Server, bucket_of
from tests.store.dying import Died, DyingStore

UNPUBLISHED = date(2026, 11, 3)
AT = datetime(2027, 1, 5, 9, 30, tzinfo=UTC)
REASON = "a request of the fifth of January"
NOBODY = 987654321
CLIENT = {"client": "SK_ID_CURR"}
"""Alias of the column of ids."""


def control_of(folder: Path, day: date) -> bytes:
    """What announces the CSV and parquet files of a folder."""
    files = {
        path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.suffix != ".json" and path.is_file()
    }
    told = {
        name: {"rows": rows_in(name, data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in files.items()
    }
    return json.dumps({"day": str(day), "files": told}).encode()


def text_of(name: str, data: bytes) -> bytes:
    return gzip.decompress(data) if name.endswith(".gz") else data


def rows_in(name: str, data: bytes) -> int:
    if name.endswith(".parquet"):
        return int(pq.ParquetFile(io.BytesIO(data)).metadata.num_rows)
    return text_of(name, data).count(b"\n") - 1


def id_of(line: bytes) -> int:
    return int(line.split(b",")[0])


def typed(text: bytes) -> pa.Table:
    types = dict.fromkeys(NAMES, pa.string()) | {"SK_ID_CURR": pa.int32()}
    return pa_csv.read_csv(
        io.BytesIO(text), convert_options=pa_csv.ConvertOptions(column_types=types, strings_can_be_null=True)
    )


@pytest.fixture(scope="module")
def history(trained: Project, tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, dict[str, int]]:
    """A day in two revisions from files of all formats, another that is not published; and who is where."""
    root = tmp_path_factory.mktemp("history") / "store"
    short = trained.with_settings(storage={"root": str(root)}).with_short_contract()
    project = Project(short.config, root)
    shutil.copytree(trained.root / "reference", root / "reference")
    store = open_store(Storage(root=str(root)))
    generate_day(store, load_statistics(), as_of=DAY, rows=90, seed=11, bad_share=0.06)
    header, *lines = (project.landing / "applications_1.csv").read_bytes().splitlines(keepends=True)
    sound = [line for line in lines if line.split(b",")[0].isdigit() and b'"' not in line]
    shutil.rmtree(project.landing)
    (project.landing / "corrections").mkdir(parents=True)
    corrected = sound[3].replace(b"Cash loans", b"Revolving loans")
    broken = sound[31].replace(b"Cash loans", b"No such loan")
    rejected = sound[29].replace(b"Cash loans", b"No such loan")
    conflicting = sound[2].replace(b"Cash loans", b"Revolving loans")
    assert {corrected, broken, rejected, conflicting}.isdisjoint(sound)
    rest = [line for line in lines if line not in sound]
    files = {
        "a.csv": [header, *sound[:29], rejected, *rest],
        "b.csv.gz": [header, *sound[30:50], sound[1], conflicting],
        "c.parquet": [header, *sound[50:]],
        "corrections/fix.csv": [header, corrected, broken],
        "corrections/late.csv": [header, sound[4]],
    }
    for name, each in files.items():
        path = project.landing / name
        if name.endswith(".parquet"):
            pq.write_table(typed(b"".join(each)), path, row_group_size=7, compression="gzip")
        else:
            path.write_bytes(gzip.compress(b"".join(each)) if name.endswith(".gz") else b"".join(each))
    (project.landing / "corrections/late.csv").rename(root.parent / "late.csv")
    (project.landing / "_control.json").write_bytes(control_of(project.landing, DAY))
    (project.landing / "corrections/_control.json").write_bytes(control_of(project.landing / "corrections", DAY))
    score_applications.fn(as_of=DAY, config=project.config)
    score_applications.fn(as_of=DAY, config=project.config, corrections=True, reason="they came late")
    (root.parent / "late.csv").rename(project.landing / "corrections/late.csv")
    other = root / f"landing/day={UNPUBLISHED}"
    other.mkdir()
    (other / "x.csv").write_bytes(header + sound[5].replace(b"\n", b"\r\n") + b"\r\n" + sound[60].rstrip(b"\n"))
    (other / "_control.json").write_bytes(json.dumps({"day": str(UNPUBLISHED), "files": {"x.csv": {
        "rows": 2, "sha256": hashlib.sha256((other / "x.csv").read_bytes()).hexdigest()}}}).encode())  # fmt: skip
    sample = root / "reference/model=credit-default/version=1/sample.parquet"
    table = pq.read_table(sample)
    ids = table.column("SK_ID_CURR").to_pylist()
    ids[3] = id_of(sound[6])
    pq.write_table(table.set_column(table.column_names.index("SK_ID_CURR"), "SK_ID_CURR", pa.array(ids)), sample)
    who = {
        "decided": id_of(sound[0]), "delivered twice": id_of(sound[1]), "of two minds": id_of(sound[2]),
        "corrected": id_of(sound[3]), "waiting for a correction": id_of(sound[4]), "of two days": id_of(sound[5]),
        "in the reference": id_of(sound[6]), "last of an announced file": id_of(sound[60]),
        "corrected to nonsense": id_of(sound[31]), "packed": id_of(sound[32]), "in parquet": id_of(sound[55]),
        "rejected": id_of(rejected),
    }  # fmt: skip
    return project, who


WHO = (
    "decided", "delivered twice", "of two minds", "corrected", "waiting for a correction", "of two days",
    "in the reference", "last of an announced file", "corrected to nonsense", "packed", "in parquet", "rejected",
)  # fmt: skip


@pytest.fixture
def project(history: tuple[Project, dict[str, int]], tmp_path: Path) -> Project:
    """A copy of that history for one test."""
    return copy_of(history[0], tmp_path / "store")


def copy_of(project: Project, root: Path) -> Project:
    shutil.copytree(project.root, root)
    return Project(project.with_settings(storage={"root": str(root)}).config, root)


def store_of(project: Project) -> Store:
    return open_store(Storage(root=str(project.root)))


def erased(store: Store, applicant: int) -> Erasure:
    return erase(store, applicant, reason=REASON, at=AT, reading=Reading())


def traces(store: Store, applicant: int) -> Iterator[str]:
    """Every object in which the applicant can be found, by whoever looks for the digits or reads the tables."""
    digits = str(applicant)
    for entry in store.list(""):
        data = text_of(entry.key, store.read(entry.key).data)
        if not entry.key.endswith(".parquet"):
            if digits.encode() in data or digits in entry.key:
                yield entry.key
            continue
        table = pq.read_table(io.BytesIO(data))
        texts = [name for name in table.column_names if pa.types.is_string(table.schema.field(name).type)]
        if rows_of_applicant(table, applicant).any() or any(
            pc.any(pc.match_substring(table.column(name), digits)).as_py() for name in texts
        ):
            yield entry.key


def manifests(store: Store, day: date = DAY) -> list[Manifest]:
    found = (manifest_of(store, day, revision) for revision in (1, 2, 3))
    return [manifest for manifest in found if manifest]


def table_of(store: Store, file: Any) -> pa.Table:
    return pq.read_table(io.BytesIO(read_data(store, file)))


@pytest.mark.parametrize("who", WHO)
def test_nothing_of_an_applicant_stays_and_all_else_does(
    project: Project, history: tuple[Project, dict[str, int]], who: str
) -> None:
    store, before, applicant = store_of(project), store_of(history[0]), history[1][who]
    assert list(traces(store, applicant)) != []
    erasure = erased(store, applicant)
    assert {each.key for each in erasure.found} >= {key for key in traces(before, applicant) if "/day=" in key}
    assert list(traces(store, applicant)) == []
    assert erasure.unsearched == {}
    for old, new in zip(manifests(before), manifests(store), strict=True):
        require_stored(store, new.audited.data_files)
        assert unaccounted(new.audited.files) == {}
        assert new.totals.rows == old.totals.rows
        assert new.totals.decided == new.audited.decisions.rows == sum(new.audited.by_decision.values())
        assert new.fingerprint == old.fingerprint
        assert new.run == old.run
        for name in ("decisions", "quarantine", "changes"):
            was, now = getattr(old.audited, name), getattr(new.audited, name)
            if was:
                rest = table_of(before, was)
                assert table_of(store, now).equals(rest.filter(pa.array(~rows_of_applicant(rest, applicant))))
    newest = manifests(store)[-1]
    assert store.read(decisions_key(DAY)).data == read_data(store, newest.audited.decisions)
    for name, sha256 in newest.inputs.items():
        assert json.loads(store.read(input_key(sha256)).data) == {"day": str(DAY), "file": name}
    assert score_applications.fn(as_of=DAY, config=project.config).outcome == "unchanged"
    assert [problem for checked in verify_store(store) for problem in checked.problems] == []


@pytest.mark.parametrize("what", ["is whole", "is half erased", "has lost its older decisions"])
def test_changed_reasons_are_counted_anew_where_a_day(project: Project, tmp_path: Path, what: str) -> None:
    (project.landing / "corrections/late.csv").unlink()
    reasons = tmp_path / "reasons.yaml"
    reasons.write_text(Path("configs/reasons.yaml").read_text().replace("R01", "A1"))
    recoded = project.with_settings(scoring={"reasons": str(reasons)})
    score_applications.fn(as_of=DAY, config=recoded.config, force=True, reason="another code")
    store = store_of(project)
    _, older, newest = (manifest.audited for manifest in manifests(store))
    table = table_of(store, newest.decisions)
    applicant = table.filter(pc.equal(table.column("reason_1"), "A1")).column("application_id")[0].as_py()
    if what == "is half erased":
        with pytest.raises(Died):
            erased(Interrupted(store, manifest_key(DAY, 3), die), applicant)
        assert [len(manifest.erasures) for manifest in manifests(store)] == [1, 1, 0]
    elif what == "has lost its older decisions":
        note_expired(store, DAY, {older.decisions.key}, rule="retention", at="2026-12-01T00:00:00+00:00")
        store.delete(older.decisions.key)
    erased(store, applicant)
    assert newest.changed_reasons
    is_lost = what == "has lost its older decisions"
    assert manifests(store)[2].audited.changed_reasons == (None if is_lost else newest.changed_reasons - 1)
    before, after = older.by_reason["R01"], manifests(store)[1].audited.by_reason
    assert after == ({} if is_lost else {**older.by_reason, "R01": before - 1})
    assert [problem for checked in verify_store(store) for problem in checked.problems] == []


@pytest.mark.parametrize("who", WHO)
def test_a_day_is_then_as_if_the_applicant_had_never_applied(
    project: Project, history: tuple[Project, dict[str, int]], who: str, tmp_path: Path
) -> None:
    applicant = history[1][who]
    erased(store_of(project), applicant)
    fresh = Project(project.with_settings(storage={"root": str(tmp_path / "fresh")}).config, tmp_path / "fresh")
    for folder in ("landing", "reference"):
        shutil.copytree(project.root / folder, fresh.root / folder)
    (fresh.landing / "corrections/late.csv").unlink(missing_ok=True)
    score_applications.fn(as_of=DAY, config=fresh.config)
    score_applications.fn(as_of=DAY, config=fresh.config, corrections=True, reason="they came late")
    for never, gone in zip(manifests(store_of(fresh)), manifests(store_of(project)), strict=True):
        for name in (
            "decisions",
            "changes",
            "changed_reasons",
            "content_fingerprint",
            "by_decision",
            "by_reason",
            "by_rule",
        ):
            assert getattr(gone.audited, name) == getattr(never.audited, name), name
        totals = {
            name: replace(each, rows=each.rows - each.erased, erased=0) for name, each in gone.audited.files.items()
        }
        assert totals == never.audited.files
        assert gone.inputs == never.inputs
    assert manifests(store_of(project))[-1].totals.erased == sum(
        int(rows_of_applicant(typed(text_of(path.name, path.read_bytes())), applicant).sum())
        for path in (
            history[0].landing / "a.csv",
            history[0].landing / "b.csv.gz",
            history[0].landing / "corrections/fix.csv",
        )
    ) + int(rows_of_applicant(pq.read_table(history[0].landing / "c.parquet"), applicant).sum())


def test_of_a_csv_file_one_line_goes_and_every_other_byte_stays(
    project: Project, history: tuple[Project, dict[str, int]]
) -> None:
    who = history[1]
    before = (project.landing / "a.csv").read_bytes()
    erased(store_of(project), who["decided"])
    kept = [line for line in before.splitlines(keepends=True) if not line.startswith(b"%d," % who["decided"])]
    assert (project.landing / "a.csv").read_bytes() == b"".join(kept)
    assert len(kept) == len(before.splitlines()) - 1


def test_an_announced_file_without_its_last_line_end_stays_as_it_is_but_for_the_line(
    project: Project, history: tuple[Project, dict[str, int]]
) -> None:
    path = project.root / f"landing/day={UNPUBLISHED}/x.csv"
    header, first, blank, last = path.read_bytes().split(b"\n")
    assert (blank, last[-1:] != b"\r") == (b"\r", True)
    erased(store_of(project), history[1]["of two days"])
    assert path.read_bytes() == b"\n".join([header, blank, last])
    control = json.loads(path.with_name("_control.json").read_text())
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert control == {"day": str(UNPUBLISHED), "files": {"x.csv": {"rows": 1, "sha256": digest}}}
    assert first.startswith(b"%d," % history[1]["of two days"])


def test_a_parquet_file_keeps_its_schema_its_row_groups_and_its_packing(
    project: Project, history: tuple[Project, dict[str, int]]
) -> None:
    before = pq.ParquetFile(history[0].landing / "c.parquet")
    erased(store_of(project), history[1]["in parquet"])
    after = pq.ParquetFile(project.landing / "c.parquet")
    assert after.schema_arrow.equals(before.schema_arrow, check_metadata=True)
    assert after.metadata.num_row_groups == before.metadata.num_row_groups
    assert after.metadata.num_rows == before.metadata.num_rows - 1
    assert after.metadata.row_group(0).column(0).compression == "GZIP"


def test_the_footer_of_the_decisions_tells_what_the_manifest_tells(
    project: Project, history: tuple[Project, dict[str, int]]
) -> None:
    store = store_of(project)
    erased(store, history[1]["decided"])
    for manifest in manifests(store):
        footer = pq.read_schema(io.BytesIO(read_data(store, manifest.audited.decisions))).metadata
        assert footer[b"content_fingerprint"].decode() == manifest.audited.content_fingerprint
        assert footer[b"revision"].decode() == str(manifest.revision)


def test_a_record_says_when_why_and_what_and_names_nobody(
    project: Project, history: tuple[Project, dict[str, int]]
) -> None:
    store, applicant = store_of(project), history[1]["decided"]
    before = {entry.key: hashlib.sha256(store.read(entry.key).data).hexdigest() for entry in store.list("")}
    erasure = erased(store, applicant)
    after = {entry.key: hashlib.sha256(store.read(entry.key).data).hexdigest() for entry in store.list("")}
    (key,) = (key for key in after if key.startswith("erasures/"))
    assert erasure.record == key
    assert key.startswith("erasures/20270105T093000Z-")
    record = json.loads(store.read(key).data)
    assert (record["at"], record["reason"]) == ("2027-01-05T09:30:00+00:00", REASON)
    told = {each["key"]: each for each in record["objects"]}
    assert all(before[each["key"]] == each["sha256"] for each in told.values())
    assert all(after[each["new_key"]] == each["new_sha256"] for each in told.values() if each["new_key"])
    changed = {each for each in before if before[each] != after.get(each)}
    assert {each for each in changed if not each.startswith(("work/", "decisions/"))} <= set(told)
    assert not any(each in after for each in told if told[each]["new_key"] is None)
    assert told[decisions_key(DAY)]["new_key"] == decisions_key(DAY)
    assert sum(each["rows"] for each in told.values()) == sum(each.rows for each in erasure.found)
    for manifest in manifests(store):
        assert manifest.erasures == ({"at": "2027-01-05T09:30:00+00:00", "reason": REASON},)


def test_work_of_the_applicants_days_goes_and_of_other_days_stays(
    project: Project, history: tuple[Project, dict[str, int]]
) -> None:
    store = store_of(project)
    store.create(f"work/day={UNPUBLISHED}/f/part.json", b"{}")
    erased(store, history[1]["decided"])
    assert [entry.key for entry in store.list("work/")] == [erased_key(DAY), f"work/day={UNPUBLISHED}/f/part.json"]


def test_a_search_tells_where_and_changes_nothing(project: Project, history: tuple[Project, dict[str, int]]) -> None:
    store = store_of(project)
    before = {entry.key: store.read(entry.key) for entry in store.list("")}
    found = search(store, history[1]["of two days"], reading=Reading())
    assert {(each.room, each.as_of, each.rows) for each in found.found} == {
        ("landing", DAY, 1), ("landing", UNPUBLISHED, 1), ("work", DAY, 1), ("revisions", DAY, 1),
        ("decisions", DAY, 1),
    }  # fmt: skip
    assert {entry.key: store.read(entry.key) for entry in store.list("")} == before


def test_who_is_nowhere_leaves_no_record(project: Project) -> None:
    store = store_of(project)
    before = {entry.key: store.read(entry.key) for entry in store.list("")}
    erasure = erased(store, NOBODY)
    assert (erasure.found, erasure.record) == ((), None)
    assert {entry.key: store.read(entry.key) for entry in store.list("")} == before


def test_a_second_run_finds_nothing_and_changes_nothing(
    project: Project, history: tuple[Project, dict[str, int]]
) -> None:
    store, applicant = store_of(project), history[1]["corrected"]
    erased(store, applicant)
    before = {entry.key: store.read(entry.key) for entry in store.list("")}
    assert erased(store, applicant).found == ()
    assert {entry.key: store.read(entry.key) for entry in store.list("")} == before


def test_several_applicants_can_be_erased_one_after_another(
    project: Project, history: tuple[Project, dict[str, int]]
) -> None:
    store = store_of(project)
    for who in WHO:
        erased(store, history[1][who])
    assert [list(traces(store, applicant)) for applicant in history[1].values()] == [[]] * len(WHO)
    assert all(unaccounted(manifest.audited.files) == {} for manifest in manifests(store))
    assert len(manifests(store)[0].erasures) == len(WHO)
    assert score_applications.fn(as_of=DAY, config=project.config).outcome == "unchanged"


@pytest.mark.parametrize("who", ["corrected", "of two minds", "of two days"])
def test_whatever_dies_readers_see_a_whole_file_and_a_second_run_finishes(
    history: tuple[Project, dict[str, int]], tmp_path: Path, who: str
) -> None:
    applicant = history[1][who]
    done = copy_of(history[0], tmp_path / "done")
    erased(store_of(done), applicant)
    whole = {history[0].decisions.read_bytes(), done.decisions.read_bytes()}
    finished = {
        entry.key: store_of(done).read(entry.key).data for entry in store_of(done).list("") if _is_settled(entry.key)
    }
    deaths = 0
    while True:
        project = copy_of(history[0], tmp_path / f"{deaths}")
        try:
            erased(DyingStore(store_of(project), calls=deaths), applicant)
        except Died:
            assert project.decisions.read_bytes() in whole
            assert what_a_run_says(project) in {"unchanged", "An applicant is being erased from 2026-11-02"}
            erased(store_of(project), applicant)
        else:
            break
        store = store_of(project)
        assert list(traces(store, applicant)) == []
        assert {entry.key: store.read(entry.key).data for entry in store.list("") if _is_settled(entry.key)} == finished
        assert score_applications.fn(as_of=DAY, config=project.config).outcome == "unchanged"
        deaths += 1 if IS_WHOLE else 4
        shutil.rmtree(project.root)
    assert deaths > 10


def _is_settled(key: str) -> bool:
    """Whether an object is the same however often the erasure was begun."""
    return not key.startswith(("erasures/", ".locks")) and not key.endswith("/erased.json")


def what_a_run_says(project: Project, day: date = DAY) -> str:
    """How an ordinary run ends, or how its error begins."""
    try:
        return str(score_applications.fn(as_of=day, config=project.config).outcome)
    except ScoringError as error:
        return str(error).partition(",")[0]


def test_what_a_dead_run_left_is_erased_too(project: Project, history: tuple[Project, dict[str, int]]) -> None:
    store, applicant = store_of(project), history[1]["decided"]
    left = store.read(manifests(store)[0].audited.decisions.key).data
    store.create(f"revisions/day={DAY}/decisions-0123456789abcdef.parquet", left)
    store.create(f"quarantine/day={UNPUBLISHED}/rejected-0123456789abcdef.parquet", left)
    erased(store, applicant)
    assert list(traces(store, applicant)) == []
    assert score_applications.fn(as_of=DAY, config=project.config).outcome == "unchanged"


def test_a_damaged_day_is_not_made_to_look_sound(project: Project, history: tuple[Project, dict[str, int]]) -> None:
    store, applicant = store_of(project), history[1]["decided"]
    key = manifests(store)[0].audited.decisions.key
    kept = table_of(store, manifests(store)[0].audited.decisions)
    pq.write_table(kept.slice(0, 20), project.root / key)
    before = {entry.key: store.read(entry.key).data for entry in store.list(f"revisions/day={DAY}/")}
    with pytest.raises(PublishError, match="is missing or damaged"):
        erased(store, applicant)
    assert {entry.key: store.read(entry.key).data for entry in store.list(f"revisions/day={DAY}/")} == before


def test_a_day_without_one_of_its_manifests_is_not_touched(
    project: Project, history: tuple[Project, dict[str, int]]
) -> None:
    store = store_of(project)
    store.delete(manifest_key(DAY, 1))
    project.decisions.unlink()
    before = {entry.key: store.read(entry.key).data for entry in store.list("") if str(DAY) in entry.key}
    with pytest.raises(PublishError, match="Manifests of 2026-11-02 are missing or damaged"):
        erased(store, history[1]["decided"])
    assert {entry.key: store.read(entry.key).data for entry in store.list("") if str(DAY) in entry.key} == before


def test_a_damaged_day_does_not_keep_the_others_from_being_erased(
    project: Project, history: tuple[Project, dict[str, int]]
) -> None:
    store, applicant = store_of(project), history[1]["of two days"]
    store.delete(manifest_key(DAY, 1))
    sample = project.root / "reference/model=credit-default/version=1/sample.parquet"
    table = pq.read_table(sample)
    ids = pa.array([applicant, *table.column("SK_ID_CURR").to_pylist()[1:]])
    pq.write_table(table.set_column(table.column_names.index("SK_ID_CURR"), "SK_ID_CURR", ids), sample)
    with pytest.raises(
        PublishError, match=r"(?s)1 of 3 days.*2026-11-02: Manifests of 2026-11-02 are missing or damaged"
    ) as caught:
        erased(store, applicant)
    assert str(applicant) not in str(caught.value)
    assert all(f"day={DAY}" in key for key in traces(store, applicant))
    assert list(traces(store, applicant)) != []


def test_every_day_that_could_not_be_erased_is_named(project: Project, history: tuple[Project, dict[str, int]]) -> None:
    store, applicant = store_of(project), history[1]["of two days"]
    store.delete(manifest_key(DAY, 1))
    shutil.copytree(project.root / f"revisions/day={DAY}", project.root / f"revisions/day={UNPUBLISHED}")
    with pytest.raises(PublishError, match=r"(?s)2026-11-02: .*2026-11-03: "):
        erased(store, applicant)


@pytest.mark.parametrize(
    "key",
    [f"landing/day={DAY}/_a\\b.csv", f"landing/day={UNPUBLISHED}/_a\\b.csv", f"work/day={DAY}/_a\\b.parquet"],
)
def test_an_object_whose_key_is_none_is_told_as_unsearched(
    project: Project, history: tuple[Project, dict[str, int]], key: str
) -> None:
    (project.root / key).parent.mkdir(parents=True, exist_ok=True)
    (project.root / key).write_bytes(b"whatever")
    store = store_of(project)
    erasure = erased(store, history[1]["of two days"])
    assert list(erasure.unsearched) == [key]
    with pytest.raises(SourceError, match="1 objects could not be searched .* is not a key"):
        require_searched(store, erasure)
    (project.root / key).unlink()
    assert list(traces(store, history[1]["of two days"])) == []


@pytest.mark.parametrize(("age", "left"), [(timedelta(hours=23), 1), (timedelta(hours=25), 0)])
def test_unfinished_writes_that_nobody_can_search_are_given_up_after_a_day(
    project: Project, age: timedelta, left: int
) -> None:
    store = store_of(project)
    with contextlib.suppress(RuntimeError), store.create_stream("landing/x.csv") as stream:
        stream.write(b"half")
        (write,) = (project.root / ".unfinished").iterdir()
        os.utime(write, ((AT - age).timestamp(),) * 2)
        found = search(store, NOBODY, reading=Reading())
        require_searched(store, found)
        assert (found.unfinished, len(list(store.unfinished()))) == (1, 1)
        erasure = erased(store, NOBODY)
        assert (erasure.unfinished, len(list(store.unfinished()))) == (left, left)
        if left:
            with pytest.raises(SourceError, match="1 writes that have not ended .* tomorrow"):
                require_searched(store, erasure)
        else:
            require_searched(store, erasure)
        raise RuntimeError


def test_an_upload_in_parts_is_given_up_as_well(s3_root: str, s3_server: S3Server) -> None:
    at = {"Bucket": bucket_of(s3_root), "Key": f"prod/landing/day={DAY}/a.csv"}
    begun = s3_server.client.create_multipart_upload(**at)
    s3_server.client.upload_part(**at, UploadId=begun["UploadId"], PartNumber=1, Body=b"SK_ID_CURR")
    store = open_store(Storage(root=s3_root))
    today = datetime.now(UTC)
    young = erase(store, NOBODY, reason=REASON, at=today, reading=Reading())
    old = erase(store, NOBODY, reason=REASON, at=today + timedelta(hours=25), reading=Reading())
    assert (young.unfinished, old.unfinished) == (1, 0)


def test_an_object_whose_key_is_none_is_told_on_s3_as_well(s3_root: str, s3_server: S3Server) -> None:
    name = f"landing/day={DAY}//a.csv"
    s3_server.client.put_object(Bucket=bucket_of(s3_root), Key=f"prod/{name}", Body=b"SK_ID_CURR\n1\n")
    store = open_store(Storage(root=s3_root))
    erasure = erased(store, NOBODY)
    with pytest.raises(SourceError, match="1 objects could not be searched"):
        require_searched(store, erasure)


def test_without_the_landing_the_sums_still_agree(project: Project, history: tuple[Project, dict[str, int]]) -> None:
    store = store_of(project)
    shutil.rmtree(project.landing)
    for who in ("in parquet", "of two minds"):
        erased(store, history[1][who])
        assert list(traces(store, history[1][who])) == []
    for manifest in manifests(store):
        assert unaccounted(manifest.audited.files) == {}
        assert manifest.totals.decided == manifest.audited.decisions.rows
        assert manifest.audited.quarantine
        assert manifest.totals.quarantined == manifest.audited.quarantine.rows
        assert manifest.totals.erased == 3


@pytest.mark.parametrize("who", ["decided", "of two minds", "corrected", "corrected to nonsense", "rejected"])
@pytest.mark.parametrize(("is_quarantine", "is_old"), [(True, False), (False, True), (True, True)])
def test_where_retention_has_removed_a_table_the_sums_still_agree(
    project: Project, history: tuple[Project, dict[str, int]], who: str, is_quarantine: bool, is_old: bool
) -> None:
    store, applicant = store_of(project), history[1][who]
    first, second = (manifest.audited for manifest in manifests(store))
    expired = [*[first.quarantine, second.quarantine] * is_quarantine, *[first.decisions] * is_old]
    gone = {file.key for file in expired if file}
    note_expired(store, DAY, gone, rule="retention", at="2026-12-01T00:00:00+00:00")
    for key in gone:
        store.delete(key)
    erased(store, applicant)
    assert list(traces(store, applicant)) == []
    assert [problem for checked in verify_store(store) for problem in checked.problems] == []
    assert score_applications.fn(as_of=DAY, config=project.config).outcome == "unchanged"


def test_a_file_that_was_changed_since_it_was_scored_stays_told_as_changed(
    project: Project, history: tuple[Project, dict[str, int]]
) -> None:
    store, applicant = store_of(project), history[1]["decided"]
    (project.landing / "_control.json").unlink()
    lines = (project.landing / "a.csv").read_bytes().splitlines(keepends=True)
    (project.landing / "a.csv").write_bytes(b"".join(lines[:-1]))
    erased(store, applicant)
    assert list(traces(store, applicant)) == []
    with pytest.raises(InputsChanged, match="changed: a.csv"):
        score_applications.fn(as_of=DAY, config=project.config)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("broken.csv.gz", gzip.compress(b"SK_ID_CURR\n" + b"1\n" * 999, mtime=0)[:-9]),
        ("broken.parquet", b"PAR1 nonsense"),
        ("sheet.csv", b"PK\x03\x04 a workbook"),
        ("letters.docx", b"of no known kind"),
        ("no_header.csv", b"1,2,3\n"),
        ("quotes.csv", b'SK_ID_CURR,NAME_CONTRACT_TYPE\n1,"Cash\n%d,Cash\n2,loans"\n' % NOBODY),
        ("unclosed.csv", b'SK_ID_CURR,NAME_CONTRACT_TYPE\n1,"Cash\n%d,Cash' % NOBODY),
    ],
)
def test_what_cannot_be_searched_is_told(project: Project, name: str, data: bytes) -> None:
    (project.root / f"landing/day={UNPUBLISHED}/{name}").write_bytes(data)
    erasure = erased(store_of(project), NOBODY)
    assert [key.rpartition("/")[2] for key in erasure.unsearched] == [name]
    assert str(NOBODY) not in str(erasure.unsearched)


def test_an_applicant_is_taken_out_of_the_out_of_fold_predictions(project: Project) -> None:
    store, path = store_of(project), project.root / "reference/model=credit-default/version=1/out_of_fold.parquet"
    before = pq.read_table(path)
    applicant = before.column("application_id")[7].as_py()
    erased(store, applicant)
    assert pq.read_table(path).equals(pa.concat_tables([before.slice(0, 7), before.slice(8)]))
    assert list(traces(store, applicant)) == []


def test_a_damaged_data_file_that_nobody_can_read_is_told(project: Project) -> None:
    (project.root / "reference/model=credit-default/version=1/sample.parquet").write_bytes(b"PAR1 nonsense")
    assert list(erased(store_of(project), NOBODY).unsearched) == [
        "reference/model=credit-default/version=1/sample.parquet"
    ]


@pytest.mark.parametrize("written", ["{}.0", " {} ", "+{}", "0{}", '"{}"', "{}e0"])
def test_an_id_is_found_however_it_is_written(tmp_path: Path, written: str) -> None:
    path = tmp_path / f"store/landing/day={DAY}/a.csv"
    path.parent.mkdir(parents=True)
    line = written.format(1234567)
    path.write_bytes(f"TARGET,SK_ID_CURR,X\n0,7654321,12345670\n1,{line},\n0,12345670,1234567\n".encode())
    erased(open_store(Storage(root=str(tmp_path / "store"))), 1234567)
    assert path.read_bytes() == b"TARGET,SK_ID_CURR,X\n0,7654321,12345670\n0,12345670,1234567\n"


@pytest.mark.parametrize(
    ("recorded", "today"),
    [(CLIENT, {}), (CLIENT, {"loan": "SK_ID_CURR"}), ({}, CLIENT)],
)
def test_a_published_file_is_searched_by_the_aliases_of_its_day(
    tmp_path: Path, recorded: dict[str, str], today: dict[str, str]
) -> None:
    store = open_store(Storage(root=str(tmp_path)))
    for name in ("a.csv", "never_published.csv"):
        store.create(f"landing/day={DAY}/{name}", b"client,TARGET,AMT_CREDIT\n7654321,0,1\n1234567,1,2\n")
    commit(store, made_manifest(column_aliases=recorded))
    found = {each.key for each in search(store, 1234567, reading=Reading(column_aliases=today)).found}
    assert (f"landing/day={DAY}/a.csv" in found, f"landing/day={DAY}/never_published.csv" in found) == (
        True,
        "client" in today,
    )


def test_a_row_with_line_ends_in_a_quoted_cell_goes_whole(tmp_path: Path) -> None:
    path = tmp_path / f"store/landing/day={DAY}/a.csv"
    path.parent.mkdir(parents=True)
    path.write_bytes(b'\xef\xbb\xbfNOTE,SK_ID_CURR\r\n"one, ""two""",5\r\n"three\r\nfour",1234567\r\nplain,6\r\n')
    store = open_store(Storage(root=str(tmp_path / "store")))
    assert list(erased(store, 1234567).unsearched) == [f"landing/day={DAY}/a.csv"]
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    control = {"day": str(DAY), "files": {"a.csv": {"rows": 3, "sha256": digest}}}
    path.with_name("_control.json").write_text(json.dumps(control))
    erased(store, 1234567)
    assert path.read_bytes() == b'\xef\xbb\xbfNOTE,SK_ID_CURR\r\n"one, ""two""",5\r\nplain,6\r\n'


@pytest.mark.parametrize("packed", [False, True])
def test_a_file_with_line_ends_in_a_cell_is_finished_whatever_dies(
    project: Project, tmp_path: Path, packed: bool
) -> None:
    """Its control file is written before it, and proves by the digest which lines are whose."""
    applicant, deaths, said = NOBODY, 0, set()
    name = "n.csv.gz" if packed else "n.csv"
    folder = f"landing/day={UNPUBLISHED}"
    header, *_ = (project.landing / "a.csv").read_bytes().splitlines()
    other = (project.root / folder / "x.csv").read_bytes().split(b"\n")[1].rstrip(b"\r")
    (project.root / folder / "x.csv").unlink()
    row = b"%d,%b" % (applicant, other.partition(b",")[2])
    text = b"\n".join([header + b",NOTE", other + b",plain", row + b',"two\nlines"', b""])
    data = gzip.compress(text) if packed else text
    (project.root / folder / name).write_bytes(data)
    told = {"rows": 2, "sha256": hashlib.sha256(data).hexdigest()}
    (project.root / folder / "_control.json").write_text(json.dumps({"day": str(UNPUBLISHED), "files": {name: told}}))
    while True:
        tried = copy_of(project, tmp_path / f"{deaths}")
        try:
            erased(DyingStore(store_of(tried), calls=deaths), applicant)
        except Died:
            said.add(what_a_run_says(tried, UNPUBLISHED))
            assert erased(store_of(tried), applicant).unsearched == {}
        else:
            break
        assert list(traces(store_of(tried), applicant)) == []
        left = (tried.root / folder / name).read_bytes()
        told = {"rows": 1, "sha256": hashlib.sha256(left).hexdigest()}
        assert text_of(name, left) == b"\n".join([header + b",NOTE", other + b",plain", b""])
        assert json.loads((tried.root / folder / "_control.json").read_text())["files"] == {name: told}
        shutil.rmtree(tried.root)
        deaths += 1
    assert deaths > 3
    assert said == {"published", f"An applicant is being erased from {UNPUBLISHED}"}


@pytest.mark.parametrize("reason", [None, "", "  "])
def test_an_erasure_needs_a_reason(reason: str | None) -> None:
    with pytest.raises(ConfigError, match="needs a reason"):
        require_reason(5, reason)


def test_a_reason_must_not_name_the_applicant() -> None:
    with pytest.raises(ConfigError, match="names the applicant") as caught:
        require_reason(1234567, "request of 1234567")
    assert "1234567" not in str(caught.value)


def test_what_a_run_publishes_meanwhile_is_not_pulled_from_under_it(
    project: Project, history: tuple[Project, dict[str, int]]
) -> None:
    store, applicant = store_of(project), history[1]["decided"]
    table = table_of(store, manifests(store)[0].audited.decisions).slice(0, 40)
    assert rows_of_applicant(table, applicant).any()
    left = store_data(store, f"revisions/day={DAY}/", "changes", write_parquet(table), rows=table.num_rows)
    third = replace(manifests(store)[1], revision=3, fingerprint="another")
    third = replace(third, audited=replace(third.audited, changes=left))
    with pytest.raises(PublishError, match="Run the same command again"):
        erased(Busy(store, lambda: manifest_of(store, DAY, 3) or commit(store, third)), applicant)
    assert read_data(store, left)


class Busy:
    """A store in which a run goes on in the moment in which data files are removed."""

    def __init__(self, store: Store, bring_back: Callable[[], object]) -> None:
        self._store, self._bring_back = store, bring_back

    def __getattr__(self, verb: str) -> Any:
        return getattr(self._store, verb)

    def delete(self, key: str) -> None:
        self._store.delete(key)
        if key.startswith("revisions/"):
            self._bring_back()


class Interrupted:
    """A store in which something happens once, in the moment in which a certain object is written."""

    def __init__(self, store: Store, key: str, do: Callable[[], object]) -> None:
        self._store, self._key, self._do = store, key, [do]

    def __getattr__(self, verb: str) -> Any:
        return getattr(self._store, verb)

    def create(self, key: str, data: bytes) -> None:
        self._come(key)
        self._store.create(key, data)

    def replace(self, key: str, data: bytes, *, tag: str) -> None:
        self._come(key)
        self._store.replace(key, data, tag=tag)

    def _come(self, key: str) -> None:
        if key.startswith(self._key) and self._do:
            self._do.pop()()


def die() -> None:
    raise Died


def unnamed(store: Store) -> set[str]:
    named = {file.key for manifest in manifests(store) for file in manifest.audited.data_files}
    return {entry.key for entry in store.list("") if is_data_file(entry.key)} - named


def remove(store: Store, keys: Iterable[str]) -> None:
    for key in keys:
        store.delete(key)


@pytest.mark.parametrize("key", [f"revisions/day={DAY}/decisions-", manifest_key(DAY, 1), manifest_key(DAY, 2)])
@pytest.mark.parametrize("first", ["decided", "corrected"])
def test_of_two_erasures_at_once_the_one_that_loses_leaves_nothing_behind(
    project: Project, history: tuple[Project, dict[str, int]], first: str, key: str
) -> None:
    store, who = store_of(project), history[1]
    rival = Interrupted(store, key, lambda: erased(store, who[first]))
    with pytest.raises(PublishError, match="was changed by others .* Run the same command again"):
        erased(rival, who["corrected"])
    assert unnamed(store) == set()
    assert list(traces(store, who[first])) == []
    erased(store, who["corrected"])
    assert list(traces(store, who["corrected"])) == []
    assert [problem for checked in verify_store(store) for problem in checked.problems] == []


def test_data_files_that_a_loser_takes_for_its_own_are_stored_again(
    project: Project, history: tuple[Project, dict[str, int]]
) -> None:
    store = store_of(project)
    loser = Interrupted(store, manifest_key(DAY, 2), lambda: remove(store, unnamed(store)))
    erased(loser, history[1]["corrected"])
    assert [problem for checked in verify_store(store) for problem in checked.problems] == []


def test_a_run_that_brings_the_applicant_back_is_noticed(
    project: Project, history: tuple[Project, dict[str, int]]
) -> None:
    store, applicant = store_of(project), history[1]["decided"]
    key = next(entry.key for entry in store.list(f"work/day={DAY}/") if "a.csv.decided" in entry.key)
    part = store.read(key).data
    with pytest.raises(PublishError, match="came back .* Run the same command again"):
        erased(Busy(store, lambda: (project.root / key).write_bytes(part)), applicant)
    erased(store, applicant)
    assert list(traces(store, applicant)) == []


def test_an_applicant_is_erased_from_s3_as_well(history: tuple[Project, dict[str, int]], s3_root: str) -> None:
    store = open_store(Storage(root=s3_root))
    for path in history[0].root.rglob("*"):
        if path.is_file() and not path.relative_to(history[0].root).as_posix().startswith("."):
            store.create(path.relative_to(history[0].root).as_posix(), path.read_bytes())
    settings = history[0].with_settings(storage={"root": s3_root})
    for who in ("corrected", "of two minds", "in parquet"):
        applicant = history[1][who]
        erased(store, applicant)
        assert list(traces(store, applicant)) == []
    assert score_applications.fn(as_of=DAY, config=settings.config).outcome == "unchanged"
    assert isinstance(manifests(store)[0].totals, FileTotals)

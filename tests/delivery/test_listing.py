"""The delivery of a day is what lies in its landing, as its control file announces it."""

import gzip
import hashlib
import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tasks.core.day.records import Order
from tasks.core.day.standing import Standing
from tasks.delivery.listing import list_delivery, stand
from tasks.errors import InputsChanged, SourceError
from tasks.publication.erasure_token import note_erasure
from tasks.publication.expired import note_expired
from tasks.publication.layout import landing_key
from tasks.store.folder import FolderStore
from tests.conftest import DAY
from tests.manifests import made_manifest

ROWS = b"SK_ID_CURR\n1\n"
SHA256 = hashlib.sha256(ROWS).hexdigest()
CORRECTIONS = Order("corrections", "amounts were mended")
FORCE = Order("force", "amounts were mended")
PUBLISHED = made_manifest(inputs={"a.csv": SHA256, "corrections/a.csv": SHA256})
CHANGES: list[tuple[dict[str, Any], str]] = [
    ({"day": "2026-11-01"}, "_control.json announces 2026-11-01, but lies under 2026-11-02"),
    ({"files": {}}, r"missing none, not announced \['a.csv'\]"),
    ({"files": {"b.csv": {"rows": 1, "sha256": SHA256}}}, r"missing \['b.csv'\], not announced \['a.csv'\]"),
    ({"files": {"a.csv": {"rows": 1, "sha256": "0" * 64}}}, "_control.json announces 000000000000…: the file was cut"),
    ({"files": {"a.csv": {"rows": "1", "sha256": SHA256}}}, "_control.json is not a control file; expected"),
]


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path)


def lay(store: FolderStore, *names: str, data: bytes = ROWS) -> None:
    for name in names:
        store.create(landing_key(DAY) + name, data)


def announce(store: FolderStore, *names: str, folder: str = "", **changes: Any) -> None:
    files = {name: {"rows": 7, "sha256": SHA256} for name in names}
    content = {"day": str(DAY), "files": files} | changes
    store.create(f"{landing_key(DAY)}{folder}_control.json", json.dumps(content).encode())


def test_files_are_listed_by_name_with_what_one_look_tells(store: FolderStore) -> None:
    lay(store, "b.csv", "a.parquet")
    lay(store, "c.csv.gz", data=gzip.compress(ROWS))
    first, second, third = list_delivery(store, Standing(DAY)).files
    assert (first.name, first.format, first.lines, first.announced_rows) == ("a.parquet", "parquet", None, None)
    assert (second.name, second.size_bytes, second.sha256, second.lines) == ("b.csv", len(ROWS), SHA256, 2)
    assert (third.name, third.format, third.lines) == ("c.csv.gz", "csv.gz", None)


def test_hidden_files_and_folders_are_no_applications(store: FolderStore) -> None:
    lay(store, "a.csv", "_SUCCESS", ".part.csv", "_old/a.csv", ".old/a.csv")
    assert [file.name for file in list_delivery(store, Standing(DAY)).files] == ["a.csv"]


def test_a_day_without_files_is_an_error_unless_it_may_be_empty(store: FolderStore) -> None:
    with pytest.raises(SourceError, match="No application files have arrived for 2026-11-02: .* declare the day"):
        list_delivery(store, Standing(DAY))
    assert list_delivery(store, Standing(DAY, excuse="a holiday")).files == ()
    assert list_delivery(store, Standing(DAY, published=PUBLISHED)).files == ()


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["notes.txt"], "notes.txt is not an application file"),
        (["more/a.csv"], "1 file in folders within .*, where nobody reads: more/a.csv"),
        (["A.csv", "a.csv"], "A.csv, a.csv differ in upper and lower case alone"),
        (["a..csv"], "'a..csv' cannot be the name of an application file"),
        ([" a.csv"], "' a.csv' cannot be the name"),
    ],
)
def test_a_name_that_may_be_misread_stops_the_day(store: FolderStore, names: list[str], message: str) -> None:
    lay(store, *names)
    with pytest.raises(SourceError, match=message):
        list_delivery(store, Standing(DAY))


def test_a_name_has_at_most_200_bytes(store: FolderStore) -> None:
    lay(store, "é" * 98 + ".csv")
    assert len(list_delivery(store, Standing(DAY)).files) == 1
    lay(store, "é" * 98 + "x.csv")
    with pytest.raises(SourceError, match="cannot be the name .* at most 200 bytes"):
        list_delivery(store, Standing(DAY))


def test_announced_rows_stand_beside_the_file(store: FolderStore) -> None:
    lay(store, "a.csv")
    announce(store, "a.csv")
    assert [file.announced_rows for file in list_delivery(store, Standing(DAY)).files] == [7]


@pytest.mark.parametrize(("changes", "message"), CHANGES)
def test_a_delivery_that_is_not_as_announced_stops_the_day(
    store: FolderStore, changes: dict[str, Any], message: str
) -> None:
    lay(store, "a.csv")
    announce(store, "a.csv", **changes)
    with pytest.raises(SourceError, match=message):
        list_delivery(store, Standing(DAY))


# --- corrections


def test_corrections_wait_until_somebody_orders_them(store: FolderStore) -> None:
    lay(store, "a.csv", "corrections/c.parquet", "corrections/b.csv.gz", "corrections/_note")
    standing = stand(store, DAY, None)
    assert [file.name for file in list_delivery(store, standing).files] == ["a.csv"]
    assert standing.waiting == ("corrections/b.csv.gz", "corrections/c.parquet")
    for order in (CORRECTIONS, FORCE):
        standing = stand(store, DAY, None, order=order)
        ordered = list_delivery(store, standing)
        assert [(file.name, file.format) for file in ordered.files] == [
            ("a.csv", "csv"), ("corrections/b.csv.gz", "csv.gz"), ("corrections/c.parquet", "parquet"),
        ]  # fmt: skip
        assert standing.waiting == ()


def test_published_corrections_count_while_others_wait(store: FolderStore) -> None:
    lay(store, "a.csv", "corrections/a.csv", "corrections/b.csv")
    announce(store, "a.csv", folder="corrections/")
    standing = stand(store, DAY, PUBLISHED)
    delivery = list_delivery(store, standing)
    assert delivery.digests == PUBLISHED.inputs
    assert delivery.files[1].announced_rows == 7
    assert standing.waiting == ("corrections/b.csv",)


def test_a_control_file_on_its_way_disturbs_no_published_correction(store: FolderStore) -> None:
    lay(store, "a.csv", "corrections/a.csv")
    store.create(f"{landing_key(DAY)}corrections/_control.json", b"half a control fi")
    assert list_delivery(store, stand(store, DAY, PUBLISHED)).digests == PUBLISHED.inputs
    with pytest.raises(SourceError, match="corrections/_control.json is not a control file"):
        list_delivery(store, stand(store, DAY, PUBLISHED, order=CORRECTIONS))


def test_ordered_corrections_must_be_as_announced(store: FolderStore) -> None:
    lay(store, "a.csv", "corrections/a.csv")
    announce(store, folder="corrections/", files={"a.csv": {"rows": 1, "sha256": "0" * 64}})
    with pytest.raises(SourceError, match="corrections/a.csv has SHA-256"):
        list_delivery(store, stand(store, DAY, None, order=CORRECTIONS))


# --- files removed by rule


def test_a_file_removed_by_rule_is_told_from_one_that_is_lost(store: FolderStore) -> None:
    lay(store, "a.csv")
    assert stand(store, DAY, PUBLISHED).expired == ()
    gone = f"{landing_key(DAY)}corrections/a.csv"
    note_expired(store, DAY, [gone], rule="landing is kept for 30 days", at="2026-12-02T00:00:00+00:00")
    assert stand(store, DAY, PUBLISHED).expired == ("corrections/a.csv",)
    for order in (CORRECTIONS, FORCE):
        with pytest.raises(InputsChanged, match="has expired: 1 of the 2 files that revision 1 was made from"):
            list_delivery(store, stand(store, DAY, PUBLISHED, order=order))


def test_files_of_another_day_are_not_listed(store: FolderStore) -> None:
    lay(store, "a.csv")
    other = replace(PUBLISHED, as_of=date(2026, 11, 3))
    assert list_delivery(store, stand(store, other.as_of, other)).files == ()


def test_whoever_only_looks_at_a_day_is_not_stopped_by_an_erasure(store: FolderStore) -> None:
    lay(store, "a.csv")
    note_erasure(store, DAY, is_over=False)
    standing = stand(store, DAY, PUBLISHED)
    assert standing.erasure is None
    assert [file.name for file in list_delivery(store, standing).files] == ["a.csv"]


# --- what is no delivery, and names that look the same

COMPOSED, DECOMPOSED = "\u017e\u00e1dosti.csv", "z\u030ca\u0301dosti.csv"


@pytest.mark.parametrize(
    "marker",
    [
        "corrections_$folder$", "$folder$_$folder$", "corrections/_$folder$", "corrections", "_SUCCESS", ".keep",
        ".DS_Store", "Thumbs.db", "desktop.ini", "THUMBS.DB", "corrections/.DS_Store", "corrections/Thumbs.db",
        "@eaDir/a.csv", "._a.csv",
    ],
)  # fmt: skip
def test_what_tools_leave_beside_the_files_is_no_file(store: FolderStore, marker: str) -> None:
    lay(store, "a.csv")
    announce(store, "a.csv")
    store.create(landing_key(DAY) + marker, b"")
    assert [file.name for file in list_delivery(store, Standing(DAY)).files] == ["a.csv"]
    assert stand(store, DAY, PUBLISHED).waiting == ()


def test_a_file_without_an_ending_that_holds_something_is_still_refused(store: FolderStore) -> None:
    lay(store, "a.csv", "corrections")
    with pytest.raises(SourceError, match="corrections is not an application file"):
        list_delivery(store, Standing(DAY))


@pytest.mark.parametrize(("announced", "arrived"), [(COMPOSED, DECOMPOSED), (DECOMPOSED, COMPOSED)])
@pytest.mark.parametrize("folder", ["", "corrections/"])
def test_names_that_look_the_same_are_the_same_file(
    store: FolderStore, announced: str, arrived: str, folder: str
) -> None:
    lay(store, folder + arrived)
    announce(store, announced, folder=folder)
    standing = Standing(DAY, CORRECTIONS, excuse="a Sunday") if folder else Standing(DAY)
    (file,) = list_delivery(store, standing).files
    assert (file.name, file.announced_rows) == (folder + COMPOSED, 7)
    assert store.read(file.key).data == ROWS


@pytest.mark.parametrize(("published", "arrived"), [(COMPOSED, DECOMPOSED), (DECOMPOSED, COMPOSED)])
def test_a_published_file_under_a_name_that_looks_the_same_is_that_file(
    store: FolderStore, published: str, arrived: str
) -> None:
    inputs = {published: SHA256, f"corrections/{published}": SHA256}
    lay(store, arrived, f"corrections/{arrived}")
    standing = stand(store, DAY, made_manifest(inputs=inputs))
    assert (standing.waiting, standing.expired) == ((), ())
    assert list_delivery(store, standing).digests == standing.unexpired_inputs
    store.delete(landing_key(DAY) + arrived)
    note_expired(store, DAY, [landing_key(DAY) + arrived], rule="r", at="t")
    standing = stand(store, DAY, made_manifest(inputs=inputs))
    assert standing.expired == (published,)
    assert list_delivery(store, standing).digests == standing.unexpired_inputs


def test_two_names_that_look_the_same_are_refused(store: FolderStore) -> None:
    lay(store, COMPOSED, DECOMPOSED)
    with pytest.raises(SourceError, match="differ in composed and decomposed letters, which look the same, alone"):
        list_delivery(store, Standing(DAY))


def test_a_control_file_that_announces_two_names_that_look_the_same_is_refused(store: FolderStore) -> None:
    lay(store, COMPOSED)
    announce(store, COMPOSED, DECOMPOSED)
    with pytest.raises(SourceError, match="_control.json is not a control file"):
        list_delivery(store, Standing(DAY))

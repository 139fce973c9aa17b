"""Whatever is damaged in what was published, `scoring status --verify` names it."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from configs.settings import Storage
from tasks.inspection.verify import verify_store
from tasks.publication.layout import days_page_key, manifest_key, report_page_key
from tasks.store import Store, open_store
from tests.conftest import DAY, Project
from tests.proofs.evidence import IS_WHOLE, note, sampled
from tests.revised_day import publish, revise

Damage = Callable[[bytes], bytes | None]
"""From an object's bytes to what is left of it; None: nothing."""
PAGES = (report_page_key(DAY), days_page_key(), "reports/model=")
UNLISTED = ("work/", "reference/", "versions/", "models/", f"landing/day={DAY}/_control.json", *PAGES)
"""What no manifest vouches for. Whoever reads a sealed copy of a model proves it."""


def flipped(at: float) -> Damage:
    """One bit of the byte that stands at this share of the object, 0 to 1."""

    def damage(data: bytes) -> bytes:
        place = round(at * (len(data) - 1))
        return data[:place] + bytes([data[place] ^ 0x80]) + data[place + 1 :]

    return damage


def damages(places: int) -> dict[str, list[Damage]]:
    """Every kind of damage, bits flipped at so many places from the first byte to the last."""
    return {
        "a bit flipped": [flipped(n / (places - 1)) for n in range(places)],
        "cut to half": [lambda data: data[: len(data) // 2]],
        "cut before its end": [lambda data: data[:-2]],
        "emptied": [lambda data: b""],
        "deleted": [lambda data: None],
    }


@pytest.fixture(scope="module")
def published(trained: Project, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Every object of a store in which a day was published twice."""
    project = publish(trained, tmp_path_factory.mktemp("corruption") / "store")
    revise(project)
    store = open_store(Storage(root=str(project.root)))
    return {entry.key: store.read(entry.key).data for entry in store.list("")}


@pytest.fixture(params=["folder", "s3"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "store") if request.param == "folder" else request.getfixturevalue("s3_root")


@pytest.fixture
def store(root: str, published: dict[str, bytes]) -> Store:
    store = open_store(Storage(root=root))
    for key, data in published.items():
        store.create(key, data)
    return store


def put(store: Store, key: str, data: bytes | None) -> None:
    store.delete(key)
    if data is not None:
        store.create(key, data)


def findings(store: Store) -> tuple[list[str], list[str]]:
    """Problems and remarks of the whole store."""
    checked = list(verify_store(store))
    return [each for one in checked for each in one.problems], [each for one in checked for each in one.remarks]


def test_every_damaged_object_is_named(store: Store, root: str, published: dict[str, bytes]) -> None:
    is_s3 = root.startswith("s3://")
    assert findings(store) == ([], [])
    vouched = [key for key in published if not key.startswith(UNLISTED)]
    assert len(vouched) == 15
    kinds = damages(101 if IS_WHOLE and not is_s3 else 3)
    cases = [(key, kind, damage) for key in vouched for kind, each in kinds.items() for damage in each]
    missed, counts = [], dict.fromkeys(kinds, 0)
    for key, kind, damage in sampled(cases, 24) if is_s3 else cases:
        put(store, key, damage(published[key]))
        problems, remarks = findings(store)
        may_be_gone = kind == "deleted" and key.startswith("landing/")
        if not any(store.location(key) in each for each in (remarks if may_be_gone else problems)):
            missed.append(f"{kind}: {key}")
        counts[kind] += 1
        put(store, key, published[key])
    assert missed == []
    assert findings(store) == ([], [])
    note(
        "corruption-s3" if is_s3 else "corruption-folder",
        f"Damage to what is published {'on S3' if is_s3 else 'in a folder'}",
        f"Each of the {len(vouched)} objects that a manifest vouches for was damaged in each way, one at a time, and "
        "`scoring status --verify` had to name it.",
        [{"damage": kind, "cases": n, "not named": 0} for kind, n in counts.items()],
    )


def leaves(content: Any, path: str = "") -> Iterator[tuple[str, Any, Any, Any]]:
    """Every single value in JSON content: its path, what holds it, its key there, and itself."""
    for key, value in content.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", content, key, value


def edited(value: Any) -> Any:
    """A value of the same type that says something else."""
    if isinstance(value, str):
        return value[:-1] + ("0" if value[-1:] != "0" else "1")
    if isinstance(value, list):
        return [*value, "more"]
    return 1 if value is None else value + 1


def test_every_edited_value_of_a_manifest_is_named(published: dict[str, bytes], tmp_path: Path) -> None:
    store = open_store(Storage(root=str(tmp_path / "store")))
    for key, data in published.items():
        store.create(key, data)
    missed, edits = [], 0
    for key in (manifest_key(DAY, 1), manifest_key(DAY, 2)):
        for path, *_ in sampled(list(leaves(json.loads(published[key]))), 40):
            content = json.loads(published[key])
            _, holder, name, value = next(each for each in leaves(content) if each[0] == path)
            holder[name] = edited(value)
            put(store, key, json.dumps(content, indent=1).encode())
            edits += 1
            if not any(store.location(key) in each for each in findings(store)[0]):
                missed.append(path)
        put(store, key, published[key])
    assert missed == []
    note(
        "corruption-manifest",
        "Edited manifests",
        "Every value in two manifests was edited, one at a time, in a manifest that still reads well, and "
        "`scoring status --verify` had to name it.",
        [{"values edited": edits, "not named": len(missed)}],
    )

import json
import math
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from configs.settings import Settings
from tasks.core.contract.rules import RuleCount
from tasks.core.day.records import Audited, DataFile, Delivery, FileRef, FileTotals, PartRef, Pins
from tasks.core.decision.policy import resolve_policy
from tasks.core.decision.reasons import Reason
from tasks.core.model.bundle import ModelPin
from tasks.publication.data_files import store_data
from tasks.running.checkpoints import code_digest, digest_of, keep, recall
from tasks.store import Store
from tasks.store.folder import FolderStore

DAY = date(2026, 11, 2)


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path)


def data(store: Store, name: str = "decisions") -> DataFile:
    return store_data(store, f"revisions/day={DAY}/", name, name.encode(), rows=1)


def records(store: Store) -> list[Any]:
    policy = resolve_policy("1", 0.1, refer_from=None, bands=[("A", 1.0), ("B", None)])
    assert math.isinf(policy.bands[-1].upper)
    file = FileRef("a.csv", "landing/a.csv", "csv", 3, "s", announced_rows=None)
    return [
        Pins(DAY, ModelPin("m", "1", "d"), policy, "p", "1", "c", {"age": Reason("R1", "Age.")}, "f"),
        PartRef(file, data(store, "one"), data(store, "two"), 3, {"rule": RuleCount(3, 1, 1)}, {"AMT_CREDIT": 5}),
        Audited(
            data(store),
            None,
            data(store, "contract"),
            "c",
            {"a.csv": FileTotals(3, 2, 1, 0)},
            {"approve": 2},
            {"z": 2, "a": 1},
        ),
    ]


@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_record_is_recalled_as_it_was_kept(store: FolderStore, which: int) -> None:
    record = records(store)[which]
    keep(store, "work/x.json", record)
    assert recall(store, "work/x.json", type(record)) == record


@pytest.mark.parametrize("damage", ["gone", "changed"])
def test_a_record_whose_data_file_is_gone_or_changed_counts_for_nothing(store: FolderStore, damage: str) -> None:
    part = records(store)[1]
    keep(store, "work/x.json", part)
    store.delete(part.rejected.key)
    if damage == "changed":
        store.create(part.rejected.key, b"twO")
    assert recall(store, "work/x.json", PartRef) is None


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'{"as_of": "2026-11-02"}', b"\x80\x04K\x01."])
def test_what_is_no_record_counts_for_nothing(store: FolderStore, content: bytes) -> None:
    store.create("work/x.json", content)
    assert recall(store, "work/x.json", Pins) is None


def test_a_record_of_an_older_shape_counts_for_nothing(store: FolderStore) -> None:
    keep(store, "work/x.json", records(store)[0])
    content = json.loads(store.read("work/x.json").data)
    del content["model"]["digest"]
    store.delete("work/x.json")
    store.create("work/x.json", json.dumps(content).encode())
    assert recall(store, "work/x.json", Pins) is None


def test_a_digest_tells_apart_what_differs_and_nothing_else() -> None:
    one = Delivery(DAY, (FileRef("a.csv", "k", "csv", 3, "s"),))
    same = Delivery(DAY, (FileRef("a.csv", "k", "csv", 3, "s"),))
    other = Delivery(DAY, (FileRef("a.csv", "k", "csv", 3, "t"),))
    assert digest_of(one, Settings()) == digest_of(same, Settings())
    assert digest_of(one) != digest_of(other)
    assert len(code_digest()) == 64

import multiprocessing
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from tasks.errors import PublishError
from tasks.store.folder import FolderStore
from tasks.store.interface import AlreadyExists, Changed, Entry, NotFound


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "root")


def test_what_was_created_is_read_back(store: FolderStore) -> None:
    store.create("a/b.txt", b"one")
    assert store.read("a/b.txt").data == b"one"
    with store.open("a/b.txt") as stream:
        stream.seek(1)
        assert stream.read() == b"ne"


def test_a_second_create_fails_and_leaves_the_first(store: FolderStore) -> None:
    store.create("a", b"one")
    with pytest.raises(AlreadyExists, match="a"):
        store.create("a", b"two")
    assert store.read("a").data == b"one"


def test_replace_needs_the_tag_that_was_read(store: FolderStore) -> None:
    store.create("a", b"one")
    seen = store.read("a")
    store.replace("a", b"two", tag=seen.tag)
    assert store.read("a").data == b"two"
    with pytest.raises(Changed):
        store.replace("a", b"three", tag=seen.tag)
    assert store.read("a").data == b"two"


@pytest.mark.parametrize(
    "ask",
    [
        lambda store: store.read("nowhere"),
        lambda store: store.open("nowhere").__enter__(),
        lambda store: store.replace("nowhere", b"", tag=""),
    ],
)
def test_what_is_absent_is_not_found(store: FolderStore, ask: Callable[[FolderStore], None]) -> None:
    with pytest.raises(NotFound, match="nowhere"):
        ask(store)


def test_a_stream_that_breaks_leaves_nothing(store: FolderStore, tmp_path: Path) -> None:
    def write_and_break() -> None:
        with store.create_stream("a/b") as stream:
            stream.write(b"half")
            raise RuntimeError("torn")

    with pytest.raises(RuntimeError, match="torn"):
        write_and_break()
    assert list(store.list("")) == []
    assert not any(path.is_file() for path in (tmp_path / "root").rglob("*"))


def test_listing_is_by_prefix_and_sorted_and_hides_what_is_unfinished(store: FolderStore) -> None:
    for key in ("d/2", "d/10", "dx/1", "e/1"):
        store.create(key, b"12")
    with store.create_stream("d/3") as stream:
        stream.write(b"x")
        assert list(store.list("d")) == [Entry("d/10", 2), Entry("d/2", 2), Entry("dx/1", 2)]
    assert [entry.key for entry in store.list("d/")] == ["d/10", "d/2", "d/3"]
    assert list(store.list("nothing/")) == []


def test_delete_is_done_once_or_twice(store: FolderStore) -> None:
    store.create("a", b"one")
    store.delete("a")
    store.delete("a")
    with pytest.raises(NotFound):
        store.read("a")


@pytest.mark.parametrize("key", ["", "/etc/passwd", "a/../../b", "a\\b", "a\0b"])
def test_a_key_cannot_leave_the_root(store: FolderStore, key: str) -> None:
    with pytest.raises(ValueError, match="is no key"):
        store.create(key, b"")


def test_a_store_that_is_no_folder_says_what_to_mend(tmp_path: Path) -> None:
    (tmp_path / "root").write_text("a file where the folder should be")
    with pytest.raises(PublishError, match=r"could not create a: .*\. Nothing was half-written; mend the folder"):
        FolderStore(tmp_path / "root").create("a", b"")


def test_published_files_can_be_read_by_others(store: FolderStore, tmp_path: Path) -> None:
    store.create("a", b"one")
    (tmp_path / "plain").write_bytes(b"")
    assert stat.S_IMODE((tmp_path / "root" / "a").stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)


def _race_to_create(root: Path, mark: int, start: object, wins: object) -> None:
    start.wait()  # type: ignore[attr-defined]
    try:
        FolderStore(root).create("prize", str(mark).encode() * 100_000)
    except AlreadyExists:
        return
    wins.put(mark)  # type: ignore[attr-defined]


def _race_to_add(root: Path, rounds: int) -> None:
    store = FolderStore(root)
    for _ in range(rounds):
        while True:
            seen = store.read("count")
            try:
                store.replace("count", str(int(seen.data) + 1).encode(), tag=seen.tag)
            except Changed:
                continue
            break


def test_one_of_many_creators_wins_and_its_object_is_whole(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    start, wins = context.Barrier(4), context.Queue()
    racers = [context.Process(target=_race_to_create, args=(tmp_path, n, start, wins)) for n in range(4)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    winner = wins.get(timeout=5)
    assert wins.empty()
    assert FolderStore(tmp_path).read("prize").data == str(winner).encode() * 100_000


def test_no_replacement_is_lost_between_processes(tmp_path: Path) -> None:
    FolderStore(tmp_path).create("count", b"0")
    context = multiprocessing.get_context("spawn")
    racers = [context.Process(target=_race_to_add, args=(tmp_path, 25)) for _ in range(3)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert FolderStore(tmp_path).read("count").data == b"75"

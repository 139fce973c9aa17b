"""What every store promises, on each: a folder, an S3, and an S3 without conditions that has a single writer."""

import io
import multiprocessing
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from configs.settings import Storage
from tasks.errors import PublishError
from tasks.store import AlreadyExists, Changed, NotFound, Store, open_store
from tasks.store.renewing import overwrite
from tests.s3_servers import S3Server
from tests.store.races import race_to_add, race_to_create

PART_BYTES = 5 * 1024**2
SEVERAL_PARTS = bytes(range(256)) * (9 * PART_BYTES // 1024)  # 2.25 parts
ATOMIC = ["folder", "s3"]


@pytest.fixture(scope="module")
def bucket(s3_server: S3Server) -> str:
    """One for all tests here, so that its store is connected and probed once."""
    return s3_server.fresh_bucket()


@pytest.fixture(params=["folder", "s3", "heedless s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Storage:
    if request.param == "folder":
        return Storage(root=str(tmp_path / "root"))
    if request.param == "heedless s3":
        return Storage(root=request.getfixturevalue("heedless_s3_root"), part_bytes=PART_BYTES, single_writer=True)
    server, bucket = request.getfixturevalue("s3_server"), request.getfixturevalue("bucket")
    server.use(monkeypatch)
    server.empty(bucket)
    return Storage(root=f"s3://{bucket}/prod", part_bytes=PART_BYTES)


@pytest.fixture
def store(storage: Storage) -> Store:
    return open_store(storage)


def listed(store: Store, prefix: str) -> list[tuple[str, int]]:
    return [(entry.key, entry.size_bytes) for entry in store.list(prefix)]


@pytest.mark.parametrize(("begin", "end"), [(0, 3), (0, 1), (1, 3), (2, 9)])
def test_a_range_is_read_without_the_rest(store: Store, begin: int, end: int) -> None:
    store.create("a", b"one")
    assert store.read_range("a", begin, end) == b"one"[begin:end]


def test_a_range_of_nothing_is_not_found(store: Store) -> None:
    with pytest.raises(NotFound):
        store.read_range("a", 0, 1)


def test_a_range_beyond_the_end_is_empty_or_of_another_object(store: Store) -> None:
    store.create("a", b"one")
    try:
        found = store.read_range("a", 5, 9)
    except Changed:
        found = b""
    assert found == b""


def test_what_was_created_is_read_back(store: Store) -> None:
    store.create("a/b.txt", b"one")
    assert store.read("a/b.txt").data == b"one"
    with store.open("a/b.txt") as stream:
        stream.seek(1)
        assert stream.read() == b"ne"


@pytest.mark.parametrize("size_bytes", [0, 1, PART_BYTES, PART_BYTES + 1, 2 * PART_BYTES, len(SEVERAL_PARTS)])
def test_an_object_of_any_size_is_read_back_and_listed(store: Store, size_bytes: int) -> None:
    store.create("a", SEVERAL_PARTS[:size_bytes])
    assert store.read("a").data == SEVERAL_PARTS[:size_bytes]
    assert listed(store, "") == [("a", size_bytes)]


def test_a_large_object_can_be_replaced_by_a_large_one(store: Store) -> None:
    store.create("a", SEVERAL_PARTS)
    store.replace("a", SEVERAL_PARTS[1:], tag=store.read("a").tag)
    assert store.read("a").data == SEVERAL_PARTS[1:]


def test_a_stream_takes_what_arrow_writes(store: Store) -> None:
    table = pa.table({"n": list(range(1000))})
    with store.create_stream("a.parquet") as stream:
        pq.write_table(table, stream)
        assert list(store.list("")) == []
    assert pq.read_table(io.BytesIO(store.read("a.parquet").data)).equals(table)
    with store.open("a.parquet") as stream:
        assert pq.read_table(stream).equals(table)


def test_a_stream_knows_how_far_it_has_come(store: Store) -> None:
    with store.create_stream("a") as stream:
        assert stream.write(SEVERAL_PARTS) == len(SEVERAL_PARTS)
        stream.write(memoryview(b"more"))
        assert stream.tell() == len(SEVERAL_PARTS) + 4
    assert store.read("a").data == SEVERAL_PARTS + b"more"


@pytest.mark.parametrize("data", [b"two", b"one", SEVERAL_PARTS])
def test_a_second_create_fails_and_leaves_the_first(store: Store, data: bytes) -> None:
    store.create("a", b"one")
    with pytest.raises(AlreadyExists, match="a"):
        store.create("a", data)
    assert store.read("a").data == b"one"


def test_whoever_ends_first_creates(store: Store) -> None:
    def lose() -> None:
        with store.create_stream("a") as stream:
            stream.write(SEVERAL_PARTS)
            store.create("a", b"first")

    with pytest.raises(AlreadyExists, match="a"):
        lose()
    assert store.read("a").data == b"first"


def test_replace_needs_the_tag_that_was_read(store: Store) -> None:
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
        lambda store: store.replace("nowhere", b"", tag="a tag"),
    ],
)
def test_what_is_absent_is_not_found(store: Store, ask: Callable[[Store], None]) -> None:
    with pytest.raises(NotFound, match="nowhere"):
        ask(store)


@pytest.mark.parametrize("written", [b"half", SEVERAL_PARTS])
@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_stream_that_breaks_leaves_nothing(store: Store, written: bytes, error: type[BaseException]) -> None:
    def write_and_break() -> None:
        with store.create_stream("a/b") as stream:
            stream.write(written)
            raise error

    with pytest.raises(error):
        write_and_break()
    assert list(store.list("")) == []


def test_listing_is_by_prefix_and_sorted_and_hides_what_is_unfinished(store: Store) -> None:
    for key in (
        "d/2",
        "d/10",
        "d-/1",
        "dx/1",
        "e/1",
        "d/\N{GREEK SMALL LETTER OMEGA}",
        "d/\N{GRINNING FACE}",
        "d/\uffee",
    ):
        store.create(key, b"12")
    with store.create_stream("d/3") as stream:
        stream.write(b"x")
        assert [entry.key for entry in store.list("d/")] == ["d/10", "d/2", "d/ω", "d/\uffee", "d/😀"]
    assert listed(store, "d")[:3] == [("d-/1", 2), ("d/10", 2), ("d/2", 2)]
    assert [entry.key for entry in store.list("dx")] == ["dx/1"]
    assert list(store.list("nothing/")) == []


def test_a_listing_says_when_an_object_was_last_written(store: Store) -> None:
    before = datetime.now(UTC) - timedelta(seconds=2)  # S3 tells whole seconds
    store.create("a", b"one")
    (created,) = store.list("a")
    assert before < created.modified_at < datetime.now(UTC) + timedelta(seconds=2)
    store.replace("a", b"two", tag=store.read("a").tag)
    (replaced,) = store.list("a")
    assert created.modified_at <= replaced.modified_at < datetime.now(UTC) + timedelta(seconds=2)


@pytest.mark.parametrize("storage", ATOMIC, indirect=True)
def test_a_write_under_way_is_unfinished_and_can_be_given_up(store: Store) -> None:
    before = datetime.now(UTC) - timedelta(seconds=2)

    def write() -> None:
        with store.create_stream("a/b") as stream:
            stream.write(SEVERAL_PARTS)
            stream.flush()
            (begun,) = store.unfinished()
            assert begun.size_bytes >= 2 * PART_BYTES
            assert before < begun.modified_at < datetime.now(UTC) + timedelta(seconds=2)
            store.forget(begun)
            store.forget(begun)
            assert list(store.unfinished()) == []

    with pytest.raises(PublishError, match="could not create a/b"):
        write()
    assert listed(store, "") == []


def test_nothing_is_unfinished_where_every_write_has_ended(store: Store) -> None:
    store.create("a", SEVERAL_PARTS)
    store.replace("a", b"two", tag=store.read("a").tag)
    assert list(store.unfinished()) == []


def test_delete_is_done_once_or_twice(store: Store) -> None:
    store.create("a", b"one")
    store.delete("a")
    store.delete("a")
    with pytest.raises(NotFound):
        store.read("a")
    store.create("a", b"two")
    assert store.read("a").data == b"two"


@pytest.mark.parametrize("key", ["", "/etc/passwd", "a/../../b", "a\\b", "a\0b", "a//b", "./a", "a/.", "a/"])
def test_a_key_is_a_plain_path_below_the_root(store: Store, key: str) -> None:
    for ask in (
        store.read,
        store.delete,
        lambda key: store.create(key, b""),
        lambda key: store.replace(key, b"", tag=""),
    ):
        with pytest.raises(ValueError, match="is not a key"):
            ask(key)


@pytest.mark.parametrize("key", ["day=2026-11-02/a b+c.csv", "q?x=1&y#z", "100%/ä:é", "a;b=c,d!e'(f)*$@"])
def test_a_key_may_hold_what_a_file_name_may(store: Store, key: str) -> None:
    store.create(key, b"one")
    assert store.read(key).data == b"one"
    assert [entry.key for entry in store.list("")] == [key]
    assert store.location(key).endswith(f"/{key}")


def test_overwriting_ends_with_what_was_given(store: Store) -> None:
    for data in (b"one", b"one", b"two"):
        overwrite(store, "a", data)
        assert store.read("a").data == data


@pytest.mark.parametrize("storage", ATOMIC, indirect=True)
def test_one_of_many_processes_creates_and_its_object_is_whole(storage: Storage) -> None:
    context = multiprocessing.get_context("spawn")
    start, wins = context.Barrier(4), context.Queue()
    entries = [str(n).encode() * 100_000 for n in range(4)]
    racers = [context.Process(target=race_to_create, args=(storage, data, start, wins)) for data in entries]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    winner = wins.get(timeout=5)
    assert wins.empty()
    assert open_store(storage).read("prize").data == winner * 100_000


@pytest.mark.parametrize("storage", ATOMIC, indirect=True)
@pytest.mark.parametrize("data", [b"same", SEVERAL_PARTS], ids=["one request", "parts"])
def test_one_of_many_threads_creates_even_where_all_write_the_same(storage: Storage, data: bytes) -> None:
    start, wins = threading.Barrier(8), multiprocessing.get_context("spawn").Queue()
    racers = [threading.Thread(target=race_to_create, args=(storage, data, start, wins)) for _ in range(8)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert wins.get(timeout=5) == data[:1]
    assert wins.empty()
    assert open_store(storage).read("prize").data == data


@pytest.mark.parametrize("storage", ATOMIC, indirect=True)
def test_no_replacement_is_lost_between_processes(storage: Storage) -> None:
    open_store(storage).create("count", b"0")
    context = multiprocessing.get_context("spawn")
    racers = [context.Process(target=race_to_add, args=(storage, 15)) for _ in range(3)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert open_store(storage).read("count").data == b"45"

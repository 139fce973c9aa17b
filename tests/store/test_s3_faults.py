"""What S3 and the network do at the wrong moment, and that the outcome is right all the same."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from configs.settings import Storage
from tasks.errors import PublishError
from tasks.store import AlreadyExists, Changed, NotFound, Store, open_store
from tests.s3_servers import S3Server, bucket_of
from tests.store.breaking_proxy import Answer, Break, BreakingProxy, Call, matching, nth

PART_BYTES = 5 * 1024**2
LARGE = bytes(range(256)) * (9 * PART_BYTES // 1024)  # 2.25 parts
UPLOAD_CALLS = 6  # is it there, begin, three parts, complete
FAULTS = [
    *Break,
    Answer(503, "SlowDown"),
    Answer(500, "InternalError"),
    Answer(500, "InternalError", after=True),
    Answer(429, "TooManyRequests"),
    Answer(409, "ConditionalRequestConflict"),
]
QUICK_FAULTS = [Break.LOSE_REQUEST, Break.LOSE_ANSWER, Answer(500, "InternalError"), Answer(409, "OperationAborted")]


class Aside:
    """What happens in the bucket beside the store under test."""

    def __init__(self, server: S3Server, root: str) -> None:
        self.client, self.bucket = server.client, bucket_of(root)

    def put(self, key: str, data: bytes) -> None:
        self.client.put_object(Bucket=self.bucket, Key=f"prod/{key}", Body=data)

    def get(self, key: str) -> bytes:
        data: bytes = self.client.get_object(Bucket=self.bucket, Key=f"prod/{key}")["Body"].read()
        return data

    def unfinished(self) -> int:
        return len(self.client.list_multipart_uploads(Bucket=self.bucket).get("Uploads", []))


@pytest.fixture(scope="module")
def running_proxy(s3_server: S3Server) -> Iterator[BreakingProxy]:
    with BreakingProxy(s3_server.endpoint, f"s3://{s3_server.fresh_bucket()}/prod").serving() as proxy:
        yield proxy


@pytest.fixture
def proxy(
    running_proxy: BreakingProxy, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> Iterator[BreakingProxy]:
    """A proxy that breaks nothing yet, in front of an empty bucket."""
    s3_server.use(monkeypatch)
    s3_server.empty(bucket_of(running_proxy.root))
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", running_proxy.endpoint)
    running_proxy.start()
    yield running_proxy
    running_proxy.finish()


@pytest.fixture
def aside(proxy: BreakingProxy, s3_server: S3Server) -> Aside:
    return Aside(s3_server, proxy.root)


@pytest.fixture
def store(request: pytest.FixtureRequest, proxy: BreakingProxy) -> Store:
    """A store that was written to before, so that the first request to break is the one under test.

    It is patient, so that a busy machine breaks nothing by itself, except where an answer has to come too late.
    """
    patience_seconds = 0.7 if "_LATE" in request.node.name else 30
    store = open_store(
        Storage(root=proxy.root, part_bytes=PART_BYTES, attempts=4, read_timeout_seconds=patience_seconds)
    )
    store.create("before", b"one")
    return store


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_create_is_done_once_whatever_breaks(
    store: Store, proxy: BreakingProxy, aside: Aside, fault: Break | Answer
) -> None:
    proxy.start(nth(1, fault))
    store.create("a", b"two")
    assert aside.get("a") == b"two"
    with pytest.raises(AlreadyExists):
        store.create("a", b"two")


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_replacement_is_done_once_whatever_breaks(
    store: Store, proxy: BreakingProxy, aside: Aside, fault: Break | Answer
) -> None:
    tag = store.read("before").tag
    proxy.start(nth(1, fault))
    store.replace("before", b"two", tag=tag)
    assert aside.get("before") == b"two"
    with pytest.raises(Changed):
        store.replace("before", b"three", tag=tag)


@pytest.mark.parametrize("fault", FAULTS, ids=str)
@pytest.mark.parametrize(
    ("ask", "expected"),
    [
        (lambda store: store.read("before").data, b"one"),
        (lambda store: [entry.key for entry in store.list("")], ["before"]),
        (lambda store: store.delete("before"), None),
    ],
    ids=["read", "list", "delete"],
)
def test_the_other_verbs_do_what_they_say_whatever_breaks(
    store: Store, proxy: BreakingProxy, ask: Callable[[Store], Any], expected: object, fault: Break | Answer
) -> None:
    proxy.start(nth(1, fault))
    assert ask(store) == expected


@pytest.mark.parametrize("number", range(1, UPLOAD_CALLS + 1))
@pytest.mark.parametrize("fault", QUICK_FAULTS, ids=str)
def test_an_upload_in_parts_is_done_once_whatever_breaks(
    store: Store, proxy: BreakingProxy, aside: Aside, number: int, fault: Break | Answer
) -> None:
    proxy.start(nth(number, fault))
    store.create("a", LARGE)
    assert len(proxy.calls) == UPLOAD_CALLS + 1
    assert aside.get("a") == LARGE
    # An upload whose very beginning was answered into the void has no name that we know.
    assert aside.unfinished() == (number == 2 and fault is Break.LOSE_ANSWER)


def test_an_upload_that_is_complete_and_forgotten_is_found_by_its_object(
    store: Store, proxy: BreakingProxy, aside: Aside
) -> None:
    answers = iter([Answer(500, "InternalError", after=True), Answer(404, "NoSuchUpload")])
    proxy.start(lambda call: next(answers) if call.method == "POST" and "uploadId" in call.path else None)
    store.create("a", LARGE)
    assert aside.get("a") == LARGE


def test_an_upload_that_somebody_removed_wrote_nothing(store: Store, proxy: BreakingProxy) -> None:
    proxy.start(nth(UPLOAD_CALLS, Answer(404, "NoSuchUpload")))
    with pytest.raises(
        PublishError, match="could not create a: NoSuchUpload .404.*Nothing was changed. Somebody removed"
    ):
        store.create("a", LARGE)
    with pytest.raises(NotFound):
        store.read("a")


def test_a_rival_who_wrote_the_same_bytes_is_still_the_winner(store: Store, proxy: BreakingProxy, aside: Aside) -> None:
    def rival(call: Call) -> Break | None:
        if call.number > 1:
            return None
        aside.put("a", b"two")
        return Break.LOSE_REQUEST

    proxy.start(rival)
    with pytest.raises(AlreadyExists):
        store.create("a", b"two")


def test_where_metadata_is_dropped_a_lost_answer_looks_like_a_rival(store: Store, proxy: BreakingProxy) -> None:
    def forgetful(call: Call) -> Break | Answer | None:
        return Answer(200, "no metadata") if call.method == "HEAD" else nth(1, Break.LOSE_ANSWER)(call)

    proxy.start(forgetful)
    with pytest.raises(AlreadyExists):
        store.create("a", b"two")


@pytest.mark.parametrize("size_bytes", [0, 1, len(LARGE)])
@pytest.mark.parametrize("fault", [Break.HALVE_ANSWER, Break.LOSE_ANSWER], ids=str)
def test_a_reading_goes_on_where_it_broke(
    store: Store, proxy: BreakingProxy, aside: Aside, size_bytes: int, fault: Break
) -> None:
    aside.put("a", LARGE[:size_bytes])
    proxy.start(nth(1, fault, times=3))
    assert store.read("a").data == LARGE[:size_bytes]
    proxy.start(nth(1, fault, times=3))
    with store.open("a") as stream:
        assert stream.read() == LARGE[:size_bytes]


def test_only_the_rest_of_a_broken_reading_is_asked_for(store: Store, proxy: BreakingProxy, aside: Aside) -> None:
    aside.put("a", LARGE)
    proxy.start(nth(1, Break.HALVE_ANSWER))
    store.read("a")
    _, rest = proxy.calls
    assert rest.headers["range"] == f"bytes={len(LARGE) // 2}-"


def test_an_object_that_changes_under_a_broken_reading_is_not_mixed(
    store: Store, proxy: BreakingProxy, aside: Aside
) -> None:
    def change(call: Call) -> Break | None:
        if call.number == 1:
            return Break.HALVE_ANSWER
        aside.put("a", LARGE[1:])
        return None

    aside.put("a", LARGE)
    proxy.start(change)
    with pytest.raises(Changed, match="a"):
        store.read("a")


def test_a_reading_that_never_gets_on_ends(store: Store, proxy: BreakingProxy, aside: Aside) -> None:
    aside.put("a", b"1")  # half of it is nothing
    proxy.start(lambda _: Break.HALVE_ANSWER)
    with pytest.raises(PublishError, match="could not read a: .* after up to 4 attempts.*Nothing was changed"):
        store.read("a")
    assert len(proxy.calls) == 4


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (
            Answer(503, "Busy"),
            "Busy .503.*Whether it took effect is not known; the object is there whole or not",
        ),
        (Break.LOSE_ANSWER, "ConnectionClosedError.*Whether it took effect is not known"),
        (
            Answer(409, "ConditionalRequestConflict"),
            "ConditionalRequestConflict .409.*Whether it took effect",
        ),
        (Answer(403, "AccessDenied"), "AccessDenied .403.*Nothing was changed"),
    ],
    ids=str,
)
def test_what_never_works_is_told_after_all_attempts(
    store: Store, proxy: BreakingProxy, fault: Break | Answer, told: str
) -> None:
    proxy.start(lambda _: fault)
    with pytest.raises(PublishError, match=f"could not create a: {told}.*safe to run the command again"):
        store.create("a", b"two")
    assert len(proxy.calls) == (1 if fault == Answer(403, "AccessDenied") else 4)


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_stream_that_breaks_leaves_no_upload(store: Store, aside: Aside, error: type[BaseException]) -> None:
    def write_and_break() -> None:
        with store.create_stream("a") as stream:
            stream.write(LARGE)
            assert aside.unfinished() == 1
            raise error

    with pytest.raises(error):
        write_and_break()
    assert aside.unfinished() == 0


def test_who_comes_second_with_a_large_object_sends_none_of_it(store: Store, proxy: BreakingProxy) -> None:
    proxy.start(lambda _: None)
    with pytest.raises(AlreadyExists):
        store.create("before", LARGE)
    assert [call.method for call in proxy.calls] == ["HEAD"]


def test_who_loses_at_the_end_leaves_no_upload(store: Store, aside: Aside) -> None:
    def lose() -> None:
        with store.create_stream("a") as stream:
            stream.write(LARGE)
            aside.put("a", b"first")

    with pytest.raises(AlreadyExists):
        lose()
    assert (aside.get("a"), aside.unfinished()) == (b"first", 0)


def test_an_upload_that_cannot_be_forgotten_hides_no_error(
    store: Store, proxy: BreakingProxy, caplog: pytest.LogCaptureFixture
) -> None:
    def write_and_break() -> None:
        with store.create_stream("a") as stream:
            stream.write(LARGE)
            raise RuntimeError("torn")

    proxy.start(matching("DELETE /", Answer(403, "AccessDenied")))
    with pytest.raises(RuntimeError, match="torn"):
        write_and_break()
    assert "could not abort the upload of a: AccessDenied" in caplog.text


@pytest.mark.parametrize("status", [200, 404, 503])
@pytest.mark.parametrize(
    "ask",
    [lambda store: store.read("a"), lambda store: list(store.list("")), lambda store: store.create("a", b"")],
    ids=["read", "list", "create"],
)
def test_an_answer_that_is_not_from_s3_is_no_answer(
    s3_proxy: BreakingProxy, ask: Callable[[Store], Any], status: int
) -> None:
    s3_proxy.start(lambda _: Answer(status, ""))
    with pytest.raises(PublishError, match="The store could not"):
        ask(open_store(Storage(root=s3_proxy.root, attempts=2)))

import threading

import pytest

from configs.settings import Storage
from tasks.errors import PublishError
from tasks.store import AlreadyExists, NotFound, open_store
from tests.s3_servers import S3Server, bucket_of
from tests.store.breaking_proxy import Answer, Break, BreakingProxy, nth

PROBE_CALLS = 9
PART_BYTES = 5 * 1024**2


def probes_of(proxy: BreakingProxy) -> int:
    return sum("/.probe/" in call.path for call in proxy.calls)


def left_in(server: S3Server, root: str) -> list[str]:
    bucket = bucket_of(root)
    objects = server.client.list_objects_v2(Bucket=bucket).get("Contents", [])
    uploads = server.client.list_multipart_uploads(Bucket=bucket).get("Uploads", [])
    return [each["Key"] for each in [*objects, *uploads]]


def test_who_only_reads_asks_nothing(s3_proxy: BreakingProxy, s3_root: str) -> None:
    store = open_store(Storage(root=s3_root))
    with pytest.raises(NotFound):
        store.read("a")
    assert list(store.list("")) == []
    assert [call.method for call in s3_proxy.calls] == ["GET", "GET"]


def test_a_process_asks_once_and_leaves_nothing(s3_proxy: BreakingProxy, s3_server: S3Server, s3_root: str) -> None:
    def write(n: int) -> None:
        open_store(Storage(root=s3_root)).create(str(n), b"one")

    writers = [threading.Thread(target=write, args=(n,)) for n in range(6)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert probes_of(s3_proxy) == PROBE_CALLS
    assert left_in(s3_server, s3_root) == [f"prod/{n}" for n in range(6)]


@pytest.mark.parametrize(
    ("deaf_to", "told"),
    [
        (("PUT", "if-none-match"), "If-None-Match on PutObject"),
        (("PUT", "if-match"), "If-Match on PutObject"),
        (("POST", "if-none-match"), "If-None-Match on CompleteMultipartUpload"),
    ],
)
def test_a_store_that_ignores_any_one_condition_is_refused_and_nothing_is_written(
    s3_proxy: BreakingProxy, s3_server: S3Server, s3_root: str, deaf_to: tuple[str, str], told: str
) -> None:
    s3_proxy.deaf_to = deaf_to
    message = f"{s3_root}/ ignores conditional writes .{told}.*Nothing was written.*storage.single_writer: true"
    for _ in range(2):
        with pytest.raises(PublishError, match=message):
            open_store(Storage(root=s3_root)).create("a", b"one")
    assert left_in(s3_server, s3_root) == []
    open_store(Storage(root=s3_root, single_writer=True)).create("a", b"one")
    assert open_store(Storage(root=s3_root)).read("a").data == b"one"


def test_a_store_that_does_not_understand_a_condition_ignores_it(s3_proxy: BreakingProxy, s3_root: str) -> None:
    s3_proxy.plan = lambda call: Answer(501, "NotImplemented") if "if-none-match" in call.headers else None
    with pytest.raises(PublishError, match="ignores conditional writes .If-None-Match on PutObject"):
        open_store(Storage(root=s3_root)).create("a", b"one")
    open_store(Storage(root=s3_root, single_writer=True)).create("a", b"one")


def test_a_store_that_refuses_the_right_tag_too_could_never_replace(s3_proxy: BreakingProxy, s3_root: str) -> None:
    s3_proxy.plan = lambda call: Answer(412, "PreconditionFailed") if "if-match" in call.headers else None
    with pytest.raises(PublishError, match="ignores conditional writes .If-Match with the right tag"):
        open_store(Storage(root=s3_root)).create("a", b"one")


def test_rclone_is_such_a_store(heedless_s3_root: str, heedless_s3_server: S3Server) -> None:
    with pytest.raises(PublishError, match="ignores conditional writes .If-None-Match on PutObject"):
        open_store(Storage(root=heedless_s3_root)).create("a", b"one")
    assert "Contents" not in heedless_s3_server.client.list_objects_v2(Bucket=bucket_of(heedless_s3_root))


def test_a_declared_single_writer_keeps_its_conditions_where_the_store_has_them(
    s3_proxy: BreakingProxy, s3_root: str
) -> None:
    open_store(Storage(root=s3_root, single_writer=True)).create("a", b"one")
    assert s3_proxy.calls[-1].headers["if-none-match"] == "*"


@pytest.mark.parametrize("number", range(1, PROBE_CALLS + 1))
@pytest.mark.parametrize("fault", [Break.LOSE_ANSWER, Answer(500, "InternalError")], ids=str)
def test_the_probe_is_right_whatever_request_of_it_breaks(
    s3_proxy: BreakingProxy, s3_server: S3Server, s3_root: str, number: int, fault: Break | Answer
) -> None:
    s3_proxy.plan = nth(number, fault)
    open_store(Storage(root=s3_root)).create("a", b"one")
    assert [key for key in left_in(s3_server, s3_root) if not key.startswith("prod/.probe/")] == ["prod/a"]


def test_who_may_not_delete_may_write(s3_proxy: BreakingProxy, s3_root: str) -> None:
    s3_proxy.plan = lambda call: (
        Answer(403, "AccessDenied") if call.method == "DELETE" and "uploadId" not in call.path else None
    )
    open_store(Storage(root=s3_root)).create("a", b"one")
    assert [entry.key for entry in open_store(Storage(root=s3_root)).list("")] == ["a"]


# --- checksums


def write_all(root: str) -> None:
    """Write in every way: in one request, in parts, anew and in the place of another; and remove."""
    store = open_store(Storage(root=root, part_bytes=PART_BYTES))
    store.create("small", b"one")
    store.replace("small", b"two", tag=store.read("small").tag)
    store.create("large", bytes(PART_BYTES + 1))
    store.replace("large", bytes(PART_BYTES + 2), tag=store.read("large").tag)
    store.delete("small")
    with pytest.raises(NotFound):
        store.read("small")
    store.create("small", b"three")
    with pytest.raises(AlreadyExists):
        store.create("small", b"four")
    assert store.read("small").data == b"three"
    assert len(store.read("large").data) == PART_BYTES + 2


def test_every_byte_that_is_sent_has_its_checksum(s3_proxy: BreakingProxy, s3_root: str) -> None:
    write_all(s3_root)
    sent = [call for call in s3_proxy.calls if call.method == "PUT"]
    assert len(sent) > 10
    assert [str(call) for call in sent if "content-md5" not in call.headers] == []


@pytest.mark.parametrize("mode", ["GOVERNANCE", "COMPLIANCE"])
def test_a_bucket_with_object_lock_takes_everything(
    s3_server: S3Server, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    s3_server.use(monkeypatch)
    bucket = s3_server.fresh_bucket(ObjectLockEnabledForBucket=True)
    rule = {"DefaultRetention": {"Mode": mode, "Days": 1}}
    s3_server.client.put_object_lock_configuration(
        Bucket=bucket, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule}
    )
    write_all(f"s3://{bucket}/prod")


def test_a_bucket_with_versions_takes_everything(s3_root: str, s3_server: S3Server) -> None:
    s3_server.client.put_bucket_versioning(Bucket=bucket_of(s3_root), VersioningConfiguration={"Status": "Enabled"})
    write_all(s3_root)


@pytest.mark.parametrize("refusal", [Answer(400, "InvalidRequest"), Answer(501, "NotImplemented"), Answer(400, "")])
@pytest.mark.parametrize("asked", ["", "partNumber"])
def test_a_store_that_refuses_checksums_gets_none_and_that_is_told_once(
    s3_proxy: BreakingProxy, s3_root: str, caplog: pytest.LogCaptureFixture, refusal: Answer, asked: str
) -> None:
    s3_proxy.plan = lambda call: refusal if asked in call.path and "content-md5" in call.headers else None
    write_all(s3_root)
    write_all(f"{s3_root}/again")
    refused = [call for call in s3_proxy.calls if s3_proxy.plan(call)]
    told = [each.message for each in caplog.records if "refuses Content-MD5" in each.message]
    assert len(refused) == len(told) == 2  # each root is asked once
    assert told[0].startswith(f"{s3_root}/ refuses Content-MD5: ")
    assert f"({refusal.status}). Objects are sent without a checksum." in told[0]


def test_a_store_that_refuses_all_writes_is_not_blamed_for_checksums(
    s3_proxy: BreakingProxy, s3_root: str, caplog: pytest.LogCaptureFixture
) -> None:
    s3_proxy.plan = lambda call: Answer(400, "InvalidRequest") if call.method == "PUT" else None
    with pytest.raises(PublishError, match=r"could not try conditional writes .*InvalidRequest \(400\)"):
        open_store(Storage(root=s3_root)).create("a", b"one")
    assert "Content-MD5" not in caplog.text


def test_a_store_of_another_make_takes_checksums(heedless_s3_root: str) -> None:
    store = open_store(Storage(root=heedless_s3_root, single_writer=True, part_bytes=PART_BYTES))
    store.create("large", bytes(PART_BYTES + 1))
    store.create("small", b"one")
    store.replace("small", b"two", tag=store.read("small").tag)
    assert store.read("small").data == b"two"


def test_what_a_lock_keeps_is_told_and_no_error(
    s3_proxy: BreakingProxy, s3_root: str, caplog: pytest.LogCaptureFixture
) -> None:
    store = open_store(Storage(root=s3_root))
    store.create("a", b"one")
    s3_proxy.plan = lambda call: Answer(403, "ObjectLocked") if call.method == "DELETE" else None
    store.delete("a")
    assert f"{s3_root}/a stays: the bucket's lock keeps it" in caplog.text
    s3_proxy.plan = lambda call: Answer(403, "AccessDenied") if call.method == "DELETE" else None
    with pytest.raises(PublishError, match="AccessDenied"):
        store.delete("a")

import pickle
import re
import subprocess
import sys
import traceback
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from configs.settings import PROJECT, Storage, load_settings
from tasks.errors import ConfigError, PublishError
from tasks.store import Store, open_store
from tests.s3_servers import SECRET_KEY, S3Server, bucket_of
from tests.store.breaking_proxy import Answer, BreakingProxy

PART_BYTES = 5 * 1024**2


@pytest.mark.parametrize(
    "root", ["s3://", "s3:///prefix", "s3://bucket/a//b", "s3://bucket/../b", "gs://bucket/prefix", "file:///srv/store"]
)
def test_a_root_that_is_neither_folder_nor_bucket_is_refused(root: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(f"storage.root is {root!r}; it must be a folder's path, s3://")):
        open_store(Storage(root=root))


@pytest.mark.parametrize("root", ["s3://bucket", "s3://bucket/"])
def test_a_bucket_alone_is_a_root(root: str) -> None:
    assert open_store(Storage(root=root)).location("a/b") == "s3://bucket/a/b"


def test_an_object_is_found_by_its_address(s3_root: str, s3_server: S3Server) -> None:
    store = open_store(Storage(root=f"{s3_root}/"))
    store.create("a/b", b"one")
    assert store.location("a/b") == f"{s3_root}/a/b"
    assert store.location("a/") == f"{s3_root}/a/"
    answer = s3_server.client.get_object(Bucket=bucket_of(s3_root), Key="prod/a/b")
    assert answer["Body"].read() == b"one"


def test_the_shipped_s3_settings_are_valid() -> None:
    settings = load_settings("configs/s3.yaml", environ={})
    assert settings.storage.root.startswith("s3://")
    assert open_store(settings.storage).location("a").endswith("/a")


def test_who_uses_a_folder_does_not_load_boto3() -> None:
    code = (
        "import sys; from configs.settings import Storage; from tasks.store import open_store; "
        "list(open_store(Storage(root='var/nowhere')).list('')); open_store(Storage(root='s3://bucket/prod')); "
        "sys.exit('boto3' in sys.modules or 'botocore' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=PROJECT, check=False).returncode == 0


def test_a_folder_marker_is_no_object_and_a_key_we_would_refuse_is(s3_root: str, s3_server: S3Server) -> None:
    for key, data in (("d/", b""), ("d/a", b""), ("d/b/", b"1"), ("d//c", b"1"), (".probe/left", b"1")):
        s3_server.client.put_object(Bucket=bucket_of(s3_root), Key=f"prod/{key}", Body=data)
    listed = [(entry.key, entry.size_bytes) for entry in open_store(Storage(root=s3_root)).list("")]
    assert listed == [("d//c", 1), ("d/a", 0), ("d/b/", 1)]


def test_a_listing_goes_on_over_pages(s3_proxy: BreakingProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "2")
    store = open_store(Storage(root=s3_proxy.root))
    for key in "abcde":
        store.create(key, b"")
    s3_proxy.start()
    assert [entry.key for entry in store.list("")] == list("abcde")
    assert len(s3_proxy.calls) == 3


def test_new_objects_are_encrypted_with_the_key_of_the_settings(s3_root: str, s3_server: S3Server) -> None:
    store = open_store(Storage(root=s3_root, kms_key="alias/decisions", part_bytes=PART_BYTES))
    store.create("small", b"one")
    store.replace("small", b"two", tag=store.read("small").tag)
    store.create("large", bytes(PART_BYTES + 1))
    for key in ("small", "large"):
        head = s3_server.client.head_object(Bucket=bucket_of(s3_root), Key=f"prod/{key}")
        assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", "alias/decisions")


def test_a_large_object_is_written_and_read_in_bounded_memory(heedless_s3_root: str) -> None:
    store = open_store(Storage(root=heedless_s3_root, single_writer=True, part_bytes=PART_BYTES))
    store.create("warm", b"")
    tracemalloc.start()
    with store.create_stream("a") as stream:
        for _ in range(40):
            stream.write(bytes(1024**2))
    with store.open("a") as stream:
        assert stream.seek(0, 2) == 40 * 1024**2
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 3 * PART_BYTES


ASKS: list[Callable[[Store], Any]] = [
    lambda store: store.read("a"),
    lambda store: store.read_range("a", 0, 1),
    lambda store: store.open("a").__enter__(),
    lambda store: store.create("a", b""),
    lambda store: store.replace("a", b"", tag="a tag"),
    lambda store: list(store.list("a")),
    lambda store: store.delete("a"),
]


@pytest.mark.parametrize("ask", ASKS)
def test_a_bucket_that_is_not_there_is_named_with_its_endpoint(
    s3_root: str, s3_server: S3Server, ask: Callable[[Store], Any]
) -> None:
    message = (
        f"NoSuchBucket .404., bucket 'no-{bucket_of(s3_root)}' at {s3_server.endpoint}.*Create the bucket, or mend"
    )
    with pytest.raises(PublishError, match=message):
        ask(open_store(Storage(root=f"s3://no-{bucket_of(s3_root)}/prod")))


@pytest.mark.parametrize(
    ("code", "what_to_do"),
    [
        ("AccessDenied", "The credentials need s3:ListBucket"),
        ("ExpiredToken", "Give valid credentials"),
        ("AuthorizationHeaderMalformed", "Set AWS_REGION"),
        ("Unheard", "Mend the store"),
    ],
)
def test_a_refusal_says_why_and_what_to_do(s3_proxy: BreakingProxy, code: str, what_to_do: str) -> None:
    s3_proxy.plan = lambda _: Answer(403, code)
    message = rf"could not read a: {code} \(403\), .*Nothing was changed. {what_to_do}.*safe to run"
    with pytest.raises(PublishError, match=message) as caught:
        open_store(Storage(root=s3_proxy.root)).read("a")
    assert SECRET_KEY not in "".join(traceback.format_exception(caught.value))
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)  # noqa: S301


@pytest.mark.parametrize("ask", ASKS)
def test_a_store_that_does_not_answer_is_unreachable(
    s3_root: str, monkeypatch: pytest.MonkeyPatch, ask: Callable[[Store], Any]
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://somebody:secret@127.0.0.1:9")
    with pytest.raises(PublishError, match="EndpointConnectionError after up to 2 attempts.*Start the store") as caught:
        ask(open_store(Storage(root=s3_root, attempts=2)))
    assert "secret" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}, "no usable credentials .*AWS_ACCESS_KEY_ID"),
        ({"AWS_SECRET_ACCESS_KEY": None}, "no usable credentials .*AWS_ACCESS_KEY_ID"),
        ({"AWS_PROFILE": "nobody"}, "AWS settings cannot be used .ProfileNotFound.: check AWS_ENDPOINT_URL_S3"),
        (
            {"AWS_ENDPOINT_URL_S3": "nonsense"},
            "AWS settings cannot be used .ValueError.: check AWS_ENDPOINT_URL_S3",
        ),
    ],
)
def test_wrong_aws_variables_are_wrong_settings(
    s3_root: str, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str | None], message: str
) -> None:
    for name, value in variables.items():
        if value is None:
            monkeypatch.delenv(name)
        else:
            monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=message):
        open_store(Storage(root=s3_root)).read("a")


@pytest.mark.usefixtures("s3_root")
def test_a_name_that_no_bucket_can_have_is_a_wrong_setting() -> None:
    with pytest.raises(ConfigError, match=r"storage.root names bucket 'Bad_Bücket'"):
        open_store(Storage(root="s3://Bad_Bücket/prod")).read("a")


def test_a_full_temporary_folder_is_named(s3_root: str, monkeypatch: pytest.MonkeyPatch) -> None:
    open_store(Storage(root=s3_root)).create("a", b"one")
    monkeypatch.setattr("tempfile.tempdir", "/nowhere")
    with pytest.raises(PublishError, match="could not read a: No such file or directory in /nowhere.*TMPDIR"):
        open_store(Storage(root=s3_root)).open("a").__enter__()

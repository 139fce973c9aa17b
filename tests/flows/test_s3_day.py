"""A whole day on S3 gives what it gives on a folder, to the byte, and other tools read it there."""

import hashlib
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.dataset as ds
import pyarrow.fs as pa_fs
import pyarrow.parquet as pq
import pytest

from configs.settings import Storage
from flows.score_applications import score_applications
from tasks.core.decision.published_rows import SCHEMA
from tasks.errors import PublishError
from tasks.feed.generate import generate_day, load_statistics
from tasks.store import Store, open_store
from tests.conftest import DAY, Project
from tests.s3_servers import ACCESS_KEY, REGION, SECRET_KEY, S3Server, bucket_of

DECISIONS = f"decisions/day={DAY}/decisions.parquet"
THE_DAY: dict[str, Any] = {"rows": 300, "files": 2, "bad_share": 0.02}


def deliver(project: Project, **storage: Any) -> Store:
    """The reference sample and the day, in the store of these settings."""
    store = open_store(Storage(**storage))
    for path in (project.root / "reference").rglob("*.parquet"):
        store.create(path.relative_to(project.root).as_posix(), path.read_bytes())
    generate_day(store, load_statistics(), as_of=DAY, seed=11, **THE_DAY)
    return store


def keys_in(store: Store) -> list[str]:
    """Every key, but for the part that is different each time."""
    return [re.sub(r"(?<=/publishing-)[0-9a-f]{32}$", "…", entry.key) for entry in store.list("")]


@pytest.fixture
def on_folder(project: Project) -> Path:
    """The store of the same day on a folder."""
    project.deliver(**THE_DAY)
    score_applications.fn(as_of=DAY, config=project.config)
    return project.root


def test_a_day_on_s3_is_the_same_day(project: Project, on_folder: Path, s3_root: str, s3_server: S3Server) -> None:
    store = deliver(project, root=s3_root)
    settings = project.with_settings(storage={"root": s3_root})
    result = score_applications.fn(as_of=DAY, config=settings.config)
    assert result.outcome == "published"
    assert result.manifest
    answer = s3_server.client.get_object(Bucket=bucket_of(s3_root), Key=f"prod/{DECISIONS}")
    published = answer["Body"].read()
    assert hashlib.sha256(published).hexdigest() == result.manifest.audited.decisions.sha256
    assert published == (on_folder / DECISIONS).read_bytes()
    assert keys_in(store) == keys_in(open_store(Storage(root=str(on_folder))))
    assert score_applications.fn(as_of=DAY, config=settings.config).outcome == "unchanged"


def test_arrow_and_pandas_read_the_published_decisions_on_s3(
    project: Project, s3_root: str, s3_server: S3Server
) -> None:
    deliver(project, root=s3_root)
    settings = project.with_settings(storage={"root": s3_root})
    manifest = score_applications.fn(as_of=DAY, config=settings.config).manifest
    assert manifest
    files = pa_fs.S3FileSystem(
        endpoint_override=s3_server.endpoint, access_key=ACCESS_KEY, secret_key=SECRET_KEY, region=REGION
    )
    folder = f"{bucket_of(s3_root)}/prod/decisions"
    assert pq.read_schema(f"{folder}/day={DAY}/decisions.parquet", filesystem=files).equals(SCHEMA)
    assert ds.dataset(folder, filesystem=files, partitioning="hive").count_rows() == manifest.totals.decided
    frame = pd.read_parquet(folder, filesystem=files)
    assert frame["application_id"].is_unique
    assert len(frame) == manifest.totals.decided


def test_a_day_on_a_store_without_conditions_needs_a_declared_single_writer(
    project: Project, on_folder: Path, heedless_s3_root: str
) -> None:
    with pytest.raises(PublishError, match="ignores conditional writes .*storage.single_writer: true"):
        deliver(project, root=heedless_s3_root)
    store = deliver(project, root=heedless_s3_root, single_writer=True)
    delivered = keys_in(store)
    refused = project.with_settings(storage={"root": heedless_s3_root})
    with pytest.raises(PublishError, match="ignores conditional writes .*storage.single_writer: true"):
        score_applications.fn(as_of=DAY, config=refused.config)
    assert keys_in(store) == delivered
    declared = project.with_settings(storage={"root": heedless_s3_root, "single_writer": True})
    assert score_applications.fn(as_of=DAY, config=declared.config).outcome == "published"
    assert store.read(DECISIONS).data == (on_folder / DECISIONS).read_bytes()

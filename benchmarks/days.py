"""Material of the measurements: synthetic days as files of the feed, and two models.

One model is our own. The other is a large one, as LightGBM is mostly used.

A day of any size is made in blocks, so that millions of rows fit into memory. The models are kept
in `var/bench/`, and trained again if anything that they are made of changes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.apart import Job, Stopwatch, run_command
from configs.settings import PROJECT

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import pyarrow as pa

DAY: Final = date(2026, 11, 2)
BAD_SHARE: Final = 0.005
BLOCK_ROWS: Final = 307_511
LANDED: Final = f"landing/day={DAY}/applications_1.csv"
"""File of the day. `BAD_SHARE` of its rows are bad."""
CLEAN: Final = "clean.csv"
"""File of the same rows with none bad, for a reader that one bad cell would stop."""
TYPED: Final = "typed.parquet"
"""File of the rows of `LANDED` in `TYPED_SCHEMA`."""
LARGE_MODEL: Final = "large.txt"
_LEVELS: Final = "large_levels.json"
_HISTORY: Final = "history.parquet"
_SEED: Final = 7
_HISTORY_DAY: Final = date(2026, 10, 1)
_IDS_APART: Final = 2**31
"""Distance between the ids of two blocks, so that none comes twice."""
_LARGE: Final = {
    "objective": "binary", "num_leaves": 31, "learning_rate": 0.05, "verbosity": -1, "seed": _SEED,
    "deterministic": True, "force_col_wise": True,
}  # fmt: skip
_LARGE_TREES: Final = 400
_GROUP_ROWS: Final = 50_000


def make_day(job: Job, watch: Stopwatch) -> dict[str, Any]:
    """Write the day's file and control file, its rows with none bad, and its typed rows."""
    import pyarrow.parquet as pq

    from tasks.core.applications import parse_rows
    from tasks.core.feed.faults import as_control
    from tasks.core.files import encode
    from tasks.core.lender.columns import TYPED_SCHEMA

    landed = job.path(LANDED)
    landed.parent.mkdir(parents=True, exist_ok=True)
    with (
        watch.stage("make"), landed.open("wb") as spoilt, job.path(CLEAN).open("wb") as clean,
        pq.ParquetWriter(job.path(TYPED), TYPED_SCHEMA) as typed,
    ):  # fmt: skip
        for rows, cells in _blocks(job.rows):
            _append(clean, encode(rows, "csv"))
            _append(spoilt, encode(cells, "csv"))
            typed.write_table(parse_rows(cells).rows, _GROUP_ROWS)
    with landed.open("rb") as written:
        sha256 = hashlib.file_digest(written, "sha256").hexdigest()
    files = {landed.name: {"rows": job.rows, "sha256": sha256}}
    announced = {"day": DAY.isoformat(), "files": files}
    landed.with_name("_control.json").write_bytes(as_control(announced))
    return {"bytes": landed.stat().st_size}


def _blocks(rows: int) -> Iterator[tuple[pa.Table, pa.Table]]:
    """Blocks of rows: as they were made, and as the feed delivers them."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from tasks.core.feed.spoiling import spoil_rows
    from tasks.core.feed.synthetic import synthesize_applications
    from tasks.core.lender.columns import ID
    from tasks.feed.generate import load_statistics

    statistics = load_statistics()
    for block, start in enumerate(range(0, rows, BLOCK_ROWS)):
        size = min(BLOCK_ROWS, rows - start)
        seed = _SEED + block
        made = synthesize_applications(statistics, as_of=DAY, rows=size, seed=seed)
        ids = pc.add(made.column(ID), pa.scalar(block * _IDS_APART, pa.int64()))
        made = made.set_column(made.schema.get_field_index(ID), ID, ids)
        cells, _ = spoil_rows(made, BAD_SHARE, seed=seed, as_of=DAY)
        yield made, cells


def _append(file: Any, data: bytes) -> None:
    is_first = not file.tell()
    file.write(data if is_first else data[data.index(b"\n") + 1 :])


def model_folder(rows: int, training: dict[str, str]) -> Path:
    """Folder of the models trained on so many rows.

    It is another one if anything that they are made of has changed.
    """
    import lightgbm

    from tasks.core.model.bundle import BUNDLE_VERSION
    from tasks.core.model.features import FEATURE_VERSION

    feed = hashlib.sha256((PROJECT / "configs/feed_statistics.json").read_bytes()).hexdigest()
    made_of = [rows, training, FEATURE_VERSION, BUNDLE_VERSION, lightgbm.__version__, feed]
    digest = hashlib.sha256(json.dumps(made_of).encode()).hexdigest()
    return PROJECT / "var/bench" / f"models-{digest[:12]}"


def registry_environ(folder: Path) -> dict[str, str]:
    """Environment in which the project finds the kept model, and a Prefect of its own."""
    return {
        "SCORING_CONFIG": "configs/local.yaml",
        "SCORING_REGISTRY__TRACKING_URI": f"sqlite:///{folder}/mlflow.db",
        "SCORING_REGISTRY__ARTIFACT_ROOT": f"{folder}/artifacts",
        "PREFECT_HOME": f"{folder}/prefect",
    }


def train_own(folder: Path, rows: int, training: dict[str, str]) -> None:
    """Train and promote our model as the project does, with nothing measured beside it."""
    environ = {**registry_environ(folder), **training, "SCORING_STORAGE__ROOT": f"{folder}/store"}
    run_command(generate_history(folder, rows), environ)
    history = (folder / f"applications_{_HISTORY_DAY}.parquet").rename(folder / _HISTORY)
    run_command(train(history), environ)


def generate_history(folder: Path, rows: int) -> list[str]:
    """Arguments of the command that writes applications with known outcomes into a folder."""
    made = ["--from", str(_HISTORY_DAY), "--rows", str(rows), "--seed", str(_SEED)]
    return ["generate", *made, "--format", "parquet", "--to", str(folder)]


def train(history: Path) -> list[str]:
    """Arguments of the command that trains the kept model."""
    return ["train", "--applications", str(history), "--without-prefect"]


def train_large(job: Job, watch: Stopwatch) -> dict[str, Any]:
    """Train the large model on the delivered columns as they stand, categories as integer codes."""
    import lightgbm
    import pandas as pd

    from tasks.core.lender.columns import ID, TARGET, TEXTS

    folder = Path(job.models)
    history = pd.read_parquet(folder / _HISTORY)
    levels = {name: sorted(history[name].dropna().unique()) for name in TEXTS}
    (folder / _LEVELS).write_text(json.dumps(levels), "utf-8")
    target = history[TARGET].to_numpy()
    with watch.stage("train"):
        matrix = coded(history.drop(columns=[TARGET, ID]), levels)
        booster = lightgbm.train(_LARGE, lightgbm.Dataset(matrix, label=target), _LARGE_TREES)
    booster.save_model(folder / LARGE_MODEL)
    return {"trees": booster.num_trees()}


def levels_of(folder: Path) -> dict[str, list[str]]:
    """Levels of every text column in the large model, in the order of their codes."""
    levels: dict[str, list[str]] = json.loads((folder / _LEVELS).read_text("utf-8"))
    return levels


def coded(frame: pd.DataFrame, levels: dict[str, list[str]]) -> np.ndarray:
    """Delivered columns, without the id, as one float64 matrix. Unseen and missing texts are NaN.

    The order of columns is that of the declaration, so that any frame fits the model.
    """
    import numpy as np
    import pandas as pd

    from tasks.core.lender.columns import ID, NAMES

    names = [name for name in NAMES if name != ID]
    matrix = np.empty((len(frame), len(names)), order="F")
    for position, name in enumerate(names):
        column: Any = frame[name]
        if name in levels:
            codes = pd.Categorical(column, categories=levels[name]).codes
            matrix[:, position] = np.where(codes < 0, np.nan, codes)
        else:
            matrix[:, position] = column.to_numpy(np.float64, na_value=np.nan)
    return matrix

"""History: the applications with known outcomes that a model learns from.

They are read, typed and checked against the contract.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from configs.settings import Settings
from tasks.adapters.files.landing_file import LandingFile
from tasks.adapters.files.landing_reader import read_chunks
from tasks.core.applications import parse_numbers, plain_values
from tasks.core.contract.screening import BROKEN_RULES, count_by_rule, screen_chunk
from tasks.core.day.duplicates import shared_ids, sort_out
from tasks.core.files import format_of
from tasks.core.lender.columns import ID, TARGET, TYPED_SCHEMA
from tasks.delivery.files import reading_of, require_columns
from tasks.errors import ConfigError, ExpectationsNotMet, SourceError
from tasks.model.load import load_contract, suite_text
from tasks.running.context import run_logger
from tasks.running.step import step
from tasks.training.records import History


@step("read history")
def read_history(applications: Sequence[str], settings: Settings) -> History:
    """Applications of all files with their outcomes, one row each, by rising id.

    The order of files and rows does not matter. Left out and counted are rows that break the
    contract, exact copies, and all rows of an id whose rows or outcomes differ: nobody here can
    know which of them is true.
    """
    parts = [_read_file(Path(name), settings) for name in applications]
    if not parts:
        raise ConfigError("Training needs at least one file: --applications FILE.")
    history = by_rising_id(_without_repeats(_together(parts)))
    n_rows = len(history.defaulted)
    if not n_rows and not history.left_out:
        names = ", ".join(Path(name).name for name in applications)
        raise ExpectationsNotMet(f"The files to learn from hold no rows: {names}.")
    n_defaulted = history.defaulted.sum()
    run_logger().info("%d applications to learn from, %d defaulted", n_rows, n_defaulted)
    return history


def _together(parts: Sequence[History]) -> History:
    left_out: Counter[str] = Counter()
    for part in parts:
        left_out.update(part.left_out)
    return History(
        pa.concat_tables([part.rows for part in parts]),
        np.concatenate([part.defaulted for part in parts]),
        tuple(sorted(digest for part in parts for digest in part.files)),
        dict(sorted(left_out.items(), key=lambda item: (-item[1], item[0]))),
    )


def _read_file(path: Path, settings: Settings) -> History:
    contract = load_contract(suite_text(settings.contract.suite))
    rows = [TYPED_SCHEMA.empty_table()]
    defaulted = [np.empty(0, dtype=bool)]
    broken: list[str] = []
    done = 0
    try:
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
            stream.seek(0)
            scoring = settings.scoring
            file = LandingFile(stream, path.name, format_of(path.name), reading_of(scoring))
            require_columns(file, also=(TARGET,))
            for raw in read_chunks(file, chunk_rows=scoring.chunk_rows):
                first_row = done + 1
                chunk = screen_chunk(raw, first_row=first_row, source=path.name, contract=contract)
                rows.append(chunk.accepted)
                defaulted.append(_outcomes(raw, path.name)[chunk.accepted_rows - first_row])
                broken.extend(chunk.rejected.column(BROKEN_RULES).to_pylist())
                done += raw.num_rows
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}.") from None
    if not done:
        run_logger().warning("%s holds a header and no rows", path.name)
    left_out = count_by_rule(broken)
    if broken:
        run_logger().warning("%s: %d rows left out, by rule: %s", path.name, len(broken), left_out)
    return History(pa.concat_tables(rows), np.concatenate(defaulted), (digest,), left_out)


def _without_repeats(history: History) -> History:
    ids = history.rows.column(ID).to_numpy()
    is_shared = np.isin(ids, shared_ids(ids))
    if not is_shared.any():
        return history
    shared = history.rows.filter(pa.array(is_shared)).to_pandas()
    content = shared.assign(**{TARGET: history.defaulted[is_shared]})
    repeats = sort_out(ids[is_shared], content)
    is_left = np.ones(len(ids), dtype=bool)
    is_left[is_shared] = ~(repeats.copies | repeats.conflicting)
    run_logger().warning(
        "%d exact copies left out, "
        "and %d rows whose %s occurs with other values or another outcome",
        repeats.copies.sum(), repeats.conflicting.sum(), ID,
    )  # fmt: skip
    found = {
        "exact copy": int(repeats.copies.sum()),
        "id with other values": int(repeats.conflicting.sum()),
    }
    left_out = {**history.left_out, **{reason: rows for reason, rows in found.items() if rows}}
    return history._replace(
        rows=history.rows.filter(pa.array(is_left)),
        defaulted=history.defaulted[is_left],
        left_out=left_out,
    )


def by_rising_id(history: History) -> History:
    """History in the order of its ids, so that the same applications make the same folds."""
    order = np.argsort(history.rows.column(ID).to_numpy())
    rows = history.rows.take(pa.array(order))
    return history._replace(rows=rows, defaulted=history.defaulted[order])


def _outcomes(raw: pa.Table, name: str) -> np.ndarray:
    """TARGET as True (defaulted) or False. Raises `SourceError` if a value is neither 1 nor 0."""
    outcome, _ = parse_numbers(plain_values(raw, TARGET), whole=True)
    target = outcome.to_numpy(zero_copy_only=False)
    wrong = int(np.sum(~np.isin(target, (0.0, 1.0))))
    if wrong:
        raise SourceError(
            f"{wrong} rows of {name} have a {TARGET} other than 1 (defaulted) and 0 (repaid)."
        )  # fmt: skip
    defaulted: np.ndarray = target == 1.0
    return defaulted

"""Files that a person asked for, outside the store. They hold an applicant's data."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from tasks.errors import ConfigError, PublishError


def require_place(path: Path, endings: tuple[str, ...], *, why: str) -> None:
    """Refuse a path in no folder, or without one of the `endings`. Raises `ConfigError`."""
    if path.suffix not in endings:
        raise ConfigError(f"{path} {why}; let it end in {' or '.join(endings)}.")
    if not path.parent.is_dir():
        folder = path.parent
        raise ConfigError(f"{folder} is not a folder; make it first, or write to somewhere else.")


def hand_out(data: bytes, path: Path) -> None:
    """Write a new file that only its owner may read. It appears whole or not at all.

    Raises:
        ConfigError: the file is there already.
        PublishError: the disk refused.
    """
    try:
        # The mode of a temporary file is 0600.
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.") as unfinished:
            unfinished.write(data)
            unfinished.flush()
            os.fsync(unfinished.fileno())
            os.link(unfinished.name, path)
    except FileExistsError:
        raise ConfigError(f"{path} is there already, and was left as it is. Give another name, or remove it.") from None
    except OSError as error:
        raise PublishError(
            f"{path} could not be written: {error.strerror}. Nothing was half-written; "
            "mend the folder (space, permissions) or give another one."
        ) from None

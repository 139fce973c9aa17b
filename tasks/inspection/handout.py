"""Files that a person asked for, outside the store; what they hold is an applicant's."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from tasks.errors import ConfigError, PublishError


def require_place(path: Path, endings: tuple[str, ...], *, why: str) -> None:
    """Refuse a path in no folder, or with another ending than one of `endings`. Raises `ConfigError`."""
    if path.suffix not in endings:
        raise ConfigError(f"{path} {why}; let it end in {' or '.join(endings)}.")
    if not path.parent.is_dir():
        raise ConfigError(f"{path.parent} is no folder; make it first, or write to somewhere else.")


def hand_out(data: bytes, path: Path) -> None:
    """Write a new file that its owner alone may read; it appears whole or not at all.

    Raises:
        ConfigError: the file is there already.
        PublishError: the disk refused.
    """
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.") as unfinished:  # its mode is 0600
            unfinished.write(data)
            unfinished.flush()
            os.fsync(unfinished.fileno())
            os.link(unfinished.name, path)
    except FileExistsError:
        raise ConfigError(f"{path} is there already, and was left as it is. Give another name, or remove it.") from None
    except OSError as error:
        raise PublishError(
            f"{path} could not be written: {error.strerror}. Nothing was half-written; mend the folder (space, "
            "permissions) or give another one."
        ) from None

"""A delivered file on a store that fails while it is read."""

import errno
import io
import os

import pytest

from tasks.errors import PublishError
from tasks.landing import sha256_of


class FailingDisk(io.BytesIO):
    """Gives a few bytes, and then fails as a broken disk does."""

    def read(self, _size: int | None = -1, /) -> bytes:
        if self.tell():
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return super().read(3)


def test_a_disk_that_fails_while_a_file_is_digested_is_the_operators_business() -> None:
    with pytest.raises(PublishError, match=r"The store failed while a\.csv was read: Input/output error\. Mend it"):
        sha256_of(FailingDisk(b"several bytes"), name="a.csv")

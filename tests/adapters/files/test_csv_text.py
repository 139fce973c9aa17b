"""The bytes of a delivered file: told apart by kind, bounded while they unpack, read to the end and let go."""

import contextlib
import errno
import gc
import gzip
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.adapters.files import landing_reader as arrow
from tasks.adapters.files.csv_text import CsvText, uneven_line
from tasks.adapters.files.landing_file import LandingFile
from tasks.adapters.files.landing_reader import read_chunks, read_header, read_lines
from tasks.core.lender.columns import NAMES
from tasks.errors import PublishError, SourceError
from tasks.store.reading import translated_reads

HEADER = ",".join(NAMES).encode() + b"\n"
ROW = b"1" + b"," * 120 + b"\n"


def opened(data: bytes | BinaryIO, file_format: str = "csv", **options: Any) -> LandingFile:
    stream = io.BytesIO(data) if isinstance(data, bytes) else data
    return LandingFile(stream, "a.csv", file_format, **options)


def read(data: bytes, file_format: str = "csv", **options: int | None) -> int:
    chunks = read_chunks(opened(data, file_format, **options), chunk_rows=1000)
    return sum(chunk.num_rows for chunk in chunks)


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
def test_line_ends_and_a_byte_order_mark_change_nothing(start: bytes, ending: bytes) -> None:
    data = start + (HEADER + ROW * 3).replace(b"\n", ending)
    assert read_header(opened(data)) == NAMES
    assert read(data) == 3


def test_a_file_without_a_last_line_end_is_whole_only_if_its_digest_says_so() -> None:
    data = (HEADER + ROW * 3)[:-1]
    assert read(data, announced_rows=3) == 3
    with pytest.raises(SourceError, match="no line end after its last line"):
        read(data)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (HEADER + ROW + b"1,2\n" + ROW, "line 3 has 2 fields where the header has 121"),
        (HEADER + ROW + b"1,2", "it is cut off: its last line, 3, ends in field 2 of 121"),
        (HEADER + ROW + b"1,2\n", "line 3 has 2 fields where the header has 121"),
        (HEADER + b'"' + ROW + ROW, "a quote is opened and not closed in line 2"),
        (b'"SK_ID\n_CURR",' + HEADER, None),
    ],
)
def test_the_line_that_is_wrong_is_named(data: bytes, message: str | None) -> None:
    assert uneven_line(opened(data)) == message
    with pytest.raises(SourceError, match=message or "."):
        read(data)


def test_an_extra_column_may_hold_line_ends_in_quotes_where_the_number_of_rows_is_announced() -> None:
    data = HEADER[:-1] + b",NOTE\n" + (ROW[:-1] + b',"two\nlines"\n') * 3
    assert read(data, announced_rows=3) == 3
    for announced in (None, 4):
        with pytest.raises(SourceError, match="runs over a line end.* with a _control.json that announces its rows"):
            read(data, announced_rows=announced)


def test_a_parquet_file_called_csv_is_told_from_its_first_bytes_even_within_gzip() -> None:
    with pytest.raises(SourceError, match="is a parquet file, where its name promises CSV text in UTF-8, packed"):
        read(gzip.compress(b"PAR1" + bytes(100)), "csv.gz")


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""])
def test_single_lines_read_as_all_of_them_do(end: bytes) -> None:
    rows = [b'%d,"a, b"' % n + b"," * 119 for n in range(9)]
    file = opened((end or b"\n").join([HEADER.strip(), *rows]) + end, announced_rows=9)
    (whole,) = read_chunks(file, chunk_rows=9)
    for numbers in ([1], [9], [2, 3, 7], list(range(1, 10))):
        assert read_lines(file, numbers) == whole.take([number - 1 for number in numbers])


@pytest.mark.parametrize("numbers", [[2], [3], [2, 3], [4], [1, 9]])
def test_lines_that_are_no_rows_are_none(numbers: list[int]) -> None:
    file = opened(HEADER + ROW + b'1,"a\nb"' + ROW[2:] + b"\n" + ROW)
    assert read_lines(file, numbers) is None


def test_a_line_in_which_a_cell_is_opened_and_not_closed_is_none() -> None:
    file = opened(HEADER + ROW + ROW.rstrip()[:-1] + b',"a\r\nb"')
    assert read_lines(file, [2]) is None


class FailingDisk(io.BytesIO):
    """A file that reads for a while, and then fails as a broken disk does."""

    healthy_bytes = 0

    def readinto(self, buffer: Any, /) -> int:
        if self.tell() >= self.healthy_bytes:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return super().readinto(memoryview(buffer)[:65_536])


@contextlib.contextmanager
def in_the_stores_words() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise PublishError(f"The store could not read a file: {error.strerror}") from None


def as_parquet(rows: int) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table({name: ["1"] * rows for name in NAMES}), sink, use_dictionary=False, compression="NONE")
    return sink.getvalue()


@pytest.mark.parametrize("healthy_bytes", [0, 100_000])
@pytest.mark.parametrize(
    ("data", "file_format"),
    [
        (HEADER + ROW * 10_000, "csv"),
        (gzip.compress(HEADER + ROW * 10_000, 0), "csv.gz"),
        (as_parquet(2000), "parquet"),
    ],
    ids=["csv", "csv.gz", "parquet"],
)
def test_a_disk_that_fails_is_the_operators_business_not_the_feeds(
    data: bytes, file_format: str, healthy_bytes: int
) -> None:
    disk = FailingDisk(data)
    disk.healthy_bytes = healthy_bytes
    with pytest.raises(PublishError, match="The store could not read a file: Input/output error"):
        list(read_chunks(opened(translated_reads(disk, in_the_stores_words), file_format), chunk_rows=10))


READ_TO_SOME_END = (
    (HEADER + ROW * 100_000, "csv"),
    (HEADER + ROW * 10 + b"1,2\n", "csv"),
    (HEADER + ROW * 1000 + b"\xff" + ROW, "csv"),
    (gzip.compress(HEADER + ROW * 100_000)[:-10], "csv.gz"),
    (gzip.compress(HEADER + ROW * 1000 + b"\0"), "csv.gz"),
)


def test_whatever_happens_no_thread_of_arrow_holds_the_file_afterwards() -> None:
    for data, file_format in READ_TO_SOME_END:
        for chunks in (1, 1000):
            found = read_chunks(opened(data, file_format), chunk_rows=100)
            with contextlib.suppress(SourceError):
                for _, _ in zip(range(chunks), found, strict=False):
                    pass
            found.close()
    gc.collect()
    assert [each for each in gc.get_objects() if isinstance(each, arrow._Lent)] == []


BOMBS = {
    "one line": (b"a" * (16 << 20), "a line longer than 1 MB"),
    "one row": (ROW * (16 << 10) * 8, "unpacks to more than 200 times its size"),
    "NUL": (bytes(16 << 20), "NUL bytes"),
    "open quote": (b'"' + ROW * (16 << 10) * 8, "a line is longer than 1 MB, or a quote is opened and never closed"),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_left_before_it_fills_the_memory(bomb: str, tmp_path: Path) -> None:
    """Some 2 GB in 2 MB; read in a process of its own, which may take 700 MB at most (Arrow alone is 150)."""
    content, message = BOMBS[bomb]
    path = tmp_path / "a.csv.gz"
    start = gzip.compress(HEADER + ROW * 10 + content[:1])
    path.write_bytes(start + gzip.compress(content[1:], 9) + gzip.compress(content.replace(b'"', b""), 9) * 120)
    code = (
        "import os, re, sys\n"
        "from tasks.adapters.files.landing_file import LandingFile\n"
        "from tasks.adapters.files.landing_reader import read_chunks\n"
        "try:\n"
        "    with open(sys.argv[1], 'rb') as file:\n"
        "        for _ in read_chunks(LandingFile(file, 'a', 'csv.gz'), chunk_rows=50_000): pass\n"
        "except Exception as error: print(error)\n"
        "print(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1], flush=True)\n"
        "os._exit(0)\n"  # Arrow's threads can abort at exit: https://github.com/apache/arrow/issues/34314
    )
    ended = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    told, peak = ended.stdout.splitlines()
    assert message in told or "unpacks to more than 200 times its size" in told  # whichever is noticed first
    assert int(peak) < 700_000  # kB


def test_the_text_is_lent_and_given_back() -> None:
    lent = io.BytesIO(gzip.compress(HEADER))
    with CsvText(opened(lent, "csv.gz")) as text:
        assert text.read() == HEADER
    assert not lent.closed

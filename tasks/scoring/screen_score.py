"""Scoring of one landing file: its parts, and the counts of its rows."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

from configs.settings import Settings
from tasks.core.day.records import FileRef, PartRef, Pins, ScreenedFile
from tasks.publication.layout import checkpoints_prefix
from tasks.running.checkpoints import code_digest, digest_of
from tasks.running.context import run_logger
from tasks.running.progress import note_rows
from tasks.running.step import step
from tasks.scoring.day_parts import DayParts, parts_in_work
from tasks.scoring.part import WorkedPart, require_announced


def screen_and_score_files(files: Sequence[FileRef], pins: Pins, settings: Settings) -> list[PartRef]:
    """Screen and score the files of a day, their parts side by side; results of all parts, in the order of the rows.

    Raises what `screen_and_score` raises.
    """
    with parts_in_work(files, pins, settings) as work:
        screened = [screen_and_score(file, pins, settings, work) for file in files]
    return [part for file in screened for part in file.parts]


def _same_file_and_pins(file: FileRef, pins: Pins, _settings: Settings, _work: DayParts | None = None) -> str:
    """Key of the work on the same file with the same pins, by the same program.

    Work with a second model has a key of its own, so work without one stays valid.
    """
    digest = digest_of(file, code_digest(), *filter(None, [pins.shadow]))
    return f"{checkpoints_prefix(pins.as_of, pins.fingerprint)}{file.name}.{digest}.json"


@step(
    "screen and score",
    reuse=_same_file_and_pins,
    task_run_name="screen and score {file.name}",
)
def screen_and_score(file: FileRef, pins: Pins, settings: Settings, work: DayParts | None = None) -> ScreenedFile:
    """Screen and score one landing file, and store and count its decided and its rejected rows.

    Args:
        file: the file.
        pins: model, policy and contract that decide its rows.
        settings: settings of the run.
        work: work on the parts of the whole day; None to work on this file alone.

    Raises:
        SourceError: the file changed while it was read, or holds other rows than announced.
        ExpectationsNotMet: its columns break the contract.
    """
    told: set[str] = set()
    parts: list[PartRef] = []
    noted = 0

    def note(rows: int) -> None:
        nonlocal noted
        if rows <= noted:
            return
        noted = rows
        require_announced(file, rows, is_all=False)
        run_logger().info("%s: %d rows screened and scored", file.name, rows)
        note_rows(file, rows)

    def take(worked: WorkedPart) -> bool:
        for line in worked.notes:
            if line not in told:
                told.add(line)
                run_logger().warning("%s", line)
        if worked.part:
            parts.append(worked.part)
        return worked.part is not None

    with ExitStack() as alone:
        work = work or alone.enter_context(parts_in_work([file], pins, settings))
        is_readable = True
        for worked in work.of(file, note):
            is_readable &= take(worked)
            if is_readable:
                note(sum(part.rows for part in parts))
        if not is_readable:
            parts.clear()
            noted = 0
            run_logger().info("%s cannot be read range by range; it is read again as a whole", file.name)
            take(work.as_a_whole(file, note))
    screened = ScreenedFile(file, tuple(parts))
    require_announced(file, screened.rows, is_all=True)
    if not screened.rows and file.announced_rows != 0:
        run_logger().warning("%s holds a header and no rows", file.name)
    return screened

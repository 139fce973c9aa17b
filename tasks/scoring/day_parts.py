"""Parts of a day in work, side by side."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from configs.settings import Settings
from tasks.core.day.records import FileRef, Pins
from tasks.delivery.files import header_by_range, pinned_reading
from tasks.model.contract import pinned_contract
from tasks.model.load import registry_of
from tasks.publication.layout import checkpoints_prefix
from tasks.publication.sealed_models import seal_model
from tasks.running.checkpoints import code_digest, digest_of
from tasks.running.workers import work_in_order
from tasks.scoring.day_workers import n_workers, runner_of
from tasks.scoring.part import PartOrder, WorkedPart, work_part
from tasks.store import Store, open_store


class DayParts:
    """Parts of a day's files, in work from the first file on that is asked for.

    Files are asked for in the order of the delivery; those after it are worked on meanwhile.
    """

    def __init__(self, files: Sequence[FileRef], pins: Pins, settings: Settings) -> None:
        """Take the files in the order of the delivery. Nothing is begun yet."""
        self._files = files
        self._pins = pins
        self._settings = settings
        self._due: deque[str] = deque()
        """Name of the file of each part that is still to come."""
        self._worked: Generator[WorkedPart, None, None] | None = None

    def of(self, file: FileRef, note: Callable[[int], object]) -> Iterator[WorkedPart]:
        """Parts of a file, in the order of its rows, as they are done.

        Args:
            file: one of the day's, after those that were asked for before.
            note: called with the rows of the file that are done, if the day has no other part.
        """
        if self._worked is None:
            self._worked = self._begin(self._files[self._files.index(file) :], note)
        while self._due and self._due[0] != file.name:  # its result was kept, so nobody has asked for it
            self._due.popleft()
            next(self._worked)
        while self._due and self._due[0] == file.name:
            self._due.popleft()
            yield next(self._worked)

    def as_a_whole(self, file: FileRef, note: Callable[[int], object]) -> WorkedPart:
        """Work on a file that cannot be read range by range, here and now. Raises what `work_part` raises."""
        return work_part(self._whole(file)._replace(threads=n_workers(self._settings)), note)

    def close(self) -> None:
        """Give up what is not done."""
        if self._worked is not None:
            self._worked.close()

    def _begin(self, files: Sequence[FileRef], note: Callable[[int], object]) -> Generator[WorkedPart, None, None]:
        store = open_store(self._settings.storage)
        orders = [(file, order) for file in files for order in self._orders(store, file)]
        self._due.extend(file.name for file, _ in orders)
        runner = runner_of(self._settings, len(orders))
        threads = max(n_workers(self._settings) // len(orders), 1)
        if len(orders) == 1:
            # In the thread of the run, whose log and progress Prefect keeps by thread; its chunks have their own.
            return work_in_order(partial(work_part, note=note), [orders[0][1]._replace(threads=threads)], workers=1)
        if runner.is_apart:
            self._seal(store)
        given = [
            order._replace(threads=threads, is_apart=runner.is_apart, kept_as=self._key_of(file, order))
            for file, order in orders
        ]
        # The audit will ask for the contract, which takes its time to load.
        return runner.run(work_part, given, meanwhile=partial(pinned_contract, self._pins, self._settings))

    def _whole(self, file: FileRef) -> PartOrder:
        """Order for all of a file."""
        return PartOrder(replace(file, ranges=()), self._pins, self._settings, threads=1)

    def _orders(self, store: Store, file: FileRef) -> Iterator[PartOrder]:
        """Orders for a file: one for each range, or one for all of it, which then says what is wrong with it."""
        whole = self._whole(file)
        reading = pinned_reading(self._pins, self._settings)
        is_cut = file.ranges and file.size_bytes <= reading.max_unpacked_bytes
        header = header_by_range(store, file, reading) if is_cut else None
        if header is None:
            yield whole
            return
        first_row = 1
        for number, each in enumerate(file.ranges):
            yield whole._replace(range=each, number=number, first_row=first_row, header=header)
            first_row += each.lines - (not number)

    def _key_of(self, file: FileRef, order: PartOrder) -> str:
        """Key under which the result of one of several parts is kept."""
        pins = self._pins
        made_of = [file, order.number, code_digest(), *filter(None, [pins.shadow])]
        name = f"{file.name}.{order.number + 1}.{digest_of(*made_of)}"
        return f"{checkpoints_prefix(pins.as_of, pins.fingerprint)}{name}.json"

    def _seal(self, store: Store) -> None:
        """Make sure that processes find the model in the store, so that none of them has to ask the registry."""
        model, settings = self._pins.model, self._settings
        if not self._pins.sealed_copy and settings.registry.sealed_copy == "use":
            seal_model(store, model, lambda: registry_of(settings).files(model))


@contextmanager
def parts_in_work(files: Sequence[FileRef], pins: Pins, settings: Settings) -> Iterator[DayParts]:
    """Parts of these files in work; what is not done at the end of the block is given up."""
    parts = DayParts(files, pins, settings)
    try:
        yield parts
    finally:
        parts.close()

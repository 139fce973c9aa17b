"""Plan of `make bench`: the jobs, their order, and how often they run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from benchmarks import days, own, rivals
from benchmarks.apart import Work

ONE_APPLICATION: Final = "one application, registered model"
ONE_ROW: Final = "chunk of one row, contract"
JOBS: Final[Mapping[str, Work]] = {
    "day data": days.make_day,
    "large model": days.train_large,
    "day": own.run_day,
    "profile": own.profile_day,
    "plain, large model": rivals.run_plain_large,
    "plain, our model": rivals.run_plain_own,
    "floor": rivals.run_floor,
    "contract": own.judge_contract,
    "whole contract": own.judge_whole_contract,
    "GX COMPLETE": rivals.judge_plainly,
    "engine": own.run_engine,
    "LightGBM": rivals.run_lightgbm,
    "pyfunc, registered model": own.answer_frame,
    "pyfunc, LightGBM flavour": rivals.predict_flavour,
    ONE_APPLICATION: own.answer_one,
    ONE_ROW: own.judge_one_row,
    "row by row": rivals.answer_one_by_one,
    "verdict": own.judge_decided,
    "monitoring": own.monitor_day,
    "Evidently": rivals.report_plainly,
}
DAYS: Final = ("day",)
"""Jobs that score a whole day, each on every number of cores; the first is what others are held against."""
PLAINLY: Final = ("plain, large model", "plain, our model", "floor")
PARTS: Final = ("contract", "whole contract", "GX COMPLETE", "engine", "LightGBM")
ONLINE: Final = (
    "pyfunc, registered model", "pyfunc, LightGBM flavour", ONE_APPLICATION, ONE_ROW, "row by row"
)  # fmt: skip
MONITORING: Final = ("verdict", "monitoring", "Evidently")
ONLINE_ROWS: Final = 10_000
# Jobs that take minutes, or that a third round would add little to.
_MOST_ROUNDS: Final = {
    "plain, large model": 2, "plain, our model": 2, "GX COMPLETE": 2,
    **dict.fromkeys(ONLINE, 2), "profile": 1, "monitoring": 2, "Evidently": 2,
}  # fmt: skip
_LARGE_DAY_ROUNDS: Final = 2
# Seconds once, and per 100,000 rows, on two cores; for the estimate alone.
_COSTS: Final = {
    "day data": (2, 5), "day": (7, 2), "profile": (8, 4), "plain, large model": (10, 45),
    "plain, our model": (10, 16), "floor": (6, 1), "contract": (6, 1), "whole contract": (6, 1),
    "GX COMPLETE": (9, 12), "engine": (6, 1), "LightGBM": (6, 3),
    "pyfunc, registered model": (8, 0), "pyfunc, LightGBM flavour": (7, 0), "row by row": (9, 0),
    ONE_APPLICATION: (9, 0), ONE_ROW: (6, 0),
    "verdict": (6, 1), "monitoring": (15, 6), "Evidently": (32, 1),
}  # fmt: skip
_COMMANDS_SECONDS: Final = 30


@dataclass(frozen=True, slots=True)
class Plan:
    """Extent of the measurements."""

    sizes: tuple[int, ...]
    """Rows of the days, ascending."""
    workers: tuple[int, ...]
    repeats: int
    rivals_up_to: int
    """Rows of the largest day that rivals work on."""
    is_whole: bool = True
    """False if jobs are left out that take long and say little about a small day."""

    @property
    def full(self) -> int:
        """Rows of the day by which the budgets are judged: the largest that rivals work on."""
        with_rivals = (rows for rows in self.sizes if rows <= self.rivals_up_to)
        return max(with_rivals, default=min(self.sizes))

    @property
    def online(self) -> int:
        """Rows of the day that is scored online."""
        return min(self.sizes, key=lambda rows: (rows < ONLINE_ROWS, rows))

    def jobs(self, rows: int, repetition: int) -> Iterator[tuple[str, int]]:
        """Jobs on a day of this size in a round, with their cores.

        Rivals work once on days smaller than `full`.
        """
        if rows > self.full and repetition >= _LARGE_DAY_ROUNDS:
            return
        most = max(self.workers)
        # A day of millions of rows is measured once on fewer cores than there are.
        on_all = rows <= self.full or not repetition
        for cores in self.workers if on_all else (most,):
            yield from ((name, cores) for name in DAYS)
        for name in self._beside(rows):
            rounds = 1
            if rows == self.full or name in ONLINE:
                rounds = _MOST_ROUNDS.get(name, self.repeats)
            if repetition < rounds:
                yield name, 1 if name == "profile" else most

    def _beside(self, rows: int) -> Iterator[str]:
        """Jobs beside the day itself."""
        if rows <= self.full:
            yield from PLAINLY
        if rows == self.full:
            yield from PARTS
        if rows == self.online:
            yield from ONLINE
        if rows == self.full and self.is_whole:
            yield "profile"
            yield from MONITORING

    def estimate_minutes(self) -> float:
        """Estimate of the minutes on two cores, if the models are there."""
        seconds = sum(_cost("day data", rows) for rows in self.sizes)
        seconds += self.repeats * _COMMANDS_SECONDS
        for repetition in range(self.repeats):
            for rows in self.sizes:
                seconds += sum(_cost(name, rows) for name, _ in self.jobs(rows, repetition))
        return seconds / 60


def _cost(name: str, rows: int) -> float:
    once, each = _COSTS[name]
    return once + each * rows / 100_000

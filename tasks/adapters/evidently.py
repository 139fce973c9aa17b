"""Evidently: a judged day to look at, drawn beside the reference, with our numbers and verdict.

Our judge decides, on the whole day; Evidently only shows. Its own statistics are not used: they
drop missing values, follow the size of a sample, and read an empty one as "no drift". So the
judge's score and verdict of each column are registered as a statistic of Evidently, and its report
tells them to the last digit. The pictures are of samples, coarsened by `tasks/core/disclosure.py`:
no applicant's value is shown.
"""

from __future__ import annotations

import functools
import math
import re
import uuid
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date, datetime, time
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.core.metric_types import SingleValueCalculation, SingleValueMetric
from evidently.core.report import Snapshot
from evidently.legacy.calculations.stattests import StatTest, register_stattest
from evidently.legacy.core import ColumnType
from evidently.legacy.renderers.html_widgets import WidgetSize, plotly_data, text_widget
from evidently.metrics import ValueDrift

from tasks.adapters.pages.html import template
from tasks.core.contract.screening import PD
from tasks.core.disclosure import LEAST_ROWS, RARE_OR_UNSEEN, coarsen, is_none_or_enough, rounded_rate
from tasks.core.monitoring.metrics import Level
from tasks.core.words import in_markdown, percent

MOST_COLUMNS: Final = 12
"""Columns on a page. The viewer alone takes 3.7 of the 5 MB that a page may have."""
METHOD: Final = "judge_of_the_whole_day"
"""Name of our statistic in Evidently."""
NO_VALUE: Final = "(no value)"
"""Bar of the rows without a value. Evidently by itself leaves them out."""
_HEADLINES: Final[Mapping[Level, str]] = MappingProxyType(
    {
        "alert": "Alert: somebody must act",
        "watch": "Watch: look at this day today",
        "ok": "OK: no drift that counts",
        "insufficient": "Too few applications to tell",
    }
)
_HEIGHTS: Final[Mapping[Level, float]] = MappingProxyType({"ok": 0.0, "watch": 1.0, "alert": 2.0})
"""Levels as a line can show them. A day of too few applications has no height: a gap in the line."""
_DAY_COLOUR: Final = "#2b5c8a"
_REFERENCE_COLOUR: Final = "#9aa5b1"
_FIGURES_DATA: Final = "figures"
"""Name of the data set that carries the figures of a day to their metric."""
_END_OF_HEAD: Final = "</head>\n    <body>"
_CHARSET: Final = '<meta charset="UTF-8">'
_NOTHING_FETCHED: Final = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; font-src data:; img-src data: blob:"
)
"""Content Security Policy of a page: the browser loads nothing from anywhere."""
_IDENTIFIER: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_PAGE_IDENTIFIER: Final = re.compile(r"metric_[0-9a-f]{32}")


class ShownColumn(NamedTuple):
    """A column as our judge found it."""

    name: str
    score: float
    """Size of the change. A column whose score is not finite is not drawn."""
    is_drifted: bool
    sentence: str
    """Finding in words."""
    limit: float = 1.0
    """Score from which a change is large enough to count. By default the score is in units of it."""


@dataclass(frozen=True, slots=True)
class ShownDay:
    """A judged day as Evidently shows it. All numbers are those of the whole day."""

    as_of: date
    revision: int
    model_version: str
    level: Level
    sentences: Sequence[str]
    """Findings in words, the heaviest first. They open the page."""
    scalars: Mapping[str, float | None]
    """Figures of the day by their names in `FIGURES`; None if there are too few rows for one."""
    columns: Sequence[ShownColumn]
    """Judged columns, the heaviest finding first."""
    heaviest: Sequence[str] = ()
    """Features that the model leans on most, the first most."""


class DrawnDay(NamedTuple):
    """A day to look at: a page that works offline, and a snapshot for a workspace."""

    page: bytes
    snapshot: bytes


class ShownFigure(NamedTuple):
    """A figure of a day: its heading, what a reader must know of it, and its form."""

    title: str
    subtitle: str
    in_words: Callable[[float], str]


def _count(value: float) -> str:
    return f"{value:,.0f}"


def _level(height: float) -> str:
    return next(level for level, each in _HEIGHTS.items() if each == height)


FIGURES: Final[Mapping[str, ShownFigure]] = MappingProxyType(
    {
        "level": ShownFigure("Verdict", "0 ok, 1 watch, 2 alert. A gap: too few applications.", _level),
        "drifted_columns": ShownFigure("Drifted columns", "Columns that the judge names.", _count),
        "rows": ShownFigure("Decided applications", "Applications that were judged.", _count),
        "mean_pd": ShownFigure("Mean pd", "Mean predicted probability of default.", percent),
        "approval_share": ShownFigure("Approval rate", "Approved share of the decided.", percent),
        "missing_share": ShownFigure("Missing values", "Share of all values.", percent),
        "quarantine_share": ShownFigure("Quarantine", "Share of the delivered rows.", percent),
    }
)
"""Figures of a day, each with a panel of the workspace. The first two follow from the verdict."""


class DayFigure(SingleValueMetric):  # type: ignore[misc] # Evidently has no types
    """One figure of a day, by its name in `FIGURES`. Panels of a workspace find it by that name."""

    figure: str


class DayFigureCalculation(SingleValueCalculation[DayFigure]):  # type: ignore[misc] # as above
    """The figure as our judge gave it; nothing is calculated."""

    def calculate(self, context: Any, current_data: Any, reference_data: Any) -> Any:  # noqa: ARG002 - Evidently's
        """Result that holds the figure."""
        figures = context.additional_data[_FIGURES_DATA].as_dataframe()
        result = self.result(float(figures[self.metric.figure].iloc[0]))
        words = FIGURES[self.metric.figure].in_words(result.value)
        # Evidently's own counter is too wide for a telephone.
        result.widget = [text_widget(text=f"{self.display_name()}: **{in_markdown(words)}**", size=WidgetSize.HALF)]
        return result

    def display_name(self) -> str:
        """Heading of the figure."""
        return FIGURES[self.metric.figure].title


class _Bars(NamedTuple):
    """A column as it is drawn: each value is the name of a bar, or missing if it is not drawn."""

    names: list[str]
    """Bars from left to right."""
    day: pd.Series
    reference: pd.Series


_JUDGED: ContextVar[Mapping[str, ShownColumn]] = ContextVar("judged columns by name")
"""Columns of the report that is being made, one set for each thread."""


def shown_columns(day: ShownDay) -> tuple[str, ...]:
    """Names of the columns to draw: the pd, drifted ones, then the heaviest features; 12 at most."""
    finite = [column for column in day.columns if math.isfinite(column.score)]
    judged = {column.name for column in finite}
    drifted = [column.name for column in finite if column.is_drifted]
    wanted = dict.fromkeys((PD, *drifted, *day.heaviest))
    return tuple(name for name in wanted if name in judged)[:MOST_COLUMNS]


def draw_day(
    day: ShownDay,
    current: pd.DataFrame,
    reference: pd.DataFrame,
    frozen: Mapping[str, Any],
) -> DrawnDay:
    """Draw a judged day beside the reference. The same input gives the same bytes.

    A column is left out if a sample or `frozen` lacks it, or has too few of its values. The page
    then still tells that it drifted.

    Args:
        day: The day as our judge found it.
        current: Typed applications of the day, or a random sample of them; the columns of
            `shown_columns` are enough.
        reference: The same of the reference.
        frozen: Statistics that were frozen with the model, by column.
    """
    known = [name for name in shown_columns(day) if name in frozen and name in current and name in reference]
    samples = coarsen(current, reference, {name: frozen[name] for name in known}, seed=day.as_of.toordinal())
    drawn = {
        name: _bars(samples.day[name], samples.reference[name], has_levels="level_shares" in frozen[name])
        for name in known
        if name in samples.day
    }
    snapshot = _snapshot(day, drawn)
    header = template("drift_header.html").render(
        day=day,
        headline=_HEADLINES[day.level],
        drawn=len(drawn),
        undrawn=[column.name for column in day.columns if column.is_drifted and column.name not in drawn],
        rows=len(samples.day),
        reference_rows=len(samples.reference),
        most_columns=MOST_COLUMNS,
        least_rows=LEAST_ROWS,
    )
    return DrawnDay(_page(snapshot, day, header).encode(), _settled(snapshot.dumps(), day).encode())


def _bars(day: pd.Series, reference: pd.Series, *, has_levels: bool) -> _Bars:
    """Bars of a column: levels by their share of the reference, or numbers in their order."""
    values = pd.concat([day, reference]).dropna().unique()
    if has_levels:
        shares = reference.value_counts()
        names = {level: str(level) for level in sorted(values, key=lambda each: _place(each, shares))}
    else:
        names = {value: f"{value:.12g}" for value in sorted(values)}
    pair = [sample.map(names) for sample in (day, reference)]
    bars = list(names.values())
    missing = [int(sample.isna().sum()) for sample in pair]
    if any(missing) and all(is_none_or_enough(rows) for rows in missing):
        pair = [sample.fillna(NO_VALUE) for sample in pair]
        bars.append(NO_VALUE)
    return _Bars(bars, *pair)


def _place(level: str, shares: pd.Series) -> tuple[bool, float, str]:
    """Place of a level among others: frequent ones first, the folded ones last."""
    return level == RARE_OR_UNSEEN, -float(shares.get(level, 0)), level


def _figures(day: ShownDay) -> dict[str, float]:
    """Figures of the day that are known, in the order of `FIGURES`."""
    figures = {
        **day.scalars,
        "level": _HEIGHTS.get(day.level),
        "drifted_columns": float(sum(column.is_drifted for column in day.columns)),
    }
    unknown = figures.keys() - FIGURES.keys()
    if unknown:
        raise KeyError(f"Figures of {day.as_of} without a heading in FIGURES: {', '.join(sorted(unknown))}")
    known = ((name, figures.get(name)) for name in FIGURES)
    return {name: value for name, value in known if value is not None and math.isfinite(value)}


@functools.cache
def _statistic() -> str:
    """Name of our statistic, registered in Evidently once for each process."""
    statistic = StatTest(
        name=METHOD,
        display_name="our judge, on the whole day",
        allowed_feature_types=[ColumnType.Categorical],
    )
    register_stattest(statistic, default_impl=_judged)
    return METHOD


def _judged(
    reference: pd.Series,  # noqa: ARG001 - Evidently's signature
    current: pd.Series,
    feature_type: object,  # noqa: ARG001
    threshold: float,  # noqa: ARG001
) -> tuple[float, bool]:
    """Score and verdict of a column as our judge found them on the whole day."""
    column = _JUDGED.get()[str(current.name)]
    return column.score, column.is_drifted


@contextmanager
def _judging(columns: Mapping[str, ShownColumn]) -> Iterator[None]:
    """Let our statistic answer for these columns, in this thread."""
    token = _JUDGED.set(columns)
    try:
        with warnings.catch_warnings():
            # Its summaries of a constant column divide by zero.
            warnings.simplefilter("ignore")
            yield
    finally:
        _JUDGED.reset(token)


def _snapshot(day: ShownDay, drawn: Mapping[str, _Bars]) -> Snapshot:
    """Evidently's snapshot of the day, in which each number and each picture is ours."""
    figures = _figures(day)
    columns = {column.name: column for column in day.columns if column.name in drawn}
    drifts = {name: ValueDrift(column=name, method=_statistic(), threshold=columns[name].limit) for name in drawn}
    report = Report(
        [*(DayFigure(figure=name) for name in figures), *drifts.values()],
        metadata={"revision": str(day.revision), "model_version": day.model_version},
        tags=[day.level],
        include_tests=True,
    )
    told = Dataset.from_pandas(pd.DataFrame([figures]))
    with _judging(columns):
        snapshot = report.run(
            _dataset({name: bars.day for name, bars in drawn.items()}) if drawn else told,
            _dataset({name: bars.reference for name, bars in drawn.items()}) if drawn else None,
            additional_data={_FIGURES_DATA: told},
            timestamp=datetime.combine(day.as_of, time()),
            name=f"Decisions of {day.as_of}, revision {day.revision}",
        )
    model = snapshot.to_snapshot_model()
    for name, drift in drifts.items():
        result = model.metric_results[drift.metric_id]
        result.widget = _column_widgets(columns[name], drawn[name])
        for test in result.tests:
            test.description = columns[name].sentence
    model.widgets = [each for metric in model.top_level_metrics for each in model.metric_results[metric].widget]
    model.tests_widgets = []
    return Snapshot.load_model(model)


def _dataset(columns: Mapping[str, pd.Series]) -> Dataset:
    definition = DataDefinition(categorical_columns=list(columns))
    return Dataset.from_pandas(pd.DataFrame(columns), data_definition=definition)


def _column_widgets(column: ShownColumn, bars: _Bars) -> list[Any]:
    """Our words about a column, and its picture."""
    verdict = "drifted" if column.is_drifted else "no drift"
    words = f"{column.sentence} Score {column.score!r}, which counts from {column.limit!r}."
    heading = text_widget(text=f"### {in_markdown(column.name)}: {verdict}\n\n{in_markdown(words)}")
    pairs = (("this day", bars.day, _DAY_COLOUR), ("reference", bars.reference, _REFERENCE_COLOUR))
    data = [
        {"type": "bar", "name": name, "x": bars.names, "y": _shares(sample, bars.names), "marker": {"color": colour}}
        for name, sample, colour in pairs
    ]
    # Names of bars look like numbers, which would make the axis one of numbers.
    across = {"type": "category", "categoryorder": "array", "categoryarray": bars.names, "automargin": True}
    upwards = {"tickformat": ".0%", "rangemode": "tozero", "automargin": True}
    layout = {"barmode": "group", "xaxis": across, "yaxis": upwards, "legend": {"orientation": "h", "y": 1.15}}
    return [heading, plotly_data(title="", data=data, layout=layout)]


def _shares(sample: pd.Series, names: Sequence[str]) -> list[float]:
    """Share of each bar, 0 to 1, among the rows that are drawn; rounded as rates of a kind are."""
    counts = sample.value_counts()
    return [rounded_rate(float(counts.get(name, 0)) / int(counts.sum())) for name in names]


def _page(snapshot: Snapshot, day: ShownDay, header: str) -> str:
    """Evidently's page, begun with our header. It fetches nothing, and no text in it is run.

    Evidently writes its data into a script as they are, so a text with `</script>` would end it.
    """
    head, body = snapshot.get_html_str(as_iframe=False).strip().split(_END_OF_HEAD, 1)
    style, script = head.split("<script>", 1)
    data, rest = script.rsplit("</script>", 1)
    data = _settled(data.replace("<", "\\u003c"), day)
    policy = f'<meta http-equiv="Content-Security-Policy" content="{_NOTHING_FETCHED}">'
    style = style.replace(_CHARSET, f"{_CHARSET}\n        {policy}\n        <title>Drift of {day.as_of}</title>", 1)
    page = f"{style}<script>{data}</script>{rest}{_END_OF_HEAD}\n{header}{body}"
    return page.replace(_PAGE_IDENTIFIER.findall(data)[0], "drift")


def _settled(text: str, day: ShownDay) -> str:
    """The text with identifiers that follow from the day, where Evidently draws them at random."""
    found = dict.fromkeys(_IDENTIFIER.findall(text))
    settled = {each: str(uuid.uuid5(uuid.NAMESPACE_OID, f"{day.as_of} {n}")) for n, each in enumerate(found)}
    return _IDENTIFIER.sub(lambda match: settled[match.group()], text)

"""Series over days, for charts and tables: data in, data out.

Figures come from the tidy table of monitoring (`METRICS_SCHEMA`), counts from manifests. A figure that
a day does not have is missing (NaN), never 0.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Final

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from tasks.core.monitoring.metrics import DRIFT_SIZE, NO_COLUMN, TYPICAL_PD, WHOLE_DAY
from tasks.dashboard.days import SeenDay

COST: Final = "expected_cost_per_application"
_LINES: Final = ("approval_rate", "mean_pd", TYPICAL_PD, COST, "expected_default_rate_of_approved", "expected_auc")
"""Figures of the whole day that the overview shows."""
COLUMN_FIGURES: Final = {
    DRIFT_SIZE: "Size of the drift",
    "psi": "PSI, less its mean without drift",
    "missing_share": "Share of rows without a value",
    "sentinel_share": 'Share of rows with the code for "none"',
    "unseen_share": "Share of rows with a rare or unseen value",
    "low_tail_share": "Share of rows below the reference's outer 0.1 %",
    "high_tail_share": "Share of rows above the reference's outer 0.1 %",
    TYPICAL_PD: "pd at the mean logit",
    "mean_pd": "Mean pd",
}
"""Figures about one column to their names for people, in the order of a list."""
_FOUND: Final = ("watch", "alert")


def day_lines(days: Sequence[SeenDay], figures: pa.Table) -> pd.DataFrame:
    """A row a day: standing, model, rows by fate, and the figures of `_LINES` with their intervals.

    Shares and rates are in [0, 1]. `<figure>_low` and `<figure>_high` are the ends of an interval.
    """
    rows = [_line(day) for day in days]
    lines = pd.DataFrame(rows, columns=list(_NO_LINE)).astype({"as_of": "datetime64[ns]"})
    wide = whole_day(figures, _LINES)
    is_current = wide["revision"].eq(wide["as_of"].map(lines.set_index("as_of")["revision"]))
    return lines.merge(_spread(wide[is_current]), on="as_of", how="left")


_NO_LINE: Final = (
    "as_of", "standing", "why", "model", "revision", "received", "decided", "quarantined", "quarantined_share"
)  # fmt: skip


def _line(day: SeenDay) -> dict[str, object]:
    line: dict[str, object] = dict.fromkeys(_NO_LINE)
    line |= {"as_of": day.as_of, "standing": day.standing, "why": day.why, "model": day.model}
    if day.published and not day.published.is_withdrawn:
        totals = day.published.totals
        line["revision"] = day.published.revision
        line |= {"received": totals.rows, "decided": totals.decided, "quarantined": totals.quarantined}
        line["quarantined_share"] = totals.quarantined / totals.rows if totals.rows else None
    return line


def whole_day(figures: pa.Table, names: Collection[str]) -> pd.DataFrame:
    """Rows of `METRICS_SCHEMA` with these figures of the whole day, about no column or about pd."""
    is_named = pc.is_in(figures.column("metric"), value_set=pa.array(sorted(names), pa.string()))
    is_whole = pc.equal(figures.column("slice"), WHOLE_DAY)
    return _frame(figures.filter(pc.and_(is_named, is_whole)))


def _spread(figures: pd.DataFrame) -> pd.DataFrame:
    """A row a day, with a column each for the value and both ends of every figure of `_LINES`."""
    ends = {"value": "{}", "low": "{}_low", "high": "{}_high"}
    names = [ending.format(name) for name in _LINES for ending in ends.values()]
    by_end = [
        figures.pivot_table(index="as_of", columns="metric", values=end, aggfunc="last").rename(columns=ending.format)
        for end, ending in ends.items()
    ]
    spread = pd.concat(by_end, axis=1).reindex(columns=names).astype(float)
    return spread.rename_axis("as_of").reset_index().astype({"as_of": "datetime64[ns]"})


def drift_of(column: str, metric: str, figures: pa.Table, days: Sequence[SeenDay]) -> pd.DataFrame:
    """A row a day with this figure of a column: value, low, high, level, and the day's standing.

    A day whose verdict is `insufficient` has that standing, whatever the level of the column.
    """
    is_asked = pc.and_(pc.equal(figures.column("column"), column), pc.equal(figures.column("metric"), metric))
    found = _frame(figures.filter(pc.and_(is_asked, pc.equal(figures.column("slice"), WHOLE_DAY))))
    standings = {pd.Timestamp(day.as_of): day.standing for day in days}
    of_day = found["as_of"].map(standings)
    found["standing"] = found["level"].where(of_day != "insufficient", "insufficient")
    return found[["as_of", "value", "low", "high", "n", "standing"]].reset_index(drop=True)


def found_columns(figures: pa.Table) -> pd.DataFrame:
    """A row for each column: days on which it was found, the last of them, and its largest drift.

    Sorted by days, then by the largest drift, then by name; columns never found come last.
    """
    is_about_one = pc.and_(
        pc.not_equal(figures.column("column"), NO_COLUMN), pc.equal(figures.column("slice"), WHOLE_DAY)
    )
    about_one = figures.filter(is_about_one)
    is_found = pc.is_in(about_one.column("level"), value_set=pa.array(_FOUND))
    found = _frame(about_one.filter(is_found)).groupby("column")["as_of"]
    columns = pd.DataFrame({"days": found.nunique(), "last": found.max()})
    drifts = _frame(about_one.filter(pc.equal(about_one.column("metric"), DRIFT_SIZE)))
    sizes = drifts.groupby("column")["value"].max().rename("largest")
    every = columns.join(sizes, how="outer").rename_axis("column")
    every = every.reindex(every.index.union(sorted(about_one.column("column").unique().to_pylist())))
    every["days"] = every["days"].fillna(0).astype(int)
    ordered = every.rename_axis("column").reset_index()
    return ordered.sort_values(["days", "largest", "column"], ascending=[False, False, True], ignore_index=True)


def figures_about(column: str, figures: pa.Table) -> list[str]:
    """Names of the figures that these days have about a column, in the order of `COLUMN_FIGURES`."""
    of_column = figures.filter(pc.equal(figures.column("column"), column)).column("metric")
    known = set(of_column.unique().to_pylist())
    return [name for name in COLUMN_FIGURES if name in known]


def quarantined_rows(days: Iterable[SeenDay]) -> pd.DataFrame:
    """A row for each day and rule: quarantined rows that break it, and their share of those received.

    A row of a day may break several rules, so the rows of a day add up to more than are in quarantine.
    """
    rows = [
        (day.as_of, rule, broken, broken / max(day.published.totals.rows, 1))
        for day in days
        if day.published
        for rule, broken in sorted(day.published.audited.by_rule.items())
    ]
    frame = pd.DataFrame(rows, columns=["as_of", "rule", "rows", "share"])
    return frame.astype({"as_of": "datetime64[ns]", "rows": int, "share": float})


def rules_by_rows(quarantined: pd.DataFrame) -> pd.DataFrame:
    """A row for each rule of `quarantined_rows`: rows, days, and the last day; the most rows first."""
    by_rule = quarantined[quarantined["rows"] > 0].groupby("rule")
    rules = pd.DataFrame(
        {"rows": by_rule["rows"].sum(), "days": by_rule["as_of"].nunique(), "last": by_rule["as_of"].max()}
    )
    return rules.reset_index().sort_values(["rows", "rule"], ascending=[False, True], ignore_index=True)


def models_in(lines: pd.DataFrame) -> pd.DataFrame:
    """A row for each model of `day_lines`: days, first and last, applications, days by verdict, mean figures.

    The mean pd is over applications; the mean expected cost over those of days that have one.
    """
    rows = []
    for model, of_model in lines[lines["model"] != ""].groupby("model", sort=False):
        rows.append(
            {
                "model": model,
                "days": len(of_model),
                "first": of_model["as_of"].min(),
                "last": of_model["as_of"].max(),
                "decided": int(of_model["decided"].sum()),
                "ok": int(of_model["standing"].eq("ok").sum()),
                "watch": int(of_model["standing"].eq("watch").sum()),
                "alert": int(of_model["standing"].eq("alert").sum()),
                "mean_pd": mean_by_rows(of_model, "mean_pd"),
                COST: mean_by_rows(of_model, COST),
            }
        )
    return pd.DataFrame(rows)


def mean_by_rows(lines: pd.DataFrame, figure: str) -> float:
    """Mean of a figure over the applications of the days that have it; NaN if none has."""
    known = lines[lines[figure].notna()]
    rows = known["decided"].sum()
    return float((known[figure] * known["decided"]).sum() / rows) if rows else float("nan")


def _frame(figures: pa.Table) -> pd.DataFrame:
    """Table as pandas, by day, with its days as timestamps."""
    frame = figures.to_pandas(date_as_object=False)
    return frame.astype({"as_of": "datetime64[ns]"}).sort_values("as_of", kind="stable", ignore_index=True)

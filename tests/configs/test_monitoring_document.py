"""docs/monitoring.md shows the reviewed thresholds as they are; WRITE_DOCS=1 writes them anew."""

import os
import re
from typing import Final

from configs.monitoring import MonitoringFile, load_thresholds
from configs.settings import PROJECT, Settings
from tasks.core.monitoring.statistics import STATISTICS
from tasks.core.monitoring.thresholds import Thresholds

DOCUMENT: Final = PROJECT / "docs/monitoring.md"
BEGIN: Final = "<!-- thresholds -->"
END: Final = "<!-- /thresholds -->"


def in_words(number: float) -> str:
    return f"{number:,g}"


def tables(file: MonitoringFile) -> str:
    """Thresholds of each statistic, then those of the verdict."""
    lines = [
        f"Version {file.version}:",
        "",
        "| statistic | about | watch | alert | corrected | probability |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, each in file.statistics.items():
        about = (STATISTICS[name].__doc__ or "").splitlines()[0].rstrip(".")
        sizes = map(in_words, (each.watch, each.alert))
        told = (f"`{name}`", about, *sizes, f"`{each.corrected}`", in_words(each.probability))
        lines.append(f"| {' | '.join(told)} |")
    lines += ["", "| threshold | value | meaning |", "| --- | --- | --- |"]
    for name, field in MonitoringFile.model_fields.items():
        if name not in {"version", "statistics"}:
            lines.append(f"| `{name}` | {in_words(getattr(file, name))} | {field.description} |")
    return "\n".join(lines)


def test_the_document_shows_the_thresholds_as_they_are() -> None:
    told = tables(load_thresholds(Settings().monitoring.thresholds))
    before, _, rest = DOCUMENT.read_text("utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    assert end, f"{BEGIN} and {END} are not both there"
    text = f"{before}{BEGIN}\n\n{told}\n\n{END}{after}"
    if os.environ.get("WRITE_DOCS") == "1":
        DOCUMENT.write_text(text, "utf-8")
    assert DOCUMENT.read_text("utf-8") == text, "make docs writes it anew"


def test_every_threshold_that_judges_is_in_it() -> None:
    told = tables(load_thresholds(Settings().monitoring.thresholds))
    assert [name for name in STATISTICS if f"| `{name}` | " not in told] == []
    limits = Thresholds.__dataclass_fields__.keys() - {"statistics"}
    assert [name for name in limits if f"| `{name}` |" not in told] == []
    assert "| `missing` | Share of rows without a value | 0.01 | 0.05 | `shares` | 0.008 |" in told


def test_every_statistic_has_a_formula() -> None:
    text = DOCUMENT.read_text("utf-8").partition("### Statistics")[2].partition("### Small days")[0]
    assert re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE) == list(STATISTICS)

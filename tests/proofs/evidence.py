"""What the long proofs count: `make prove` runs them whole and writes docs/evidence.md, `make test` runs a sample.

Each proof notes its figures when it has passed; a page is written from the notes of one whole run.
"""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from configs.settings import PROJECT

IS_WHOLE: Final = os.environ.get("PROVE") == "1"
NOTES: Final = PROJECT / "var/evidence"
PAGE: Final = PROJECT / "docs/evidence.md"
T = TypeVar("T")


def sampled(cases: Sequence[T], size: int) -> Sequence[T]:
    """All cases in `make prove`; else `size` of them, the first and the last among them, spread evenly."""
    if IS_WHOLE or len(cases) <= size:
        return cases
    return [cases[round(n * (len(cases) - 1) / max(size - 1, 1))] for n in range(size)]


def note(study: str, title: str, told: str, figures: Sequence[Mapping[str, Any]]) -> None:
    """Keep what a study counted.

    Args:
        study: its file name; the page is sorted by it.
        title: heading of its chapter.
        told: what was done and what had to hold, in a paragraph.
        figures: rows of its table, all with the same keys.
    """
    if IS_WHOLE:
        NOTES.mkdir(parents=True, exist_ok=True)
        content = {"title": title, "told": told, "figures": list(figures)}
        (NOTES / f"{study}.json").write_text(json.dumps(content, indent=1), "utf-8")


def page(notes: Sequence[Mapping[str, Any]]) -> str:
    """The page made of all notes."""
    machine = (
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}"
    )
    chapters = [_chapter(each) for each in notes]
    head = "# Evidence\n\nWritten by `make prove`, which fails where one of these does not hold. Made on"
    return "\n\n".join([f"{head} {machine}.", *chapters]) + "\n"


def _chapter(content: Mapping[str, Any]) -> str:
    names = list(content["figures"][0])
    lines = [
        f"| {' | '.join(names)} |",
        f"| {' | '.join('---' for _ in names)} |",
        *(f"| {' | '.join(_cell(row[name]) for name in names)} |" for row in content["figures"]),
    ]
    return f"## {content['title']}\n\n{content['told']}\n\n" + "\n".join(lines)


def _cell(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def write_page(folder: Path = NOTES) -> None:
    """Write the page from the notes in `folder`."""
    notes = [json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.json"))]
    PAGE.write_text(page(notes), "utf-8")


if __name__ == "__main__":
    write_page()

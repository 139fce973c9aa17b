"""Documents that lag fail here: commands, settings, exit codes, links and the published schema."""

import re
from pathlib import Path

import click
import pytest

from configs import environment
from configs.settings import PROJECT, Settings
from flows.cli import scoring
from tasks.core.decision.published_rows import SCHEMA

DOCS = [PROJECT / "README.md", PROJECT / "CHANGELOG.md", *sorted((PROJECT / "docs").glob("*.md"))]
TEXTS = {path.name: path.read_text("utf-8") for path in DOCS}
CALLS = sorted(
    {
        call.strip().rstrip("`")
        for text in TEXTS.values()
        for call in re.findall(rf"\bscoring ((?:{'|'.join(scoring.commands)})\b[^`#\n;]*)", text)
    }
)


SECTIONS = "|".join(Settings.model_fields)


@pytest.mark.parametrize("call", CALLS)
def test_every_command_in_the_documents_exists_with_its_options(call: str) -> None:
    name, *words = call.split()
    command = scoring.commands[name]
    known = {option for param in command.params if isinstance(param, click.Option) for option in param.opts}
    used = {word for word in words if word.startswith("--")}
    assert used <= known


def test_the_documents_show_commands_at_all() -> None:
    assert {call.split()[0] for call in CALLS} == set(scoring.commands)


@pytest.mark.parametrize(
    "name", sorted({each for text in TEXTS.values() for each in re.findall(r"`?make ([a-z]+)`", text)})
)
def test_every_make_target_in_the_documents_exists(name: str) -> None:
    assert re.search(rf"^{name}:", (PROJECT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize(
    ("section", "field"),
    sorted({
        (section.lower(), field.lower())
        for text in TEXTS.values()
        for section, field in re.findall(r"\bSCORING_([A-Z]+)__([A-Z_]+)", text)
    } | {
        pair
        for text in TEXTS.values()
        for pair in re.findall(rf"`({SECTIONS})\.(?!py`)([a-z_]+)`", text)
    }),
)  # fmt: skip
def test_every_setting_in_the_documents_exists(section: str, field: str) -> None:
    assert field in type(getattr(Settings(), section)).model_fields


def modules_named(table: str) -> list[Path]:
    """The files in the first cells of a table; a name without a folder lies beside the one before it."""
    found: list[Path] = []
    for cell in re.findall(r"^\| (`tasks/.*?) \|", table, re.MULTILINE):
        folder = Path()
        for name in re.findall(r"`([\w/]+\.py)`", cell):
            folder = Path(name).parent if "/" in name else folder
            found.append(folder / Path(name).name)
    return found


def test_the_architecture_names_every_module_once() -> None:
    modules = [path.relative_to(PROJECT) for path in (PROJECT / "tasks").rglob("*.py")]
    expected = [path for path in modules if path.name not in ("__init__.py", "errors.py")]
    assert sorted(modules_named(TEXTS["architecture.md"])) == sorted(expected)


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(path: Path) -> None:
    links = re.findall(r"\]\((?!https?://)([^)#]+)", path.read_text("utf-8"))
    assert [link for link in links if not (path.parent / link).exists()] == []


def headings(path: Path) -> set[str]:
    """Anchors of a document, as GitHub makes them of its headings."""
    titles = re.findall(r"^#+ (.+)$", path.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_every_link_into_a_document_leads_to_a_heading(path: Path) -> None:
    links = re.findall(r"\]\((?!https?://)([^)#\s]*\.md)?#([^)]+)\)", path.read_text("utf-8"))
    lost = [
        f"{name}#{anchor}" for name, anchor in links if anchor not in headings(path.parent / name if name else path)
    ]
    assert lost == []


def test_the_readme_names_every_published_column() -> None:
    described = re.findall(r"^\| (`.*?) \| (?:int64|date|float64|string)", TEXTS["README.md"], re.MULTILINE)
    named = {name for cell in described for name in re.findall(r"`(\w+)`", cell)} | {"reason_2", "reason_3"}
    assert named == set(SCHEMA.names)


def test_the_readme_names_every_telemetry_switch() -> None:
    assert [name for name in environment.TELEMETRY_OFF if f"`{name}`" not in TEXTS["README.md"]] == []


def test_the_runbook_has_a_line_for_every_exit_code() -> None:
    from tests.test_errors import TREE

    rows = re.findall(r"^\| (\d) \| (?:`(\w+)`)?", TEXTS["runbook.md"], re.MULTILINE)
    told = {name: int(code) for code, name in rows if name}
    assert told == {error.__name__: error.exit_code for error in TREE if error.exit_code > 1}


def test_the_first_screen_shows_both_commands() -> None:
    screen = "\n".join(TEXTS["README.md"].splitlines()[:40])
    assert "make demo" in screen
    assert "make test" in screen
    assert "Applications of 2026-11-02, revision 1: published" in screen

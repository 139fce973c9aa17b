"""docs/settings.md lists every setting with its limits and its default; WRITE_DOCS=1 writes it anew."""

import os
from collections.abc import Iterator, Mapping
from typing import Any, Final

from configs.settings import PROJECT, Settings

DOCUMENT: Final = PROJECT / "docs/settings.md"
HEAD: Final = """# Settings

Every setting, its limits and its default. A settings file names what differs from the defaults; it is chosen by
`--config`, else by `SCORING_CONFIG`, else it is `configs/local.yaml`. A variable `SCORING_<SECTION>__<FIELD>` wins over
the file. An unknown name or a wrong value ends the command with exit 2 before anything is done. Relative paths are
relative to the folder of the project, wherever a command runs. `SCORING_LOG=json` is not a
setting: it makes log lines JSON.

```yaml
storage:
  root: s3://my-bucket/scoring
scoring:
  chunk_rows: 65536
```

is the same as `SCORING_STORAGE__ROOT=s3://my-bucket/scoring SCORING_SCORING__CHUNK_ROWS=65536`."""
WORDS: Final = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "null": "null",
    "object": "names, each with another",
    "array": "list of texts",
}
LIMITS: Final = {"minimum": "from {}", "exclusiveMinimum": "above {}", "maximum": "to {}"}


def kinds(field: Mapping[str, Any]) -> Iterator[str]:
    """Types that a field takes, with their limits."""
    for each in field.get("anyOf", [field]):
        if "enum" in each:
            yield " or ".join(f"`{value}`" for value in each["enum"])
            continue
        limits = [LIMITS[name].format(number(each[name])) for name in LIMITS if name in each]
        if least := each.get("minLength"):
            limits.append("not empty" if least == 1 else f"of at least {least} characters")
        if pattern := each.get("pattern"):
            limits.append(f"that matches `{pattern}`")
        yield " ".join([WORDS[each["type"]], *limits])


def number(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def shown(value: object) -> str:
    """Default as a settings file would write it."""
    text = "null" if value is None else "[]" if value == [] else str(value)
    return f"`{text.lower() if isinstance(value, bool) else text}`"


def section(name: str, schema: Mapping[str, Any]) -> str:
    """Chapter of a section: what it is about, and a row for each field."""
    rows = [
        f"| `{field}` | {shown(each.get('default'))} | {', or '.join(kinds(each))} | {each['description']} |"
        for field, each in schema["properties"].items()
    ]
    head = ["| setting | default | allowed | meaning |", "| --- | --- | --- | --- |"]
    return "\n".join([f"## `{name}`", "", " ".join(schema["description"].split()), "", *head, *rows])


def document() -> str:
    schemas = Settings.model_json_schema()["$defs"]
    sections = [section(name, schemas[field.annotation.__name__]) for name, field in Settings.model_fields.items()]  # type: ignore[union-attr]
    return "\n\n".join([HEAD, *sections]) + "\n"


def test_the_document_lists_every_setting_as_it_is() -> None:
    text = document()
    if os.environ.get("WRITE_DOCS") == "1":
        DOCUMENT.write_text(text, "utf-8")
    assert DOCUMENT.read_text("utf-8") == text, "make docs writes it anew"


def test_every_field_is_in_it_with_a_meaning() -> None:
    text = document()
    for name, field in Settings.model_fields.items():
        for inner in field.default.__class__.model_fields.values():
            assert len(inner.description or "") > 10
        assert f"## `{name}`" in text
    assert "| `root` | `var/store` | text not empty | Folder, or s3://bucket/prefix." in text
    assert "| `engine` | `tables` | `tables` or `lightgbm` |" in text
    assert "| `max_quarantined_share` | `0.05` | number from 0 to 1 |" in text
    assert "| `kms_key` | `null` | text not empty, or null |" in text

"""The browser sees what is wrong with a page, so that a page without findings is one in order."""

from pathlib import Path

import pytest

from tests.browser.looking import SCREENS, Looker, Scheme

HEAD = '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>A page</title></head><body><main>'
GOOD = f"""{HEAD}<h1>A page</h1><p>With a word.</p>
<svg width="40" height="40" role="img" aria-label="A square"><rect width="30" height="30"></rect></svg>
<div style="overflow-x: auto" tabindex="0" role="region" aria-label="Wide"><p style="width: 2000px">wide</p></div>
<script>
const canvas = document.body.appendChild(document.createElement("canvas"));
canvas.getContext("2d").fillRect(5, 5, 9, 9);
</script></main></body></html>"""


def page(folder: Path, body: str) -> Path:
    path = folder / "page.html"
    path.write_text(body)
    return path


@pytest.mark.parametrize(("width", "scheme"), SCREENS)
def test_a_page_in_order_has_no_fault(browser: Looker, tmp_path: Path, width: int, scheme: Scheme) -> None:
    assert browser.look(page(tmp_path, GOOD), width, scheme).faults == []


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("errors", "<script>console.error('it broke')</script>"),
        ("errors", "<script>undefined.field</script>"),
        ("requests", '<link rel="stylesheet" href="https://example.invalid/style.css">'),
        ("requests", '<img src="beside.png" alt="a file beside" width="9" height="9">'),
        ("overflow", '<p style="width: 2000px">wide</p>'),
        ("overflow", '<p style="margin-left: -50px">left</p>'),
        ("overflow", '<div style="overflow-x: hidden"><p style="width: 2000px">cut</p></div>'),
        ("empty", '<svg width="40" height="40" role="img" aria-label="nothing"><g></g></svg>'),
        ("empty", "<canvas></canvas>"),
        ("empty", '<img src="data:," alt="nothing">'),
        ("barriers", '<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=" width="9" height="9">'),
        ("barriers", '<p style="color: #ccc; background: #fff">pale</p>'),
        ("barriers", '<details><summary>more</summary><p style="color: #ccc; background: #fff">pale</p></details>'),
    ],
)
def test_a_fault_is_seen(browser: Looker, tmp_path: Path, kind: str, body: str) -> None:
    seen = browser.look(page(tmp_path, f"{HEAD}<h1>A page</h1>{body}</main></body></html>"), 1400, "light")
    assert getattr(seen, kind), seen


def test_a_dark_page_is_seen_dark(browser: Looker, tmp_path: Path) -> None:
    style = "<style>@media (prefers-color-scheme: dark) { p { color: #222 } body { background: #000 } }</style>"
    dim = page(tmp_path, f"{HEAD}{style}<h1>A page</h1><p>dim</p></main></body></html>")
    assert browser.look(dim, 360, "light").barriers == ()
    assert any("color-contrast" in each for each in browser.look(dim, 360, "dark").barriers)

"""Pages looked at in a real browser: Debian's Chromium, driven by Playwright, judged by axe-core."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final, Literal, TypeVar
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from tests.house import ROOT

T = TypeVar("T")
Scheme = Literal["light", "dark"]
CHROMIUM: Final = shutil.which("chromium")
SCREENS: Final[list[tuple[int, Scheme]]] = [(1400, "light"), (1400, "dark"), (360, "light"), (360, "dark")]
"""Widths of a desk and of a telephone, in pixels, each in both schemes."""
_PICTURES: Final = ROOT / "var/browse"
_GRAVE: Final = {"serious", "critical"}
_RULES: Final = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
_INSIDE: Final = ("data:", "blob:")

_WIDE = """() => {
  const width = window.innerWidth;
  const scrolls = (node) => node && node !== document.documentElement && node !== document.body
    && (/auto|scroll/.test(getComputedStyle(node).overflowX) || scrolls(node.parentElement));
  const told = (node, box) => `${node.tagName.toLowerCase()}.${node.getAttribute("class") || ""} reaches from `
    + `${Math.round(box.left)} to ${Math.round(box.right)}: ${(node.textContent || "").trim().slice(0, 40)}`;
  const found = [];
  if (document.documentElement.scrollWidth > width)
    found.push(`the page is ${document.documentElement.scrollWidth} wide`);
  for (const node of document.body.querySelectorAll("*")) {
    if (node.ownerSVGElement || !node.checkVisibility({visibilityProperty: true})) continue;
    const box = node.getBoundingClientRect();
    if (box.width > 1 && box.height > 1 && (box.right > width + 1 || box.left < -1) && !scrolls(node.parentElement))
      found.push(told(node, box));
  }
  return found;
}"""
"""What is wider than the screen. A part that scrolls by itself may hold more than it shows."""

_EMPTY = """() => {
  const marks = "path,rect,circle,ellipse,line,polyline,polygon,text,image,use";
  const hasSize = (node) => { const box = node.getBoundingClientRect(); return box.width > 0 || box.height > 0; };
  const isBlank = (canvas) => {
    const blank = Object.assign(document.createElement("canvas"), {width: canvas.width, height: canvas.height});
    return !canvas.width || !canvas.height || canvas.toDataURL() === blank.toDataURL();
  };
  const isEmpty = {
    svg: (node) => !hasSize(node) || ![...node.querySelectorAll(marks)].some(hasSize),
    img: (node) => !hasSize(node) || !node.naturalWidth,
    canvas: (node) => !hasSize(node) || isBlank(node),
  };
  return [...document.querySelectorAll("svg,img,canvas")]
    .filter((node) => node.checkVisibility() && !node.ownerSVGElement && isEmpty[node.tagName.toLowerCase()](node))
    .map((node) => node.outerHTML.slice(0, 120));
}"""
"""Pictures in which nothing is drawn."""


@dataclass(frozen=True)
class Seen:
    """Faults of a page on one screen; all empty on a page in order."""

    errors: tuple[str, ...]
    """Errors and warnings in the browser's console."""
    requests: tuple[str, ...]
    """Requests for anything that the page, or the server it came from, does not hold."""
    overflow: tuple[str, ...]
    """Parts wider than the screen."""
    empty: tuple[str, ...]
    """Pictures in which nothing is drawn."""
    barriers: tuple[str, ...]
    """Findings of axe-core that are serious or critical."""

    @property
    def faults(self) -> list[str]:
        """All of them, each with its kind."""
        return [f"{kind.name}: {each}" for kind in fields(self) for each in getattr(self, kind.name)]


class Looker:
    """A browser in a thread of its own: Playwright leaves its event loop running where it works."""

    def __init__(self, browser: Browser, thread: ThreadPoolExecutor) -> None:
        self._browser, self._thread = browser, thread

    def look(self, address: Path | str, width: int, scheme: Scheme) -> Seen:
        """Open a file or an address on a screen, with all its folds open, and return its faults.

        With `BROWSE=1` a picture of it is kept under `var/browse/`.
        """
        return self.visit(address, width, scheme, lambda _: None)

    def visit(
        self, address: Path | str, width: int, scheme: Scheme, act: Callable[[Page], None], *, name: str = ""
    ) -> Seen:
        """The same after `act` has waited, clicked or typed; `name` tells pictures of one address apart."""
        return self._thread.submit(self._visit, address, width, scheme, act, name).result()

    def _visit(self, address: Path | str, width: int, scheme: Scheme, act: Callable[[Page], None], name: str) -> Seen:
        where = address.resolve().as_uri() if isinstance(address, Path) else address
        errors, requests = list[str](), list[str]()
        with self._browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce"
        ) as context:
            page = context.new_page()
            page.on("console", lambda said: errors.append(said.text) if said.type in {"error", "warning"} else None)
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.on("request", lambda request: requests.append(request.url))
            page.goto(where)
            act(page)
            page.evaluate("() => document.querySelectorAll('details').forEach((each) => { each.open = true; })")
            seen = Seen(
                errors=tuple(errors),
                requests=tuple(each for each in requests if not _is_own(each, where)),
                overflow=tuple(page.evaluate(_WIDE)),
                empty=tuple(page.evaluate(_EMPTY)),
                barriers=tuple(_barriers(page)),
            )
            if os.environ.get("BROWSE"):
                told = name or re.sub(r"\W+", "-", Path(urlsplit(where).path).stem) or "page"
                page.screenshot(path=_PICTURES / f"{told}-{width}-{scheme}.png", full_page=True)
        return seen


def _is_own(request: str, page: str) -> bool:
    """True for what the page holds itself, and for what comes from the server it came from."""
    of_page, of_request = urlsplit(page), urlsplit(request)
    is_served = of_page.scheme != "file" and of_request.netloc == of_page.netloc
    return request.startswith(_INSIDE) or request.partition("#")[0] == page.partition("#")[0] or is_served


def _barriers(page: Page) -> Iterator[str]:
    for each in Axe().run(page, options=_RULES).response["violations"]:
        if each["impact"] in _GRAVE:
            for node in each["nodes"]:
                yield f"{each['id']} ({each['impact']}): {node['html'][:160]}; {node['failureSummary']}"


@contextmanager
def looking() -> Iterator[Looker]:
    """A browser, closed in the end."""
    with ThreadPoolExecutor(1, thread_name_prefix="browser") as thread:
        playwright = thread.submit(lambda: sync_playwright().start()).result()
        try:
            browser = thread.submit(lambda: playwright.chromium.launch(executable_path=CHROMIUM)).result()
            try:
                yield Looker(browser, thread)
            finally:
                thread.submit(browser.close).result()
        finally:
            thread.submit(playwright.stop).result()

"""Pages as a browser reads them."""

from html.parser import HTMLParser

VOID = {"meta", "br", "link", "img", "input", "hr"}


class Page(HTMLParser):
    """A page as a browser reads it: its words, its tags, its rows of tables."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.text, self.rows = "", list[str]()
        self.tags, self.open = list[tuple[str, dict[str, str | None]]](), list[str]()
        self.feed(page.decode())
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data
        if "tr" in self.open:
            self.rows[-1] += f" {data}"

    def cells(self, first: str) -> str:
        """Words of the first row that begins so, one space between them."""
        return next(row for row in (" ".join(each.split()) for each in self.rows) if f"{row} ".startswith(f"{first} "))

"""HTML as a browser without script reads it: the elements and words of a page, in its order."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"})


@dataclass(eq=False)
class Element:
    """One element; `parents` are those around it, outermost first."""

    tag: str
    attributes: dict[str, str]
    parents: tuple["Element", ...] = field(default=(), repr=False)
    words: list[str] = field(default_factory=list, repr=False)
    """All the words of the page; this element's part is from `begins` to `ends`."""
    begins: int = field(default=0, repr=False)
    ends: int | None = field(default=None, repr=False)

    def get(self, name: str, default: str = "") -> str:
        """Return the value of an attribute."""
        return self.attributes.get(name, default)

    @property
    def classes(self) -> set[str]:
        return set(self.get("class").split())

    @property
    def written(self) -> str:
        """Return all the text inside, with its spaces."""
        return "".join(self.words[self.begins : self.ends])

    @property
    def text(self) -> str:
        """Return all the text inside, on one line."""
        return " ".join(self.written.split())

    def inside(self, tag: str) -> "Element | None":
        """Return the nearest element of this tag around it."""
        return next((parent for parent in reversed(self.parents) if parent.tag == tag), None)


class _Reader(HTMLParser):
    def __init__(self, *, is_strict: bool) -> None:
        super().__init__()
        self._is_strict = is_strict
        self._words: list[str] = []
        self.open: list[Element] = []
        self.nodes: list[Element | str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        element = Element(tag, attributes, tuple(self.open), self._words, len(self._words))
        self.nodes.append(element)
        if tag in VOID:
            element.ends = element.begins
        else:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._is_strict:
            assert self.open, f"</{tag}> closes nothing"
            assert self.open[-1].tag == tag, f"</{tag}> where <{self.open[-1].tag}> is open"
        while any(element.tag == tag for element in self.open):
            element = self.open.pop()
            element.ends = len(self._words)
            if element.tag == tag:
                return

    def handle_data(self, data: str) -> None:
        self._words.append(data)
        self.nodes.append(data)


def nodes(html: str) -> list[Element | str]:
    """Return every element as it begins, and the words between them."""
    reader = _Reader(is_strict=False)
    reader.feed(html)
    return reader.nodes


def elements(html: str, *, is_strict: bool = False) -> list[Element]:
    """Return every element in order; a strict reader fails on tags that do not nest."""
    reader = _Reader(is_strict=is_strict)
    reader.feed(html)
    assert not (is_strict and reader.open), f"left open: {reader.open}"
    return [node for node in reader.nodes if isinstance(node, Element)]

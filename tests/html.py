"""HTML as a browser without script reads it: the elements and words of a page, in its order."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

from selectolax.lexbor import LexborHTMLParser, LexborNode

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


class _Nesting(HTMLParser):
    """Fails on a tag that closes nothing, or not what is open: browsers put such a page right in silence."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open[-1] == tag, f"</{tag}> where <{self.open[-1]}> is open"
        self.open.pop()


def nodes(html: str) -> list[Element | str]:
    """Return every element of a page or of a part of one as it begins, and the words between them."""
    found: list[Element | str] = []
    words: list[str] = []

    def read(node: LexborNode, parents: tuple[Element, ...]) -> None:
        if node.is_text_node:
            words.append(node.text_content or "")
            found.append(words[-1])
        elif node.is_element_node:
            attributes = {name: value or "" for name, value in node.attributes.items()}
            element = Element(node.tag or "", attributes, parents, words, len(words))
            found.append(element)
            for child in node.iter(include_text=True):
                read(child, (*parents, element))
            element.ends = len(words)

    if html.lstrip()[:9].lower() == "<!doctype":
        read(LexborHTMLParser(html).root, ())
    else:
        for node in LexborHTMLParser(f"<!doctype html><body>{html}").body.iter(include_text=True):
            read(node, ())
    return found


def elements(html: str, *, is_strict: bool = False) -> list[Element]:
    """Return every element in order; a strict reader fails on tags that do not nest."""
    if is_strict:
        nesting = _Nesting()
        nesting.feed(html)
        assert not nesting.open, f"left open: {nesting.open}"
    return [node for node in nodes(html) if isinstance(node, Element)]

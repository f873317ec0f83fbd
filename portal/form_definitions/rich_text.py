"""Authors' Markdown as safe HTML: no raw HTML, no images, links only to web, e-mail and telephone addresses."""

import re
from functools import lru_cache

import nh3
from markdown_it import MarkdownIt
from markupsafe import Markup

from portal.form_definitions.definition import ForeignText

_LINK = re.compile(r"(https?://|mailto:|tel:|/(?!/)|#)", re.IGNORECASE)


class _Markdown(MarkdownIt):
    def validateLink(self, url: str) -> bool:  # noqa: N802 - the library's name
        """Return whether a link is allowed; others stay as they were typed."""
        return bool(_LINK.match(url))


_MARKDOWN = _Markdown("commonmark", {"html": False}).disable("image")
_CLASSES = {
    "p": {"class": "govuk-body"},
    "a": {"class": "govuk-link"},
    "ul": {"class": "govuk-list govuk-list--bullet"},
    "ol": {"class": "govuk-list govuk-list--number"},
}
_TAGS = {"p", "a", "ul", "ol", "li", "strong", "em", "br", "h2", "h3", "h4", "code", "blockquote", "hr"}


def rich_text(markdown: str) -> Markup:
    """Return a Markdown text as HTML; first-level headings become second-level ones, as the page has its own."""
    html = _cleaned(str(markdown))
    if isinstance(markdown, ForeignText):
        return Markup('<div lang="{}">{}</div>').format(markdown.language, html)
    return html


@lru_cache(maxsize=1024)
def _cleaned(markdown: str) -> Markup:
    html = _MARKDOWN.render(markdown).replace("<h1>", "<h2>").replace("</h1>", "</h2>")
    clean = nh3.clean(
        html,
        tags=_TAGS,
        attributes={"*": set(), "a": {"href"}},
        set_tag_attribute_values=_CLASSES,
        url_schemes={"http", "https", "mailto", "tel"},
        link_rel="noopener",
    )
    return Markup(clean)  # noqa: S704 - cleaned by nh3 just above

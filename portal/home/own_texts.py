"""What an administrator wrote for a public page, in place of the portal's own words."""

from markupsafe import Markup

from portal.form_definitions.definition import ForeignText
from portal.form_definitions.rich_text import rich_text
from portal.site_settings.interface import settings
from portal.site_settings.times import language
from portal.web.languages import DEFAULT


def own_text(page: str) -> Markup | None:
    """The text of a page as safe HTML, in the reader's language or else marked as English; None where none was written.

    `page` is the first word of its settings, such as `privacy` of `privacy_text` and `privacy_text_cy`.
    """
    english = getattr(settings(), f"{page}_text")
    if language() == DEFAULT:
        return rich_text(english) if english else None
    own = getattr(settings(), f"{page}_text_{language()}", "")
    if own or not english:
        return rich_text(own) if own else None
    return rich_text(ForeignText(english, DEFAULT))

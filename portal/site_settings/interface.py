"""The settings in force in this request, read once."""

from flask import g

from portal.site_settings.definition import Settings
from portal.site_settings.queries import current_settings
from portal.web.unit_of_work import reading


def settings() -> Settings:
    """The settings of this request; a session's own query may have brought them already (`bring`)."""
    if "settings" not in g:
        g.settings = current_settings(reading())
    found: Settings = g.settings
    return found


def bring(found: Settings) -> None:
    """Take the settings that another query of this request brought along."""
    g.settings = found

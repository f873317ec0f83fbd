"""A section page that represents all section pages: real layout, real macros, real session; it stores nothing."""

from dataclasses import dataclass, field

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from portal.site_settings.current import clock_time
from portal.web.declarations import Access, Activity, access, activity
from portal.web.unit_of_work import now

blueprint = Blueprint("probe", __name__, template_folder="templates")
SECTION = "/probe/section"
AUTOSAVE = "/probe/autosave"


@dataclass
class Band:
    """The band of the probe page."""

    title: str = "Apply for housing support"
    position: str = "Section 3 of 10"
    rows: list[object] = field(default_factory=list)
    all_sections_href: str = SECTION
    saved: str | None = None


@dataclass
class Guest:
    """The visitor whom the header names."""

    name: str = ""
    is_guest: bool = True
    kind: str = "customer"
    role: str | None = None


class Revisions:
    """The revision of the only section, as a draft would count it."""

    latest = 1


@blueprint.get(SECTION)
@access(Access.DRAFT_OWNER)
@activity(Activity.LOAD)
def section() -> ResponseReturnValue:
    """Show a section page; loading it counts as loading a form."""
    return render_template("probe/section.html", band=Band(), viewer=Guest(), revision=Revisions.latest)


@blueprint.post(SECTION)
@access(Access.DRAFT_OWNER)
@activity(Activity.CONTINUE_SECTION)
def continue_section() -> ResponseReturnValue:
    """Continue to a page that says so."""
    band = Band(position="Received")
    return render_template("probe/section.html", band=band, viewer=Guest(), revision=Revisions.latest)


@blueprint.get("/probe/public")
@access(Access.PUBLIC)
@activity(Activity.NONE)
def public() -> ResponseReturnValue:
    """Show a page without a session."""
    return render_template("probe/public.html", viewer=None, clock=None)


@blueprint.post(AUTOSAVE)
@access(Access.DRAFT_OWNER)
@activity(Activity.AUTOSAVE)
def autosave() -> ResponseReturnValue:
    """Answer an autosave."""
    Revisions.latest += 1
    saved = clock_time(now())
    return f'<span data-saved="{saved}" data-revision="{Revisions.latest}">Saved {saved}</span>'

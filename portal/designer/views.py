"""Forms for administrators: their versions, what the newest does to open drafts, any two compared, and downloads."""

from flask import Blueprint, Response, abort, render_template, request
from flask.typing import ResponseReturnValue

from portal.designer.impact import impact, impact_lines
from portal.designer.pages import compared, version_rows
from portal.designer.queries import open_drafts_by_version, publishers
from portal.form_definitions.export import as_json, as_yaml
from portal.form_definitions.queries import current_versions, definition_of, numbered_version, versions_of
from portal.site_settings.times import language, today
from portal.web.declarations import Access, Activity, access, activity
from portal.web.portal import portal
from portal.web.unit_of_work import db, now

blueprint = Blueprint("designer", __name__)
_FORMATS = {"yaml": (as_yaml, "application/yaml"), "json": (as_json, "application/json")}


@blueprint.get("/admin/self/forms")
@access(Access.ADMINISTRATOR)
@activity(Activity.NAVIGATE)
def show_forms() -> ResponseReturnValue:
    """Every form with its current version."""
    versions = current_versions(db())
    counts = open_drafts_by_version(db(), now=now())
    rows = version_rows(versions, publishers(db(), versions), counts, has_titles=True)
    return render_template("designer/forms.html", rows=rows)


@blueprint.get("/admin/self/forms/<slug>")
@access(Access.ADMINISTRATOR)
@activity(Activity.NAVIGATE)
def show_form(slug: str) -> ResponseReturnValue:
    """The versions of one form, what the newest does to open drafts, and two of them compared."""
    versions = versions_of(db(), slug) or abort(404)
    counts = open_drafts_by_version(db(), now=now())
    found = impact(db(), versions, keyring=portal().configuration.keyring, now=now(), today=today())
    older, newer = request.args.get("older", type=int), request.args.get("newer", type=int)
    return render_template(
        "designer/form.html",
        title=definition_of(versions[0]).title.in_(language()),
        slug=slug,
        rows=version_rows(versions, publishers(db(), versions), counts),
        impact=impact_lines(found),
        compared=compared(versions, older, newer),
        older=older or (versions[1].number if len(versions) > 1 else None),
        newer=newer or versions[0].number,
    )


@blueprint.get("/admin/self/forms/<slug>/<int:number>.<ending>")
@access(Access.ADMINISTRATOR)
@activity(Activity.NAVIGATE)
def download(slug: str, number: int, ending: str) -> ResponseReturnValue:
    """One version as a file that can be published again."""
    version = numbered_version(db(), slug, number) if ending in _FORMATS and number < 2**31 else None
    if version is None:
        abort(404)
    write, kind = _FORMATS[ending]
    name = f"{version.form_id}-{version.number}.{ending}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(write(definition_of(version)), content_type=f"{kind}; charset=utf-8", headers=headers)

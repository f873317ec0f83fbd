"""`make translations`: collect the citizen's texts from the sources, lay them into each catalogue, and compile it."""

import io
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_file
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from portal.web.languages import DEFAULT, LANGUAGES

ROOT = Path(__file__).resolve().parents[2]
CATALOGUES = ROOT / "portal" / "translations"
METHODS = {".py": "python", ".html": "jinja2", ".txt": "jinja2"}
KEYWORDS = {**DEFAULT_KEYWORDS, "lazy_gettext": None, "mark": None}
OPTIONS = {"trim_blocks": "true", "lstrip_blocks": "true", "silent": "false"}
FOR_STAFF = (
    "portal/admin/",
    "portal/commands/",
    "portal/designer/",
    "portal/form_definitions/versions/comparison.py",
    "portal/hub/",
    "portal/site_settings/definition.py",
    "portal/site_settings/rules.py",
    "templates/admin/",
    "templates/components/exports.html",
    "templates/components/list_pages.html",
    "templates/components/ranked_bars.html",
    "templates/components/share_bar.html",
    "templates/components/time_bar.html",
    "templates/components/warning_preview.html",
    "templates/designer/",
    "templates/hub/",
    "templates/layouts/staff.html",
)
"""Pages that only staff see; they stay in the default language."""


def texts() -> Catalog:
    """Every text that a citizen may read, with the files it stands in."""
    found = Catalog()
    for path in _sources():
        name = path.relative_to(ROOT).as_posix()
        for _line, message, comments, context in extract_from_file(
            METHODS[path.suffix], path, keywords=KEYWORDS, options=OPTIONS
        ):
            found.add(message, locations=[(name, 0)], auto_comments=comments, context=context)
    return found


def _sources() -> Iterator[Path]:
    for folder in ("portal", "templates"):
        for path in sorted((ROOT / folder).rglob("*")):
            name = path.relative_to(ROOT).as_posix()
            if path.suffix in METHODS and not name.startswith(FOR_STAFF) and path.name != "commands.py":
                yield path


def source_file(code: str) -> Path:
    """The catalogue of a language that translators edit; the one that the portal reads stands beside it as `.mo`."""
    return CATALOGUES / code / "LC_MESSAGES" / "messages.po"


def read_catalogue(code: str) -> Catalog:
    """The catalogue of a language as it stands."""
    with source_file(code).open("rb") as file:
        return read_po(file, locale=code)


def brought_up_to_date(code: str) -> Catalog:
    """The catalogue with exactly the texts that the sources have now; what is new has no translation yet."""
    catalogue = read_catalogue(code)
    dates = catalogue.creation_date, catalogue.revision_date
    catalogue.update(texts(), no_fuzzy_matching=True, update_header_comment=False)
    catalogue.creation_date, catalogue.revision_date = dates
    return catalogue


def as_source(catalogue: Catalog) -> bytes:
    """The bytes of the file that translators edit."""
    file = io.BytesIO()
    write_po(file, catalogue, width=120, ignore_obsolete=True, sort_by_file=True, include_lineno=False)
    return file.getvalue()


def as_compiled(catalogue: Catalog) -> bytes:
    """The bytes of the file that the portal reads."""
    file = io.BytesIO()
    write_mo(file, catalogue)
    return file.getvalue()


def untranslated(catalogue: Catalog) -> list[str]:
    """The texts that lack a translation, or one of its plural forms."""
    return [str(message.id) for message in catalogue if message.id and not _is_translated(message.string)]


def _is_translated(string: str | tuple[str, ...] | list[str] | None) -> bool:
    return bool(string if isinstance(string, str) else string and all(string))


def main() -> None:
    """Bring every catalogue up to date and compile it; say what is left to translate."""
    for code in LANGUAGES:
        if code == DEFAULT:
            continue
        catalogue = brought_up_to_date(code)
        source_file(code).write_bytes(as_source(catalogue))
        source_file(code).with_suffix(".mo").write_bytes(as_compiled(read_catalogue(code)))
        missing = untranslated(catalogue)
        print("\n".join([f"{code}: {len(missing)} texts without a translation", *missing]))  # noqa: T201


if __name__ == "__main__":
    main()

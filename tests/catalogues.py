"""The catalogues of the portal's texts, read for tests."""

from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

CATALOGUES = Path(__file__).resolve().parent.parent / "portal" / "translations"


def read_catalogue(code: str, folder: Path = CATALOGUES) -> Catalog:
    """Return the texts of the portal with their translations into a language."""
    with (folder / code / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return read_po(file, locale=code)

"""Which storage an installation has, by the scheme of `STORAGE_URL`."""

from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from portal.config import Configuration
from portal.storage.definition import Storage
from portal.storage.folder import FolderStorage

ADAPTERS: Mapping[str, Callable[[Configuration], Storage]] = {
    "file": lambda configuration: FolderStorage(configuration.storage_dir),
}


def open_storage(configuration: Configuration) -> Storage:
    """The storage; its schemes are those that the configuration lets through."""
    return ADAPTERS[urlsplit(configuration.storage_url).scheme](configuration)

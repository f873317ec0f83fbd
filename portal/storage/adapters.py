"""Adapters of the file storage, and the choice of the configured one."""

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

from portal.config import Configuration
from portal.errors import ConfigurationError
from portal.storage.definition import Storage


class FolderStorage:
    """Files in sub-folders by the first two digits of their names, so that no folder grows too large."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, name: str, chunks: Iterable[bytes]) -> None:
        """Write a temporary file, flush it to the disk, rename it, and flush the folder that now names it."""
        path = self._path(name)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            with os.fdopen(os.open(_aside(path), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.writelines(chunks)
                file.flush()
                os.fsync(file.fileno())
            _aside(path).rename(path)
        except BaseException:
            self.delete(name)
            raise
        _flush_folder(path.parent)

    def open(self, name: str) -> BinaryIO:
        """Open the file to read; raise `FileNotFoundError` if there is none."""
        return self._path(name).open("rb")

    def delete(self, name: str) -> None:
        """Delete the file, whether it was finished or not."""
        path = self._path(name)
        path.unlink(missing_ok=True)
        _aside(path).unlink(missing_ok=True)

    def check(self) -> None:
        """Raise `ConfigurationError` if the folder cannot be made or written to."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as reason:
            raise ConfigurationError(f"STORAGE_URL: the folder {self._folder} cannot be made.") from reason
        if not os.access(self._folder, os.W_OK | os.X_OK):
            raise ConfigurationError(f"STORAGE_URL: the folder {self._folder} cannot be written to.")

    def _path(self, name: str) -> Path:
        return self._folder / name[:2] / name


def _aside(path: Path) -> Path:
    return path.with_name(f"{path.name}.part")


def _flush_folder(folder: Path) -> None:
    """Flush a folder to the disk; a rename is safe only after that."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


ADAPTERS: Mapping[str, Callable[[Configuration], Storage]] = {
    "file": lambda configuration: FolderStorage(configuration.storage_dir),
}


def open_storage(configuration: Configuration) -> Storage:
    """Return the configured storage; the configuration accepts no other schemes."""
    return ADAPTERS[urlsplit(configuration.storage_url).scheme](configuration)

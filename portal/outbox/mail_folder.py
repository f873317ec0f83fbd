"""Mail as files, one `.eml` a message: for trying the portal out, and for tests."""

import os
from datetime import datetime
from pathlib import Path

from portal.outbox.definition import DeliveryError, Failure, Mail


def put_into_folder(folder: Path, mail: Mail, *, public_id: str, created_at: datetime) -> None:
    """Write one mail as a file whose name sorts by time; the same mail again replaces itself.

    Raises `DeliveryError` where the folder cannot be written.
    """
    name = f"{created_at:%Y%m%dT%H%M%S.%fZ}-{public_id}.eml"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write_aside(folder / f".{name}", mail.content.encode()).replace(folder / name)
    except OSError as reason:
        raise DeliveryError(Failure.AWAY, f"The mail folder cannot be written ({type(reason).__name__})") from reason


def _write_aside(path: Path, content: bytes) -> Path:
    """Whole and on the disk before it has its name, so that nobody ever reads half a mail."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return path

"""Archives judged by their table of contents: how far they would unpack, and whether they are what they claim.

Nothing is unpacked but an OpenDocument's first member, which is a line long.
"""

import zipfile
from typing import BinaryIO

from portal.form_definitions.answers import InvalidAnswerError
from portal.form_definitions.file_kinds import MEGABYTE, TYPE_MEMBER, FileKind

LARGEST_TABLE = 512 * 1024
"""Bytes of the table of contents: Python needs some twenty times as much to read it."""
LARGEST_UNPACKED = 500 * MEGABYTE
LARGEST_RATIO = 150
RATIO_COUNTS_FROM = 20 * MEGABYTE
"""Small things pack well: a ratio alone condemns no empty spreadsheet."""
END = b"PK\x05\x06"
END_BYTES = 22
LONGEST_COMMENT = 65_535
MOST_NESTED = 10
_NESTED = (".zip", ".docx", ".xlsx", ".jar", ".7z", ".rar", ".gz", ".tar", ".bz2", ".xz")
_ENCRYPTED = 0x1


def judge_archive(file: BinaryIO, size: int, kind: FileKind, name: str) -> None:
    """Raise `InvalidAnswerError` where an archive is damaged, would unpack without end, or is something else."""
    try:
        _judge_table(file, size, name)
        with zipfile.ZipFile(file) as archive:
            _judge_members(archive, kind, name)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError, ValueError) as reason:
        raise InvalidAnswerError("damaged", name=name) from reason


def tail_of(file: BinaryIO, size: int) -> bytes:
    """The part of a file in which the end of an archive's table of contents would stand."""
    file.seek(max(0, size - END_BYTES - LONGEST_COMMENT))
    return file.read(END_BYTES + LONGEST_COMMENT)


def _judge_table(file: BinaryIO, size: int, name: str) -> None:
    """Python reads the whole table at once, so that its size is judged first."""
    tail = tail_of(file, size)
    end = tail[tail.rfind(END) :]
    if tail.count(END) != 1 or len(end) < END_BYTES:
        raise InvalidAnswerError("damaged", name=name)
    if int.from_bytes(end[12:16], "little") > LARGEST_TABLE:
        raise InvalidAnswerError("unpacked", name=name)


def _judge_members(archive: zipfile.ZipFile, kind: FileKind, name: str) -> None:
    members = archive.infolist()
    unpacked = sum(member.file_size for member in members)
    packed = sum(member.compress_size for member in members)
    swells = unpacked > RATIO_COUNTS_FROM and unpacked > LARGEST_RATIO * max(packed, 1)
    if unpacked > LARGEST_UNPACKED or swells or _holds_archives(members):
        raise InvalidAnswerError("unpacked", name=name)
    if any(member.flag_bits & _ENCRYPTED for member in members):
        raise InvalidAnswerError("locked", name=name)
    names = [member.filename for member in members]
    if any(each.lower().endswith("vbaproject.bin") for each in names):
        raise InvalidAnswerError("macros", name=name)
    if kind.member and not _is_of_kind(archive, names, kind):
        raise InvalidAnswerError("content", name=name)


def _holds_archives(members: list[zipfile.ZipInfo]) -> bool:
    """Whether archives are packed in it: what those unpack to is not told. Office documents embed a few at most."""
    return sum(member.filename.lower().endswith(_NESTED) for member in members) > MOST_NESTED


def _is_of_kind(archive: zipfile.ZipFile, names: list[str], kind: FileKind) -> bool:
    if kind.member == TYPE_MEMBER:
        is_line = TYPE_MEMBER in names and archive.getinfo(TYPE_MEMBER).file_size <= len(kind.media_type)
        return is_line and archive.read(TYPE_MEMBER).decode("ascii", "replace") == kind.media_type
    return "[Content_Types].xml" in names and any(each.startswith(kind.member) for each in names)

"""Judge a file by its content and its name."""

import codecs
import re
import unicodedata
import zipfile
import zlib
from collections.abc import Sequence
from typing import BinaryIO

from portal.form_definitions.types.answers import InvalidAnswerError
from portal.form_definitions.types.files import FILE_KINDS, MEGABYTE, TYPE_MEMBER, FileKind
from portal.storage.locks import find, is_locked, is_locked_package

LONGEST_FILE_NAME = 100
_SEPARATORS = re.compile(r"[/\\]")
_SPACES = re.compile(r"\s+")
_DASHED = re.compile(r'[<>:"|?*\uf020-\uf027]')
"""What Windows does not allow in a name, and what a Mac writes for it on a network drive."""
_JOINERS = "\u200c\u200d"
"""They shape letters and emoji, so they stay inside a name."""
_DEVICES = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])(?=[ .]|$)", re.IGNORECASE)
"""Names that Windows gives to devices; no file there can have one, whatever its ending."""
LARGEST_PIXELS = 250_000_000
"""More than the 200 megapixels of the largest phone cameras."""
LONGEST_SIDE = 60_000
_PILLOW_FORMATS = {
    "image/jpeg": ("JPEG", "MPO"),
    "image/png": ("PNG",),
    "image/gif": ("GIF",),
    "image/webp": ("WEBP",),
    "image/tiff": ("TIFF",),
    "image/bmp": ("BMP", "DIB"),
}
_HEIF_HEAD = 256 * 1024
LARGEST_TABLE = 512 * 1024
"""Bytes of an archive's table of contents; Python needs about twenty times as much memory to read it."""
LARGEST_UNPACKED = 500 * MEGABYTE
LARGEST_RATIO = 150
RATIO_COUNTS_FROM = 20 * MEGABYTE
"""Bytes. Small files pack well, so the ratio alone refuses nothing below this size, such as an empty spreadsheet."""
END = b"PK\x05\x06"
END_BYTES = 22
LOCATOR_64 = b"PK\x06\x07"
LOCATOR_BYTES = 20
END_64_BYTES = 56
LONGEST_COMMENT = 65_535
MOST_NESTED = 10
_NESTED = (".zip", ".docx", ".xlsx", ".jar", ".7z", ".rar", ".gz", ".tar", ".bz2", ".xz")
_ENCRYPTED = 0x1
HEAD = 40_000
"""How many bytes from the beginning of a file puremagic may read."""
FOOT = 1024
_HEIF = frozenset("heic heix hevc hevx heim heis hevm hevs mif1 msf1".split())  # noqa: SIM905
_FTYP_BRANDS = {
    "image/heic": _HEIF,
    "image/heif": _HEIF,
    "video/mp4": frozenset([*"isom iso2 iso4 iso5 iso6 mp41 mp42 avc1 dash 3gp4 3gp5".split(), "M4V "]),  # noqa: SIM905
    "video/quicktime": frozenset({"qt  "}),
}
"""Brands of files that begin with a `ftyp` box; puremagic knows only some of them."""
_AVIF = frozenset({"avif", "avis"})
"""Pictures of another kind, which are made like HEIC and say so."""
_XML = b"<?xml"
"""Begins a page that browsers run; in a picture it only begins what a camera or program says of it."""
_MARKUP = (b"<!doctype html", b"<html", b"<script", b"<svg", b"<?php", _XML)
_MARKUP_WITHIN = 1024
_BEFORE_PDF = b"\xef\xbb\xbf \t\r\n\0"
"""What programs write before a PDF; every reader passes over it."""
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\f\r\x1b"))
_PIECE = 64 * 1024


def clean_name(name: str) -> str:
    """Return a name to show and to download by.

    It has no folders, no characters that control text or that no font has, and none that Windows reserves; its ending
    stays when it is cut to `LONGEST_FILE_NAME`.
    """
    composed = unicodedata.normalize("NFC", _SEPARATORS.split(name)[-1])
    spaced = _SPACES.sub(" ", _DASHED.sub("-", composed))
    tidy = "".join(char for char in spaced if _is_shown(char)).strip(f" {_JOINERS}").rstrip(" .")
    stem, dot, ending = tidy.rpartition(".")
    stem, ending = (stem, f".{ending}") if dot else (tidy, "")
    stem = stem.strip(f" .{_JOINERS}") or "file"
    if _DEVICES.match(stem):
        stem = f"_{stem}"
    return (stem[: max(1, LONGEST_FILE_NAME - len(ending))].rstrip(f" .{_JOINERS}") + ending)[:LONGEST_FILE_NAME]


def _is_shown(char: str) -> bool:
    """Return whether a character may stay in a name; one that Python does not know yet is a new emoji or letter."""
    category = unicodedata.category(char)
    is_unknown = category == "Cn" and ord(char) & 0xFFFE != 0xFFFE and not 0xFDD0 <= ord(char) <= 0xFDEF
    return category[0] != "C" or char in _JOINERS or is_unknown


def judge_picture(file: BinaryIO, kind: FileKind, name: str) -> None:
    """Raise `InvalidAnswerError` if a picture is damaged, or too large to be shown once it is unpacked."""
    file.seek(0)
    formats = _PILLOW_FORMATS.get(kind.media_type)
    width, height = _size(file, formats, name) if formats else _heif_size(file.read(_HEIF_HEAD))
    if width * height > LARGEST_PIXELS or max(width, height) > LONGEST_SIDE:
        raise InvalidAnswerError("pixels", name=name)


def _size(file: BinaryIO, formats: tuple[str, ...], name: str) -> tuple[int, int]:
    from PIL import Image  # 2 MiB, for pictures only

    Image.MAX_IMAGE_PIXELS = None  # Pillow would warn at half of what we allow; the limit is judged here
    try:
        with Image.open(file, formats=formats) as picture:
            return picture.size
    except Exception as reason:  # a damaged header makes Pillow's readers fail in every way
        raise InvalidAnswerError("damaged", name=name) from reason


def _heif_size(head: bytes) -> tuple[int, int]:
    """Return the largest size that a HEIC file names (ISO 23008-12, `ispe`); Pillow cannot read this kind."""
    numbers = re.findall(rb"ispe.{4}(.{4})(.{4})", head, re.DOTALL)
    sizes = [(int.from_bytes(width, "big"), int.from_bytes(height, "big")) for width, height in numbers]
    return max(sizes, key=lambda size: size[0] * size[1], default=(0, 0))


def judge_archive(file: BinaryIO, size: int, kind: FileKind, name: str) -> None:
    """Raise `InvalidAnswerError` if an archive is damaged, unpacks to too much, or is of another kind."""
    try:
        _judge_table(file, size, name)
        with zipfile.ZipFile(file) as archive:
            _judge_members(archive, kind, name)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, OSError, EOFError, ValueError) as reason:
        raise InvalidAnswerError("damaged", name=name) from reason


def tail_of(file: BinaryIO, size: int) -> bytes:
    """Return the end of a file, in which the end record of an archive would be."""
    file.seek(max(0, size - END_BYTES - LONGEST_COMMENT))
    return file.read(END_BYTES + LONGEST_COMMENT)


def _judge_table(file: BinaryIO, size: int, name: str) -> None:
    """Refuse a table of contents that is too large, before Python reads all of it, or that does not end the file.

    A member that is an archive itself has an end record too. Only the file's own says that everything before it is the
    table and, from the first byte on, the members (APPNOTE 4.3.14 to 4.3.16).
    """
    tail = tail_of(file, size)
    at = tail.rfind(END)
    end, locator = tail[at : at + END_BYTES], tail[max(0, at - LOCATOR_BYTES) : at]
    table_ends, table_bytes, table_starts = size - len(tail) + at, _number(end[12:16]), _number(end[16:20])
    if at < 0 or len(end) < END_BYTES or len(tail) < at + END_BYTES + _number(end[20:22]):
        raise InvalidAnswerError("damaged", name=name)
    if locator.startswith(LOCATOR_64):
        table_ends = min(_number(locator[8:16]), size)
        file.seek(table_ends)
        end = file.read(END_64_BYTES)
        table_bytes, table_starts = _number(end[40:48]), _number(end[48:56])
    if table_starts + table_bytes != table_ends:
        raise InvalidAnswerError("damaged", name=name)
    if table_bytes > LARGEST_TABLE:
        raise InvalidAnswerError("unpacked", name=name)


def _number(data: bytes) -> int:
    return int.from_bytes(data, "little")


def _judge_members(archive: zipfile.ZipFile, kind: FileKind, name: str) -> None:
    members = archive.infolist()
    unpacked = sum(member.file_size for member in members)
    packed = sum(member.compress_size for member in members)
    swells = unpacked > RATIO_COUNTS_FROM and unpacked > LARGEST_RATIO * max(packed, 1)
    if unpacked > LARGEST_UNPACKED or swells or _holds_archives(members):
        raise InvalidAnswerError("unpacked", name=name)
    if any(member.flag_bits & _ENCRYPTED for member in members) or _hides_content(archive):
        raise InvalidAnswerError("locked", name=name)
    names = [member.filename for member in members]
    if any(each.lower().endswith("vbaproject.bin") for each in names):
        raise InvalidAnswerError("macros", name=name)
    if kind.member and not _is_of_kind(archive, names, kind):
        raise _not_real(name)


def _not_real(name: str) -> InvalidAnswerError:
    """Return the refusal of a file whose content is not of the kind that the ending of its name claims."""
    return InvalidAnswerError("content", name=name, kind=name.rpartition(".")[2].upper())


def _holds_archives(members: list[zipfile.ZipInfo]) -> bool:
    """Return whether there are many archives inside, whose unpacked size is unknown; Office documents embed a few."""
    return sum(member.filename.lower().endswith(_NESTED) for member in members) > MOST_NESTED


def _hides_content(archive: zipfile.ZipFile) -> bool:
    """Return whether an OpenDocument file needs a password: its list of members says how each is encrypted."""
    manifest = archive.NameToInfo.get("META-INF/manifest.xml")
    return manifest is not None and manifest.file_size <= LARGEST_TABLE and b"encryption-data" in archive.read(manifest)


def _is_of_kind(archive: zipfile.ZipFile, names: list[str], kind: FileKind) -> bool:
    if kind.member == TYPE_MEMBER:
        is_line = TYPE_MEMBER in names and archive.getinfo(TYPE_MEMBER).file_size <= len(kind.media_type)
        return is_line and archive.read(TYPE_MEMBER).decode("ascii", "replace") == kind.media_type
    return "[Content_Types].xml" in names and any(each.startswith(kind.member) for each in names)


def judge_file(file: BinaryIO, size: int, claimed: str | None, allowed: Sequence[str], name: str) -> str:
    """Return which of the `allowed` kinds a file of `size` bytes is; the kind that its name claims is tried first.

    Phones and programs convert a picture and leave its name, so that a photo is called IMG_1.HEIC and is a JPEG.
    Raise `InvalidAnswerError` if the file is of no such kind, not whole, locked or harmful. Text has no marks, so it
    is text only if its name says so; any Office file is an archive too, so that kind comes last.
    """
    marked = [kind for kind in allowed if FILE_KINDS[kind].sniffed and kind != claimed]
    first = [claimed] if claimed else []
    for kind in first + sorted(marked, key=lambda each: each == "zip"):
        try:
            _judge_as(file, size, FILE_KINDS[kind], name)
        except InvalidAnswerError as refusal:
            if refusal.key != "content":
                raise
        else:
            return kind
    raise _not_real(name)


def _judge_as(file: BinaryIO, size: int, kind: FileKind, name: str) -> None:
    """Raise `InvalidAnswerError` if a file is not whole, locked, harmful, or not of this kind."""
    file.seek(0)
    head = file.read(HEAD)
    if kind.sniffed:
        _judge_content(file, size, head, kind, name)
    else:
        _judge_text(file, head, name)
    if is_locked(file, head, kind):
        raise InvalidAnswerError("locked", name=name)
    if kind.is_archive:
        judge_archive(file, size, kind, name)
    if kind.is_picture:
        judge_picture(file, kind, name)


def _judge_content(file: BinaryIO, size: int, head: bytes, kind: FileKind, name: str) -> None:
    file.seek(max(0, size - FOOT))
    foot = file.read(FOOT)
    if kind.is_archive and is_locked_package(file, head):
        raise InvalidAnswerError("locked", name=name)
    if not (_sniffed(head, foot) & kind.sniffed or _has_brand(head, kind)) or find(file, kind.marker) < 0:
        raise _not_real(name)
    if _is_two_kinds(file, size, head, kind):
        raise InvalidAnswerError("mixed", name=name)


def _sniffed(head: bytes, foot: bytes) -> set[str]:
    """Return the endings that such content may have."""
    import puremagic  # 1 MiB, once somebody sends a file

    try:
        begun = head.lstrip(_BEFORE_PDF) if b"%PDF-" in head[:_MARKUP_WITHIN] else head
        found = puremagic.magic_string(begun if len(head) < HEAD else begun + foot)
    except puremagic.PureError:
        return set()
    return {match.extension for match in found}


def _has_brand(head: bytes, kind: FileKind) -> bool:
    """Return whether a `ftyp` box names a brand of the kind, as its own or as one of the brands that it fits."""
    if head[4:8] != b"ftyp":
        return False
    box = head[8 : min(int.from_bytes(head[:4], "big"), _MARKUP_WITHIN)]
    named = {box[at : at + 4].decode("ascii", "replace") for at in (0, *range(8, len(box), 4))}
    brands: frozenset[str] = _FTYP_BRANDS.get(kind.media_type, frozenset())
    return bool(named & brands) and not (kind.is_picture and named & _AVIF)


def _is_two_kinds(file: BinaryIO, size: int, head: bytes, kind: FileKind) -> bool:
    """Return whether a file can also be read as a web page, a PDF or an archive.

    An archive may begin with a page or a PDF that is stored in it as it is; an Office file holds pages of markup.
    """
    start = head[:_MARKUP_WITHIN].lower()
    marks = [mark for mark in _MARKUP if not (kind.is_picture and mark == _XML)]
    is_markup = any(mark in start for mark in marks) and not kind.is_archive and kind.media_type != "application/pdf"
    is_pdf = b"%pdf-" in start and kind.media_type not in ("application/pdf", "application/zip")
    return is_markup or is_pdf or (not kind.is_archive and END in tail_of(file, size))


def _judge_text(file: BinaryIO, head: bytes, name: str) -> None:
    """Raise `InvalidAnswerError` if a file is not readable text, or is a web page or a program.

    Text is UTF-16 with a byte order mark, or any encoding with one byte a letter, without control characters.
    """
    is_wide = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    starts_as_page = head[:_MARKUP_WITHIN].lower().lstrip(b"\xef\xbb\xbf \t\r\n").startswith(_MARKUP)
    if starts_as_page or not _is_readable(file, is_wide=is_wide):
        raise _not_real(name)


def _is_readable(file: BinaryIO, *, is_wide: bool) -> bool:
    decoder = codecs.getincrementaldecoder("utf-16")()
    file.seek(0)
    try:
        while piece := file.read(_PIECE):
            text = decoder.decode(piece).encode() if is_wide else piece
            if len(text.translate(None, _CONTROLS)) < len(text):
                return False
        decoder.decode(b"", final=is_wide)
    except UnicodeError:
        return False
    return True

"""What a file is, told from its content: its name must agree, and is never believed alone."""

import codecs
from typing import BinaryIO

import puremagic

from portal.form_definitions.answers import InvalidAnswerError
from portal.form_definitions.file_kinds import FILE_KINDS, FileKind
from portal.storage.archives import END, judge_archive, tail_of
from portal.storage.pictures import judge_picture

HEAD = 40_000
"""What puremagic may look at of the beginning of a file."""
FOOT = 1024
_HEIF = frozenset("heic heix hevc heim heis mif1 msf1".split())  # noqa: SIM905
_FTYP_BRANDS = {
    "image/heic": _HEIF,
    "image/heif": _HEIF,
    "video/mp4": frozenset("isom iso2 iso4 iso5 iso6 mp41 mp42 avc1 dash 3gp4 3gp5".split()),  # noqa: SIM905
    "video/quicktime": frozenset({"qt  "}),
}
"""Brands of files that begin with a `ftyp` box; puremagic knows but some."""
_MARKUP = (b"<!doctype html", b"<html", b"<script", b"<svg", b"<?xml", b"<?php")
_MARKUP_WITHIN = 1024
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\f\r\x1b"))
_PIECE = 64 * 1024


def judge(file: BinaryIO, size: int, kind_name: str, name: str) -> None:
    """Raise `InvalidAnswerError` where a file of `size` bytes is not whole, not of its kind, or would do harm."""
    kind = FILE_KINDS[kind_name]
    head = file.read(HEAD)
    if kind.sniffed:
        _judge_content(file, size, head, kind, name)
    else:
        _judge_text(file, head, name)
    if kind.is_archive:
        judge_archive(file, size, kind, name)
    if kind.is_picture:
        judge_picture(file, kind, name)


def _judge_content(file: BinaryIO, size: int, head: bytes, kind: FileKind, name: str) -> None:
    file.seek(max(0, size - FOOT))
    foot = file.read(FOOT)
    if not (_sniffed(head, foot) & kind.sniffed or _has_brand(head, kind)) or not _has_marker(file, kind):
        raise InvalidAnswerError("content", name=name)
    if _is_two_kinds(file, size, head, kind):
        raise InvalidAnswerError("mixed", name=name)


def _sniffed(head: bytes, foot: bytes) -> set[str]:
    """The endings that such content may have."""
    try:
        found = puremagic.magic_string(head if len(head) < HEAD else head + foot)
    except puremagic.PureError:
        return set()
    return {match.extension for match in found}


def _has_brand(head: bytes, kind: FileKind) -> bool:
    brands: frozenset[str] = _FTYP_BRANDS.get(kind.media_type, frozenset())
    return head[4:8] == b"ftyp" and head[8:12].decode("ascii", "replace") in brands


def _has_marker(file: BinaryIO, kind: FileKind) -> bool:
    """Whether the words that tell kinds apart stand anywhere in the content."""
    file.seek(0)
    rest = b""
    while kind.marker:
        piece = file.read(_PIECE)
        if kind.marker in rest + piece:
            return True
        if not piece:
            return False
        rest = piece[-len(kind.marker) :]
    return True


def _is_two_kinds(file: BinaryIO, size: int, head: bytes, kind: FileKind) -> bool:
    """Whether a file is made to be read as something else as well: a web page, a PDF or an archive."""
    start = head[:_MARKUP_WITHIN].lower()
    is_markup = any(mark in start for mark in _MARKUP) and kind.media_type != "application/pdf"
    is_pdf = b"%pdf-" in start and kind.media_type != "application/pdf"
    starts_as_page = start.lstrip().startswith(_MARKUP)
    return is_markup or is_pdf or starts_as_page or (not kind.is_archive and END in tail_of(file, size))


def _judge_text(file: BinaryIO, head: bytes, name: str) -> None:
    """Text is what can be read as such: in UTF-16 with its mark, or a byte a letter; never a page or a program."""
    is_wide = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    starts_as_page = head[:_MARKUP_WITHIN].lower().lstrip(b"\xef\xbb\xbf \t\r\n").startswith(_MARKUP)
    if starts_as_page or not _is_readable(file, is_wide=is_wide):
        raise InvalidAnswerError("content", name=name)


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

"""Whether a file needs a password before anybody can read it: PDF, Office files, old and new.

A file that opens for everybody, and only asks for a password to be printed or changed, is not locked.
"""

import logging
import re
import struct
from typing import BinaryIO

from portal.form_definitions.types.files import FileKind

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""How old Office files begin, and locked new ones ([MS-CFB] 2.2)."""
_ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")
_ENCRYPT = re.compile(rb"/Encrypt\s*(?:\d+\s+\d+\s+R|<<)")
_LONGEST_ENCRYPT = 64
_ENTRY_BYTES = 128
_SMALL_STREAM = 4096
"""Bytes. A shorter stream is stored among the others like it, in sectors of 64 bytes."""
_SMALL_SECTOR = 64
_FILE_PASS = 0x2F
_BEGINNING = 512
_LOCKED_SLIDES = bytes.fromhex("14000000dfc4d1f3")
"""What follows the head of a `CurrentUserAtom` if the slides are encrypted ([MS-PPT] 2.3.2)."""
_PIECE = 64 * 1024
logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # it would log how each damaged upload is damaged


def find(file: BinaryIO, words: bytes, *, every: int = 1) -> int:
    """Return where `words` first are in a file, at a multiple of `every` bytes; -1 if they are nowhere."""
    file.seek(0)
    start, rest = 0, b""
    while piece := file.read(_PIECE):
        known = rest + piece
        at = known.find(words)
        while at >= 0 and (start + at) % every:
            at = known.find(words, at + 1)
        if at >= 0:
            return start + at
        rest = known[len(known) - len(words) + 1 :]
        start += len(known) - len(rest)
    return -1


def is_locked_package(file: BinaryIO, head: bytes) -> bool:
    """Return whether this is a Word, Excel or PowerPoint file that is encrypted as a whole ([MS-OFFCRYPTO] 2.3.4)."""
    return head.startswith(OLE) and find(file, _ENCRYPTED_PACKAGE, every=_ENTRY_BYTES) >= 0


def is_locked(file: BinaryIO, head: bytes, kind: FileKind) -> bool:
    """Return whether a PDF or an old Office file of this kind opens only with a password."""
    if kind.media_type == "application/pdf":
        return _says_encrypted(file) and _is_locked_pdf(file)
    if not kind.marker:
        return False
    if is_locked_package(file, head) or find(file, _LOCKED_SLIDES) >= 0:
        return True
    beginning = _beginning_of_stream(file, head, kind.marker)
    is_document = beginning.startswith(b"\xec\xa5")  # [MS-DOC] 2.5.2: a flag of the first block
    return bool(beginning[11] & 1) if is_document else _holds_file_pass(beginning)


def _says_encrypted(file: BinaryIO) -> bool:
    """Return whether a PDF names its encryption; most do not, and need not be taken apart."""
    file.seek(0)
    rest = b""
    while piece := file.read(_PIECE):
        if _ENCRYPT.search(rest + piece):
            return True
        rest = piece[-_LONGEST_ENCRYPT:]
    return False


def _is_locked_pdf(file: BinaryIO) -> bool:
    """Return whether the empty password does not open a PDF (ISO 32000-2, 7.6).

    It says that it is encrypted, so it also counts as locked if that cannot be found out: it is damaged, or locked by
    other means than a password.
    """
    from pypdf import PasswordType, PdfReader  # 8 MiB, for the few PDFs that say so

    file.seek(0)
    try:
        reader = PdfReader(file)
        return reader.is_encrypted and reader.decrypt("") is PasswordType.NOT_DECRYPTED
    except Exception:  # what is damaged makes the reader fail in every way
        return True


def _beginning_of_stream(file: BinaryIO, head: bytes, name: bytes) -> bytes:
    """Return the first bytes of a named stream of an old Office file; its directory says where it is ([MS-CFB] 2.6)."""
    shift = min(int.from_bytes(head[30:32], "little"), 12)
    entry = _read(file, find(file, name + b"\0\0", every=_ENTRY_BYTES), _ENTRY_BYTES)
    first, size = int.from_bytes(entry[116:120], "little"), int.from_bytes(entry[120:124], "little")
    place = (first + 1) << shift
    if size < _SMALL_STREAM:
        root = _read(file, (int.from_bytes(head[48:52], "little") + 1) << shift, _ENTRY_BYTES)
        place = ((int.from_bytes(root[116:120], "little") + 1) << shift) + first * _SMALL_SECTOR
    return _read(file, place, _BEGINNING).ljust(_BEGINNING, b"\0")


def _read(file: BinaryIO, place: int, size: int) -> bytes:
    file.seek(max(0, place))
    return file.read(size)


def _holds_file_pass(records: bytes) -> bool:
    """Return whether a workbook's first records, each with its number and length, say how it is encrypted."""
    at = 0
    while at + 4 <= len(records):
        number, length = struct.unpack_from("<HH", records, at)
        if number == _FILE_PASS:
            return True
        at += 4 + length if number or length else len(records)
    return False

"""Encrypt files chunk by chunk, so that writing or reading one needs the memory of one chunk only.

AES-256-GCM with a key of its own for each file. The nonce is the chunk's number and whether it is the last one (the
STREAM construction), so that a file that was cut, re-ordered or lengthened does not open. The key itself is encrypted
with the key of the file's owner (`operations`), bound to its draft, section, item and file.
"""

import io
import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from portal.errors import UndecryptableError

CHUNK_BYTES = 64 * 1024
TAG = 16
KEY_BYTES = 32


def _nonce(number: int, *, is_last: bool) -> bytes:
    return number.to_bytes(11, "big") + (b"\x01" if is_last else b"\x00")


class SealedSpool:
    """An upload, encrypted on its way into a temporary file without a name, which is gone if the process dies.

    Bytes beyond `limit` are counted and not kept. Werkzeug's parser writes to it and then seeks to the start.
    """

    def __init__(self, *, limit: int, folder: Path) -> None:
        self.key = os.urandom(KEY_BYTES)
        self.size = 0
        self._cipher = AESGCM(self.key)
        self._limit = limit
        self._folder = folder
        self._file: IO[bytes] | None = None
        self._rest = bytearray()
        self._chunks = 0
        self._is_whole = False

    @property
    def is_too_large(self) -> bool:
        """Whether more came than may be kept."""
        return self.size > self._limit

    def write(self, data: bytes) -> int:
        """Take the next bytes; return how many."""
        self.size += len(data)
        if self.is_too_large:
            self.close()
            return len(data)
        self._rest += data
        while len(self._rest) > CHUNK_BYTES:
            self._seal(self._rest[:CHUNK_BYTES], is_last=False)
            del self._rest[:CHUNK_BYTES]
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Encrypt what is left; the parser seeks when it has written everything."""
        if not self._is_whole and not self.is_too_large:
            self._seal(self._rest, is_last=True)
            self._rest.clear()
        self._is_whole = True
        return 0

    def _seal(self, data: bytes | bytearray, *, is_last: bool) -> None:
        if self._file is None:
            self._file = TemporaryFile(dir=self._folder)  # noqa: SIM115 - it lives as long as the request
        self._file.write(self._cipher.encrypt(_nonce(self._chunks, is_last=is_last), bytes(data), None))
        self._chunks += 1

    def sealed(self) -> Iterator[bytes]:
        """Yield the encrypted bytes."""
        file = self._kept()
        file.seek(0)
        while chunk := file.read(CHUNK_BYTES + TAG):
            yield chunk

    def plain(self) -> BinaryIO:
        """Return the content to read anywhere in it, decrypted a chunk at a time."""
        return plain_reader(self._kept(), self.key, self.size)

    def _kept(self) -> IO[bytes]:
        if self._file is None:
            raise ValueError("Nothing of this upload was kept.")
        return self._file

    def close(self) -> None:
        """Drop everything that was kept."""
        self._rest.clear()
        if self._file is not None:
            self._file.close()
            self._file = None


def plain_chunks(sealed: IO[bytes], key: bytes, size: int) -> Iterator[bytes]:
    """Yield the content of an encrypted file of `size` plain bytes, from its beginning.

    Raise `UndecryptableError` at the first chunk that is not the one that was written there.
    """
    cipher, last = AESGCM(key), _last_chunk(size)
    for number in range(last + 1):
        yield _decrypted_chunk(cipher, sealed.read(CHUNK_BYTES + TAG), number, is_last=number == last)
    if sealed.read(1):
        raise UndecryptableError("This file is longer than it was.")


def plain_reader(sealed: IO[bytes], key: bytes, size: int) -> BinaryIO:
    """Return the content of an encrypted file, to read anywhere in it; closing it leaves `sealed` open."""
    return io.BufferedReader(_PlainFile(sealed, key, size), CHUNK_BYTES)


class _PlainFile(io.RawIOBase):
    def __init__(self, sealed: IO[bytes], key: bytes, size: int) -> None:
        self._sealed = sealed
        self._cipher = AESGCM(key)
        self._size = size
        self._position = 0
        self._opened = (-1, b"")

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = max(0, start + offset)
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: "memoryview") -> int:  # type: ignore[override]
        if self._position >= self._size:
            return 0
        number, offset = divmod(self._position, CHUNK_BYTES)
        data = self._chunk(number)[offset : offset + len(buffer)]
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)

    def _chunk(self, number: int) -> bytes:
        if self._opened[0] != number:
            self._sealed.seek(number * (CHUNK_BYTES + TAG))
            sealed = self._sealed.read(CHUNK_BYTES + TAG)
            self._opened = (
                number,
                _decrypted_chunk(self._cipher, sealed, number, is_last=number == _last_chunk(self._size)),
            )
        return self._opened[1]


def _last_chunk(size: int) -> int:
    return max(0, (size - 1) // CHUNK_BYTES)


def _decrypted_chunk(cipher: AESGCM, sealed: bytes, number: int, *, is_last: bool) -> bytes:
    try:
        return cipher.decrypt(_nonce(number, is_last=is_last), sealed, None)
    except (InvalidTag, ValueError) as reason:
        raise UndecryptableError("This file was changed, cut or mixed up.") from reason

"""Sealed files: any size reads back unchanged, from any position, and with no other key."""

from pathlib import Path

import pytest

from portal.errors import UndecryptableError
from portal.storage.sealed_files import CHUNK_BYTES, SealedSpool, plain_chunks

SIZES = [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES, 3 * CHUNK_BYTES + 5]


def spooled(content: bytes, folder: Path, *, piece: int = 1000, limit: int = 10**9) -> SealedSpool:
    spool = SealedSpool(limit=limit, folder=folder)
    for start in range(0, len(content), piece):
        spool.write(content[start : start + piece])
    spool.seek(0)
    return spool


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("piece", [777, CHUNK_BYTES, 10 * CHUNK_BYTES])
def test_a_sealed_file_reads_back_as_it_was_written(tmp_path: Path, size: int, piece: int) -> None:
    content = bytes(number % 251 for number in range(size))
    spool = spooled(content, tmp_path, piece=piece)
    path = tmp_path / "sealed"
    path.write_bytes(b"".join(spool.sealed()))
    with path.open("rb") as sealed:
        assert b"".join(plain_chunks(sealed, spool.key, size)) == content
    with spool.plain() as plain:
        assert plain.read() == content
        plain.seek(-min(size, 70_000), 2)
        assert plain.read() == content[-min(size, 70_000) or size :]
        plain.seek(size // 2)
        assert plain.read(10) == content[size // 2 : size // 2 + 10]
    spool.close()


def test_a_file_beyond_the_limit_is_not_kept_and_never_appears_in_the_folder(tmp_path: Path) -> None:
    spool = spooled(bytes(5 * CHUNK_BYTES), tmp_path, limit=3 * CHUNK_BYTES)
    assert spool.is_too_large
    assert spool.size == 5 * CHUNK_BYTES
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match="Nothing"):
        spool.plain()


def test_a_part_of_a_file_never_passes_for_the_whole_whatever_size_is_claimed(tmp_path: Path) -> None:
    spool = spooled(bytes(3 * CHUNK_BYTES), tmp_path)
    path = tmp_path / "sealed"
    path.write_bytes(b"".join(spool.sealed())[: CHUNK_BYTES + 16])
    with path.open("rb") as sealed, pytest.raises(UndecryptableError):
        list(plain_chunks(sealed, spool.key, CHUNK_BYTES))
    spool.close()


def test_another_key_never_opens_a_file(tmp_path: Path) -> None:
    spool, other = spooled(b"secret", tmp_path), spooled(b"other", tmp_path)
    path = tmp_path / "sealed"
    path.write_bytes(b"".join(spool.sealed()))
    with path.open("rb") as sealed, pytest.raises(UndecryptableError):
        list(plain_chunks(sealed, other.key, 6))
    spool.close()
    other.close()


def test_a_sealed_file_never_contains_its_plain_content(tmp_path: Path) -> None:
    spool = spooled(b"canary" * 50_000, tmp_path)
    assert b"canary" not in b"".join(spool.sealed())
    spool.close()

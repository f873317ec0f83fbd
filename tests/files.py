"""Files as people have them, and as attackers make them."""

import io
import struct
import zipfile
import zlib

from PIL import Image
from pypdf import PdfWriter

PDF = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer\n<< /Root 1 0 R >>\n%%EOF\n"
EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
WORD = ("[Content_Types].xml", "_rels/.rels", "word/document.xml")


def picture(kind: str = "JPEG", size: tuple[int, int] = (40, 30)) -> bytes:
    """Return a small picture."""
    file = io.BytesIO()
    Image.new("RGB", size, "teal").save(file, kind)
    return file.getvalue()


def pixel_bomb(width: int = 50_000, height: int = 50_000) -> bytes:
    """Return a PNG of a few bytes that claims a size that no memory holds."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(b"\0" * 1000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def archive(*members: str, content: bytes = b"<x/>") -> bytes:
    """Return a zip with these members."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        for member in members:
            made.writestr(member, content)
    return file.getvalue()


def open_document(media_type: str = "application/vnd.oasis.opendocument.text") -> bytes:
    """Return an OpenDocument file."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr(zipfile.ZipInfo("mimetype"), media_type)
        made.writestr("content.xml", "<x/>")
    return file.getvalue()


def zip_bomb() -> bytes:
    """Return a Word document that would unpack to far more than it is."""
    return archive(*WORD, "word/media/bomb.bin", content=b"\0" * 30_000_000)


def stored(members: dict[str, bytes]) -> bytes:
    """Return a zip that holds its members as they are, without compressing them."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as made:
        for name, content in members.items():
            made.writestr(name, content)
    return file.getvalue()


def with_large_ends(data: bytes) -> bytes:
    """Return a zip with the end records for archives beyond 4 GB, as some programs always write them."""
    end = data.rfind(b"PK\x05\x06")
    count, size, start = struct.unpack("<H II", data[end + 10 : end + 20].ljust(10, b"\0"))
    large = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, start)
    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, end, 1)
    return data[:end] + large + locator + b"PK\x05\x06" + b"\0" * 4 + b"\xff" * 12 + b"\0\0"


def pdf(algorithm: str = "", *, user: str = "", owner: str = "owner") -> bytes:
    """Return a PDF of one page, encrypted if an algorithm is named; it opens with either password."""
    writer, file = PdfWriter(), io.BytesIO()
    writer.add_blank_page(100, 100)
    if algorithm:
        writer.encrypt(user, owner, algorithm=algorithm)
    writer.write(file)
    return file.getvalue()


def locked_archive(data: bytes) -> bytes:
    """Return an archive whose members are marked as encrypted."""
    locked = bytearray(data)
    at = locked.find(b"PK\x01\x02")
    while at >= 0:
        locked[at + 8] |= 1
        at = locked.find(b"PK\x01\x02", at + 1)
    return bytes(locked)


def locked_open_document() -> bytes:
    """Return an OpenDocument file as LibreOffice writes it with a password."""
    file = io.BytesIO(open_document())
    with zipfile.ZipFile(file, "a") as made:
        made.writestr("META-INF/manifest.xml", "<manifest:file-entry><manifest:encryption-data/></manifest:file-entry>")
    return file.getvalue()


def old_office(**streams: bytes) -> bytes:
    """Return a compound file ([MS-CFB]), such as old Office files and locked new ones; `_` stands for a space."""
    chains, body, entries, small = [0xFFFFFFFE, 0xFFFFFFFD], b"", [], b""

    def entry(name: str, kind: int, start: int, size: int) -> bytes:
        text = name.encode("utf-16-le")
        head = text.ljust(64, b"\0") + struct.pack("<HBB3I", len(text) + 2, kind, 1, *[0xFFFFFFFF] * 3)
        return head.ljust(116, b"\0") + struct.pack("<IQ", start, size)

    def add(content: bytes) -> int:
        nonlocal body
        first, count = len(chains), max(1, -(-len(content) // 512))
        chains.extend([*range(first + 1, first + count), 0xFFFFFFFE])
        body += content.ljust(count * 512, b"\0")
        return first

    for name, content in streams.items():
        is_small = len(content) < 4096
        entries.append(entry(name.replace("_", " "), 2, len(small) // 64 if is_small else add(content), len(content)))
        small += content.ljust(-(-len(content) // 64) * 64, b"\0") if is_small else b""
    directory = entry("Root Entry", 5, add(small), len(small)) + b"".join(entries)
    chains[0] = add(directory)
    directory_at, chains[0] = chains[0], 0xFFFFFFFE
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".ljust(24, b"\0") + struct.pack("<HHHHH", 62, 3, 0xFFFE, 9, 6)
    head = head.ljust(44, b"\0") + struct.pack("<II", 1, directory_at) + struct.pack("<III", 0, 4096, 0xFFFFFFFE)
    head = head.ljust(76, b"\0") + struct.pack("<I", 1) + b"\xff" * (512 - 80)
    table = struct.pack(f"<{len(chains)}I", *chains).ljust(512, b"\xff")
    return head + bytes(512) + table + body

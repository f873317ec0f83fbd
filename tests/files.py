"""Files as people have them, and as attackers make them."""

import io
import struct
import zipfile
import zlib

from PIL import Image

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

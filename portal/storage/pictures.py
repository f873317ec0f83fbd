"""Pictures judged by their header alone: nothing is decoded, so that a picture of a million lines costs nothing."""

import re
from typing import BinaryIO

from PIL import Image

from portal.form_definitions.answers import InvalidAnswerError
from portal.form_definitions.file_kinds import FileKind

LARGEST_PIXELS = 250_000_000
"""More than the 200 megapixels of the largest telephones."""
LONGEST_SIDE = 60_000
Image.MAX_IMAGE_PIXELS = None  # Pillow would warn at half of what we allow; the limit is judged here
_FORMATS = {
    "image/jpeg": ("JPEG", "MPO"),
    "image/png": ("PNG",),
    "image/gif": ("GIF",),
    "image/webp": ("WEBP",),
    "image/tiff": ("TIFF",),
    "image/bmp": ("BMP", "DIB"),
}
_HEIF_HEAD = 256 * 1024


def judge_picture(file: BinaryIO, kind: FileKind, name: str) -> None:
    """Raise `InvalidAnswerError` where a picture is damaged, or larger unpacked than a computer should have to show."""
    file.seek(0)
    formats = _FORMATS.get(kind.media_type)
    width, height = _size(file, formats, name) if formats else _heif_size(file.read(_HEIF_HEAD))
    if width * height > LARGEST_PIXELS or max(width, height) > LONGEST_SIDE:
        raise InvalidAnswerError("pixels", name=name)


def _size(file: BinaryIO, formats: tuple[str, ...], name: str) -> tuple[int, int]:
    try:
        with Image.open(file, formats=formats) as picture:
            return picture.size
    except Exception as reason:  # a damaged header makes Pillow's readers fail in every way
        raise InvalidAnswerError("damaged", name=name) from reason


def _heif_size(head: bytes) -> tuple[int, int]:
    """The largest of the sizes that a HEIC file names (ISO 23008-12, `ispe`); Pillow does not read this kind."""
    numbers = re.findall(rb"ispe.{4}(.{4})(.{4})", head, re.DOTALL)
    sizes = [(int.from_bytes(width, "big"), int.from_bytes(height, "big")) for width, height in numbers]
    return max(sizes, key=lambda size: size[0] * size[1], default=(0, 0))

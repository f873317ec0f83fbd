"""Questions for files: the kinds that are allowed, and the answer that lists the kept files."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from portal.form_definitions.definition import Answer, Field
from portal.form_definitions.types.answers import Inputs, InvalidAnswerError, Translate, mark

MEGABYTE = 1_000_000
"""Bytes, as phones and computers count the sizes that they show."""
FILE_MESSAGES = {
    "required": mark("%(label)s: add a file"),
    "max": mark("“%(name)s” was not added: you can add only %(limit)s"),
    "size": mark("“%(name)s” was not added: it must be %(limit)s MB or smaller"),
    "empty": mark("“%(name)s” was not added: it is empty"),
    "type": mark("“%(name)s” was not added: it must be %(kinds)s"),
    "content": mark("“%(name)s” was not added: it is not a real %(kind)s file"),
    "damaged": mark("“%(name)s” was not added: it is damaged or incomplete"),
    "locked": mark("“%(name)s” was not added: remove its password and choose it again"),
    "macros": mark("“%(name)s” was not added: save it without macros and choose it again"),
    "mixed": mark("“%(name)s” was not added: it contains another kind of file; save it again"),
    "pixels": mark("“%(name)s” was not added: the picture is too large; save it in a smaller size"),
    "unpacked": mark("“%(name)s” was not added: it would be too large when opened"),
    "infected": mark("“%(name)s” has a virus and was not added: choose another file"),
    "infected.later": mark("“%(name)s” had a virus and was deleted: remove it and choose another file"),
    "full": mark("“%(name)s” was not added: the files of this form may have %(limit)s MB in all"),
    "too_much": mark("“%(name)s” was not added: too many files were sent. Choose it again after %(limit)s min"),
    "again": mark("“%(name)s” was not added: please choose it again"),
}
"""One sentence for each reason why a file was not kept."""


@dataclass(frozen=True, kw_only=True)
class FileKind:
    """One kind of file.

    `sniffed` are the endings that puremagic finds for such content, any of which will do; text has none, as nothing
    marks it. `member` is how a name in the archive must begin; `TYPE_MEMBER` stands for the one that holds the media
    type.
    """

    label: str
    endings: tuple[str, ...]
    media_type: str
    sniffed: frozenset[str] = frozenset()
    is_picture: bool = False
    is_archive: bool = False
    member: str = ""
    marker: bytes = b""
    """Words in the content that tell apart kinds which begin alike."""


def _kind(label: str, endings: str, media_type: str, sniffed: str = "", **rest: object) -> FileKind:
    return FileKind(
        label=label,
        endings=tuple(endings.split()),
        media_type=media_type,
        sniffed=frozenset(f".{ending}" for ending in sniffed.split()),
        **rest,  # type: ignore[arg-type]
    )


TYPE_MEMBER = "mimetype"


_JPEG = "jpg jpeg jpe jfif jfi jif pjpeg pjp"
"""What cameras, scanners, Windows and Chrome call such a picture."""


_OFFICE = "application/vnd.openxmlformats-officedocument."


_OPEN = "application/vnd.oasis.opendocument."


FILE_KINDS: Mapping[str, FileKind] = {
    "pdf": _kind("PDF", "pdf", "application/pdf", "pdf"),
    "jpg": _kind("JPG", _JPEG, "image/jpeg", "jpg jpeg jfif", is_picture=True),
    "jpeg": _kind("JPG", _JPEG, "image/jpeg", "jpg jpeg jfif", is_picture=True),
    "png": _kind("PNG", "png", "image/png", "png", is_picture=True),
    "gif": _kind("GIF", "gif", "image/gif", "gif", is_picture=True),
    "webp": _kind("WebP", "webp", "image/webp", "webp", is_picture=True),
    "heic": _kind("HEIC", "heic heif hif heics heifs", "image/heic", "heic heif", is_picture=True),
    "heif": _kind("HEIC", "heic heif hif heics heifs", "image/heif", "heic heif", is_picture=True),
    "tif": _kind("TIFF", "tif tiff", "image/tiff", "tif tiff", is_picture=True),
    "tiff": _kind("TIFF", "tif tiff", "image/tiff", "tif tiff", is_picture=True),
    "bmp": _kind("BMP", "bmp dib", "image/bmp", "bmp", is_picture=True),
    "txt": _kind(mark("plain text"), "txt text", "text/plain"),
    "csv": _kind("CSV", "csv", "text/csv"),
    "rtf": _kind("RTF", "rtf", "application/rtf", "rtf"),
    "docx": _kind("Word", "docx", f"{_OFFICE}wordprocessingml.document", "docx", is_archive=True, member="word/"),
    "xlsx": _kind("Excel", "xlsx", f"{_OFFICE}spreadsheetml.sheet", "xlsx", is_archive=True, member="xl/"),
    "pptx": _kind(
        "PowerPoint", "pptx ppsx", f"{_OFFICE}presentationml.presentation", "pptx", is_archive=True, member="ppt/"
    ),
    "odt": _kind("OpenDocument text", "odt", f"{_OPEN}text", "zip", is_archive=True, member=TYPE_MEMBER),
    "ods": _kind("OpenDocument table", "ods", f"{_OPEN}spreadsheet", "zip", is_archive=True, member=TYPE_MEMBER),
    "odp": _kind("OpenDocument slides", "odp", f"{_OPEN}presentation", "zip", is_archive=True, member=TYPE_MEMBER),
    "doc": _kind("Word (old)", "doc dot", "application/msword", "doc", marker="WordDocument".encode("utf-16-le")),
    "xls": _kind("Excel (old)", "xls xlt", "application/vnd.ms-excel", "doc", marker="Workbook".encode("utf-16-le")),
    "ppt": _kind(
        "PowerPoint (old)",
        "ppt pps pot",
        "application/vnd.ms-powerpoint",
        "doc",
        marker="PowerPoint Document".encode("utf-16-le"),
    ),
    "zip": _kind("ZIP", "zip", "application/zip", "zip", is_archive=True),
    "mp3": _kind("MP3", "mp3 mpga", "audio/mpeg", "mp3 mpga"),
    "wav": _kind("WAV", "wav wave", "audio/wav", "wav"),
    "mp4": _kind("MP4", "mp4 m4v", "video/mp4", "mp4"),
    "mov": _kind("MOV", "mov qt", "video/quicktime", "mov"),
}
"""SVG is not one of them, because it can hold a program."""


def kind_of_name(name: str, allowed: tuple[str, ...]) -> str | None:
    """Return the allowed kind that a file's name claims by its ending, or None."""
    _, dot, ending = name.rpartition(".")
    return next((kind for kind in allowed if dot and ending.lower() in FILE_KINDS[kind].endings), None)


def name_of_kind(name: str, kind: str) -> str:
    """Return a file's name with the usual ending of its kind, if its own is none of the kind's."""
    return name if kind_of_name(name, (kind,)) else f"{name.rpartition('.')[0]}.{FILE_KINDS[kind].endings[0]}"


def endings_of(allowed: tuple[str, ...]) -> tuple[str, ...]:
    """Return all endings of the allowed kinds, each once."""
    return tuple(dict.fromkeys(ending for kind in allowed for ending in FILE_KINDS[kind].endings))


def kinds_text(allowed: tuple[str, ...], translate: Translate) -> str:
    """Return the allowed kinds in words: PDF, JPG or PNG."""
    labels = list(dict.fromkeys(translate(FILE_KINDS[kind].label) for kind in allowed))
    *most, last = labels
    return translate(mark("%(most)s or %(last)s")) % {"most": ", ".join(most), "last": last} if most else last


def size_text(size: int) -> str:
    """Return a size as people read it: 340 kB, 1.2 MB."""
    if size < 1000:
        return f"{size} B"
    if size < MEGABYTE:
        return f"{round(size / 1000)} kB"
    return f"{size / MEGABYTE:.1f} MB"


@dataclass(frozen=True, kw_only=True)
class FileEntry:
    """One added file: its `id` in storage, its cleaned `name`, and its `size` in bytes."""

    id: str
    name: str
    kind: str
    size: int

    def stored(self) -> dict[str, str]:
        """Return the entry as an answer holds it."""
        return {"id": self.id, "name": self.name, "kind": self.kind, "size": str(self.size)}


def file_entries(answer: Any) -> tuple[FileEntry, ...]:
    """Return the files in a stored answer; none if it does not answer a question for files."""
    if not isinstance(answer, list):
        return ()
    return tuple(
        FileEntry(id=stored["id"], name=stored["name"], kind=stored["kind"], size=int(stored["size"]))
        for stored in answer
        if isinstance(stored, dict)
    )


def read_kept_files(field: Field, inputs: Inputs, today: date) -> Answer | None:
    """Return the files that are already kept; new ones are judged and stored elsewhere."""
    kept = [entry.stored() for text in inputs.get("") or () for entry in _entries_in(text)]
    if field.files and len(kept) > field.files.max:
        raise InvalidAnswerError("max", limit=field.files.max, name=kept[-1]["name"])
    return kept or None


def _entries_in(text: str) -> tuple[FileEntry, ...]:
    """Return the entry in a text that `show_files` made; none in text typed when the question had another type."""
    try:
        return file_entries([json.loads(text)])
    except (ValueError, KeyError, TypeError):
        return ()


def show_files(field: Field, answer: Any) -> dict[str, list[str]]:
    """Return the kept files, one text each, which `read_kept_files` can read."""
    return {"": [json.dumps(entry.stored(), sort_keys=True) for entry in file_entries(answer)]}


def display_files(field: Field, answer: Any, language: str, translate: Translate) -> list[str]:
    """Return the name and size of each file."""
    return [f"{entry.name} ({size_text(entry.size)})" for entry in file_entries(answer)]

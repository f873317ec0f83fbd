"""What kind a file is, by its content: whole, locked, cut short, and called by another kind's name."""

from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.form_definitions.types.answers import InvalidAnswerError
from portal.form_definitions.types.files import FILE_KINDS, endings_of, kind_of_name, name_of_kind
from portal.storage.inspection import judge_archive, judge_file
from portal.storage.locks import find
from tests.files import (
    PDF,
    WORD,
    archive,
    locked_archive,
    locked_open_document,
    old_office,
    open_document,
    pdf,
    picture,
    stored,
    with_large_ends,
)

ALL = tuple(FILE_KINDS)
DOCX = archive(*WORD)
OFFICE = {
    kind: archive("[Content_Types].xml", f"{folder}/a.xml")
    for kind, folder in {"docx": "word", "xlsx": "xl", "pptx": "ppt"}.items()
}
OPEN = {kind: open_document(FILE_KINDS[kind].media_type) for kind in ("odt", "ods", "odp")}
WORD_STREAM = b"\xec\xa5" + bytes(8) + b"\0\x12" + bytes(4200)
BOF = b"\x09\x08\x10\0" + bytes(16)
ENCRYPTED_PACKAGE = old_office(EncryptionInfo=bytes(200), EncryptedPackage=bytes(5000))
SLIDES = bytes.fromhex("0000f60f140000005fc091e3") + bytes(16)
LOCKED_SLIDES = bytes.fromhex("0000f60f1400000014000000dfc4d1f3") + bytes(12)


def judged(content: bytes, name: str, allowed: tuple[str, ...] = ALL) -> str:
    """Return the kind of a file, or why it was refused."""
    try:
        return judge_file(BytesIO(content), len(content), kind_of_name(name, allowed), allowed, name)
    except InvalidAnswerError as refusal:
        return refusal.key


def test_every_usual_ending_claims_its_kind() -> None:
    usual = {
        "jpg": "jpg jpeg jpe jfif pjpeg pjp",
        "tif": "tif tiff",
        "heic": "heic heif hif",
        "bmp": "bmp dib",
        "txt": "txt text",
        "doc": "doc dot",
        "ppt": "ppt pps",
        "mp4": "mp4 m4v",
        "mov": "mov qt",
    }
    for kind, endings in usual.items():
        for ending in endings.split():
            assert kind_of_name(f"a.{ending}", (kind,)) == kind, ending
            assert kind_of_name(f"a.{ending.upper()}", (kind,)) == kind, ending
            assert ending in endings_of(("pdf", kind))


LOCKED = {
    **{f"PDF, {way}": ("pdf", pdf(way, user="secret")) for way in ("RC4-40", "RC4-128", "AES-128", "AES-256")},
    "PDF with a certificate": ("pdf", PDF.replace(b"/Root 1 0 R", b"/Root 1 0 R /Encrypt << /Filter /Adobe.PubSec >>")),
    **{f"{kind} as a whole": (kind, ENCRYPTED_PACKAGE) for kind in (*OFFICE, "doc", "xls", "ppt")},
    **{f"members of {kind}": (kind, locked_archive(content)) for kind, content in {**OFFICE, **OPEN}.items()},
    "members of zip": ("zip", locked_archive(archive("a.txt"))),
    "OpenDocument": ("odt", locked_open_document()),
    "old Word": ("doc", old_office(WordDocument=b"\xec\xa5" + bytes(9) + b"\x13" + bytes(4200))),
    "old Excel": ("xls", old_office(Workbook=BOF + b"\x2f\0\x04\0" + bytes(4200))),
    "small old Excel": ("xls", old_office(Other=bytes(99), Workbook=BOF + b"\x2f\0\x04\0" + bytes(99))),
    "old PowerPoint": ("ppt", old_office(Current_User=LOCKED_SLIDES, PowerPoint_Document=bytes(5000))),
}


@pytest.mark.parametrize(("kind", "content"), LOCKED.values(), ids=LOCKED)
def test_file_that_opens_only_with_a_password_is_locked(kind: str, content: bytes) -> None:
    assert judged(content, f"a.{kind}") == "locked"


def test_locked_office_file_is_locked_whatever_office_name_it_has() -> None:
    assert judged(ENCRYPTED_PACKAGE, "a.pdf", ("pdf", "docx")) == "locked"


def described(words: bytes) -> bytes:
    """Return a JPEG with a comment at its beginning, as cameras and programs write it."""
    whole = picture()
    return whole[:2] + b"\xff\xfe" + (len(words) + 2).to_bytes(2, "big") + words + whole[2:]


def branded(own: bytes, *fits: bytes) -> bytes:
    """Return the beginning of a picture or film in boxes (ISO/IEC 14496-12, 4.3): its brand, and those that it fits."""
    names = own + bytes(4) + b"".join(fits)
    return (len(names) + 8).to_bytes(4, "big") + b"ftyp" + names + bytes(99)


GOOD = {
    "PDF": ("pdf", pdf()),
    **{f"PDF after {start!r}": ("pdf", start + pdf()) for start in (b"\xef\xbb\xbf", b"\r\n\r\n", b" ", bytes(10))},
    "JPEG with words in XML": ("jpg", described(b"<?xml version='1.0'?><x:xmpmeta/>")),
    "HEIC of a brand of its own": ("heic", branded(b"MiHE", b"mif1", b"heic")),
    "HEIC with a map of its lights": ("heic", branded(b"heic", b"mif1", b"tmap", b"MiHB")),
    "MP4 of a camera's own brand": ("mp4", branded(b"XAVC", b"mp42", b"iso2")),
    "MP4 of an editor's own brand": ("mp4", branded(b"mp71", b"isom")),
    "PDF that is only sketched": ("pdf", PDF),
    **{f"owner's password, {way}": ("pdf", pdf(way)) for way in ("RC4-40", "RC4-128", "AES-128", "AES-256")},
    "PDF about encryption": ("pdf", pdf().replace(b"%%EOF", b"% see /Encrypt\n%%EOF")),
    **{kind: (kind, content) for kind, content in {**OFFICE, **OPEN}.items()},
    "old Word": ("doc", old_office(WordDocument=WORD_STREAM)),
    "old Excel": ("xls", old_office(Workbook=BOF + bytes(4200))),
    "old PowerPoint": ("ppt", old_office(Current_User=SLIDES, PowerPoint_Document=bytes(5000))),
    "stored docx as the last member": ("zip", stored({"a.txt": b"a", "letter.docx": DOCX})),
    "stored zip as the only member": ("zip", stored({"b.zip": stored({"c.zip": stored({"a.txt": b"a"})})})),
    "stored PDF as the first member": ("zip", stored({"scan.pdf": PDF})),
    "stored page as the first member": ("zip", stored({"index.html": b"<html></html>"})),
    "stored table embedded in Word": (
        "docx",
        stored(
            {
                "[Content_Types].xml": b"<?xml version='1.0'?>",
                "word/document.xml": b"<?xml version='1.0'?>",
                "word/embeddings/table.xlsx": OFFICE["xlsx"],
            }
        ),
    ),
    "large end records": ("docx", with_large_ends(DOCX)),
    "large end records around a stored docx": ("zip", with_large_ends(stored({"letter.docx": DOCX}))),
    "large end records in a stored docx": ("zip", stored({"letter.docx": with_large_ends(DOCX)})),
    "a comment": ("zip", archive("a.txt")[:-2] + b"\x05\0hello"),
}


@pytest.mark.parametrize(("kind", "content"), GOOD.values(), ids=GOOD)
def test_whole_file_is_of_its_kind(kind: str, content: bytes) -> None:
    assert judged(content, f"a.{kind}") == kind


ARCHIVES = {
    "deflated": archive(*WORD, content=b"text" * 500),
    "stored, a docx last": stored({"a.txt": b"a" * 99, "letter.docx": DOCX}),
    "stored, a docx first": stored({"letter.docx": DOCX, "a.txt": b"a" * 99}),
    "stored, a large docx last": stored({"a.txt": b"a" * 99, "letter.docx": with_large_ends(DOCX)}),
    "large": with_large_ends(stored({"a.txt": b"a", "letter.docx": DOCX})),
    "commented": stored({"letter.docx": DOCX})[:-2] + b"\x09\0" + b"a comment",
}


@pytest.mark.parametrize("content", ARCHIVES.values(), ids=ARCHIVES)
def test_archive_cut_anywhere_is_never_kept(content: bytes) -> None:
    for end in range(len(content)):
        with pytest.raises(InvalidAnswerError) as refusal:
            judge_archive(BytesIO(content[:end]), end, FILE_KINDS["zip"], "a.zip")
        assert refusal.value.key == "damaged"
    middle = len(content) // 2
    assert judged(content[:middle] + content[middle + 7 :], "a.zip", ("zip",)) == "damaged"


NAMED_OTHERWISE = {
    "JPEG called HEIC": ("IMG_1.HEIC", picture(), ("heic", "jpg"), "jpg", "IMG_1.jpg"),
    "JPEG called HEIC where only JPEG is allowed": ("IMG_1.HEIC", picture(), ("pdf", "jpeg"), "jpeg", "IMG_1.jpg"),
    "PNG called JPEG": ("scan.jpeg", picture("PNG"), ("jpg", "png"), "png", "scan.png"),
    "JPEG called JFIF": ("scan.JFIF", picture(), ("png", "jpg"), "jpg", "scan.JFIF"),
    "WebP called PNG": ("a.b.png", picture("WEBP"), ("png", "webp"), "webp", "a.b.webp"),
    "picture called PDF": ("photo.pdf", picture(), ("pdf", "jpg"), "jpg", "photo.jpg"),
    "PDF called picture": ("paper.jpg", PDF, ("jpg", "pdf"), "pdf", "paper.pdf"),
    "Word called old Word": ("letter.doc", DOCX, ("doc", "docx"), "docx", "letter.docx"),
    "old Word called Word": ("letter.docx", old_office(WordDocument=WORD_STREAM), ("docx", "doc"), "doc", "letter.doc"),
    "table called document": ("table.odt", OPEN["ods"], ("odt", "zip", "ods"), "ods", "table.ods"),
    "Word called zip": ("letter.zip", DOCX, ("docx", "zip"), "zip", "letter.zip"),
    "zip called Word": ("photos.docx", archive("a.txt"), ("docx", "zip"), "zip", "photos.zip"),
}


@pytest.mark.parametrize(
    ("name", "content", "allowed", "kind", "kept_as"), NAMED_OTHERWISE.values(), ids=NAMED_OTHERWISE
)
def test_file_is_kept_under_its_true_kind_and_ending(
    name: str, content: bytes, allowed: tuple[str, ...], kind: str, kept_as: str
) -> None:
    assert judged(content, name, allowed) == kind
    assert name_of_kind(name, kind) == kept_as


NOT_REAL = {
    "AVIF called HEIC": ("a.heic", branded(b"avif", b"mif1", b"miaf")),
    "AVIF that says it late": ("a.heic", branded(b"mif1", b"miaf", b"avif")),
    "boxes of no kind": ("a.mp4", branded(b"jxl ", b"jxl ")),
    "PDF after words": ("a.pdf", b"HTTP/1.1 200 OK\r\n\r\n" + pdf()),
}


@pytest.mark.parametrize(("name", "content"), NOT_REAL.values(), ids=NOT_REAL)
def test_file_that_is_nearly_of_a_kind_is_not_real(name: str, content: bytes) -> None:
    assert judged(content, name) == "content"


@pytest.mark.parametrize("words", [b"<script>", b"<svg xmlns=''>", b"<?xml?><svg", b"<!DOCTYPE html>", b"<?php"])
def test_picture_that_a_browser_could_run_is_mixed(words: bytes) -> None:
    assert judged(described(words), "a.jpg") == "mixed"


def test_text_is_text_only_by_its_name() -> None:
    assert judged(b"hello", "a.pdf", ("pdf", "txt")) == "content"
    assert judged(picture(), "a.txt", ("txt", "pdf")) == "content"


@given(st.binary(max_size=300), st.binary(min_size=1, max_size=9))
def test_words_are_found_across_the_pieces_of_a_file(start: bytes, words: bytes) -> None:
    content = bytes(64 * 1024 - 150) + start + words
    assert find(BytesIO(content), words) == content.find(words)
    assert find(BytesIO(content), b"no such words") == content.find(b"no such words")

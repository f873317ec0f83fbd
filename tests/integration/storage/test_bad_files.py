"""Bad files of every sort: each has its sentence beside its question, the other answers stay, and nothing is kept."""

import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from portal.db import Database
from portal.storage.models import StoredFile
from tests.citizen import Citizen, File, post
from tests.files import (
    EICAR,
    PDF,
    WORD,
    archive,
    locked_archive,
    locked_open_document,
    old_office,
    open_document,
    pdf,
    picture,
    pixel_bomb,
    stored,
    zip_bomb,
)

pytestmark = pytest.mark.one_database
Kept = Callable[[], list[Path]]
MACROS = archive(*WORD, "word/vbaProject.bin")
OTHER = "it is not a real"
KINDS = "it must be PDF, JPG, PNG or Word"
LOCKED = "remove its password"
LOCKED_WORD = old_office(EncryptionInfo=bytes(200), EncryptedPackage=bytes(5000))
END = b"PK\x05\x06"
STORED = stored(dict.fromkeys(WORD, b"<x/>") | {"word/embeddings/letter.docx": archive(*WORD)})


def _long_table() -> bytes:
    """Return a zip whose table of contents alone would need twenty times its size in memory."""
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        for number in range(4000):
            made.writestr(f"word/{'x' * 90}{number}", b"")
    return file.getvalue()


def _two_ends() -> bytes:
    return archive(*WORD) + archive("evil.exe")


BAD: dict[str, tuple[str, str, bytes, str]] = {
    "empty": ("proof", "empty.pdf", b"", "it is empty"),
    "a byte too large": ("proof", "large.pdf", PDF + bytes(1_000_001 - len(PDF)), "it must be 1 MB or smaller"),
    "huge": ("proof", "huge.jpg", picture() + bytes(20_000_000), "it must be 1 MB or smaller"),
    "wrong type": ("proof", "song.mp3", b"ID3\x03" + bytes(99), KINDS),
    "no ending": ("proof", "payslip", PDF, KINDS),
    "only an ending": ("proof", ".htaccess", b"x", KINDS),
    "program": ("proof", "setup.exe", b"MZ\x90\0" + bytes(200), KINDS),
    "program called PDF": ("proof", "setup.pdf", b"MZ\x90\0" + bytes(200), OTHER),
    "double ending, the last one wrong": ("proof", "invoice.pdf.exe", PDF, KINDS),
    "web page called PDF": ("proof", "page.pdf", b"<!DOCTYPE html><script>alert(1)</script>", OTHER),
    "drawing with script": ("proof", "logo.svg", b'<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>', KINDS),
    "drawing with script called PNG": ("proof", "logo.png", b"<svg><script>alert(1)</script></svg>", OTHER),
    "picture of another kind, and PDF": (
        "proof",
        "x.pdf",
        picture()[:20] + b"%PDF-1.7\n" + picture(),
        "contains another",
    ),
    "picture and PDF": ("proof", "both.jpg", picture()[:20] + b"%PDF-1.7\n" + picture()[20:], "contains another kind"),
    "picture and archive": ("proof", "both.png", picture("PNG") + archive("evil.class"), "contains another kind"),
    "picture and web page": ("notes", "both.gif", b"GIF89a/*<script>alert(1)</script>*/;", "contains another kind"),
    "picture cut off": ("proof", "cut.png", picture("PNG")[:20], "damaged or incomplete"),
    "pixel bomb": ("proof", "bomb.png", pixel_bomb(), "the picture is too large"),
    "line bomb": ("proof", "line.png", pixel_bomb(1, 200_000), "the picture is too large"),
    "zip bomb": ("proof", "bomb.docx", zip_bomb(), "too large when opened"),
    "zips in a zip": ("proof", "nest.docx", archive(*WORD, *(f"{n}.zip" for n in range(11))), "too large when opened"),
    "endless table of contents": ("notes", "long.odt", _long_table(), "too large when opened"),
    "archive that ends twice": ("proof", "twice.docx", _two_ends(), "damaged or incomplete"),
    "archive cut off": ("proof", "cut.docx", archive(*WORD)[:-30], "damaged or incomplete"),
    "other archive called Word": ("proof", "app.docx", archive("a.txt"), OTHER),
    "macros": ("proof", "letter.docx", MACROS, "save it without macros"),
    "members behind a password": ("proof", "locked.docx", locked_archive(archive(*WORD)), LOCKED),
    "Word behind a password": ("proof", "locked.docx", LOCKED_WORD, LOCKED),
    "Word behind a password, called PDF": ("proof", "locked.pdf", LOCKED_WORD, LOCKED),
    "PDF behind a password": ("proof", "locked.pdf", pdf("AES-256", user="secret"), LOCKED),
    "old PDF behind a password": ("proof", "locked.pdf", pdf("RC4-40", user="secret"), LOCKED),
    "OpenDocument behind a password": ("notes", "locked.odt", locked_open_document(), LOCKED),
    "archive cut inside a stored member": ("proof", "cut.docx", STORED[: STORED.rfind(b"PK\x01\x02") - 99], "damaged"),
    "archive cut after a stored member": ("proof", "cut.docx", STORED[: STORED.find(END) + 22], "damaged"),
    "picture of a kind that is not allowed": ("notes", "scan.gif", picture("PNG"), OTHER),
    "table called text": ("notes", "table.odt", open_document("application/vnd.oasis.opendocument.spreadsheet"), OTHER),
    "bytes called text": ("notes", "notes.txt", b"hello\x00world", OTHER),
    "web page called text": ("notes", "notes.txt", b"\xef\xbb\xbf <html><script>1</script>", OTHER),
    "half a letter": ("notes", "notes.txt", "ä".encode("utf-16")[:-1], OTHER),
    "test virus as a program": ("proof", "eicar.com", EICAR, KINDS),
    "test virus called PDF": ("proof", "eicar.pdf", EICAR, OTHER),
}


@pytest.mark.parametrize(("field", "name", "content", "sentence"), BAD.values(), ids=BAD)
def test_bad_file_is_refused_with_its_sentence_and_not_kept(
    citizen: Citizen, draft: str, kept: Kept, database: Database, field: str, name: str, content: bytes, sentence: str
) -> None:
    citizen.open(f"{draft}/papers")
    page = citizen.press("Continue", story="My rent", **{field: File(name, content)})
    assert page.status == 422
    assert sentence in page
    assert f'href="#{field}"' in page.text
    assert "Error:" in page.title
    assert page.value("story") == "My rent"
    assert kept() == []
    with database.reading() as db:
        assert db.scalars(select(StoredFile)).all() == []


@pytest.mark.parametrize("button", ["Save and come back later", "Back", "Save and stay signed in"])
def test_refused_file_is_reported_whichever_button_is_pressed(citizen: Citizen, draft: str, button: str) -> None:
    citizen.open(f"{draft}/papers")
    page = citizen.press(button, story="Kept", proof=File("empty.pdf", b""))
    assert page.status == 422
    assert "it is empty" in page
    assert citizen.open(f"{draft}/papers").value("story") == "Kept"


def test_good_files_are_kept_and_each_bad_one_is_named(citizen: Citizen, draft: str, kept: Kept) -> None:
    citizen.open(f"{draft}/papers")
    files = [File("a.pdf", b""), File("good.pdf", PDF), File("b.exe", b"MZ")]
    page = citizen.press("Continue", story="x", proof=files)
    assert "“a.pdf” was not added: it is empty. “b.exe” was not added: it must be" in page
    assert "good.pdf" in page
    assert len(kept()) == 1


def test_file_type_claimed_by_the_browser_is_ignored(app: Flask, citizen: Citizen, draft: str, kept: Kept) -> None:
    citizen.open(f"{draft}/papers")
    token = citizen.page.value("csrf_token") or ""
    data = {"csrf_token": token, "proof": (BytesIO(b"MZ" + bytes(99)), "a.pdf", "application/pdf"), "_end": "1"}
    answer = citizen.client.post(f"{draft}/papers", data=data)
    assert answer.status_code == 422
    assert OTHER in answer.text
    assert kept() == []


def _body(token: str, rest: bytes) -> bytes:
    start = f'--cut\r\nContent-Disposition: form-data; name="csrf_token"\r\n\r\n{token}\r\n'.encode()
    return start + rest


def _file(name: bytes, content: bytes) -> bytes:
    return b'--cut\r\nContent-Disposition: form-data; name="proof"; filename="' + name + b'"\r\n\r\n' + content


REST = b'\r\n--cut\r\nContent-Disposition: form-data; name="_end"\r\n\r\n1\r\n--cut--\r\n'
CUT = {
    "in a file": (_file(b"a.pdf", PDF * 5000), 400),
    "after a file": (_file(b"a.pdf", PDF) + b"\r\n", 400),
    "before the last boundary": (_file(b"a.pdf", PDF) + REST[:-8], 400),
    "without the end marker": (_file(b"a.pdf", PDF) + b"\r\n--cut--\r\n", 400),
    "in a file's head": (b'--cut\r\nContent-Disposition: form-data; name="proof"; file', 400),
    "bytes in the name that are no text": (_file(b"a\xff\xfe.pdf", PDF) + REST, 400),
}


@pytest.mark.parametrize(("rest", "status"), CUT.values(), ids=CUT)
def test_truncated_or_mangled_body_leaves_no_file(
    citizen: Citizen, draft: str, kept: Kept, database: Database, rest: bytes, status: int
) -> None:
    token = citizen.open(f"{draft}/papers").value("csrf_token") or ""
    answer = citizen.client.post(
        f"{draft}/papers", data=_body(token, rest), content_type="multipart/form-data; boundary=cut"
    )
    assert answer.status_code == status
    assert kept() == []
    with database.reading() as db:
        assert db.scalars(select(StoredFile)).all() == []


def test_body_over_the_limit_of_its_page_is_refused_before_it_is_read(citizen: Citizen, draft: str, kept: Kept) -> None:
    citizen.open(f"{draft}/papers")
    page = citizen.press("Continue", proof=File("huge.pdf", bytes(66_000_000)))
    assert page.status == 413
    assert page.heading == "That was too large"
    assert "smaller files" in page
    assert kept() == []


@pytest.mark.parametrize("path", ["/people", "", "/check"])
def test_page_that_asks_for_no_files_takes_none(citizen: Citizen, draft: str, kept: Kept, path: str) -> None:
    token = citizen.open(f"{draft}/papers").value("csrf_token") or ""
    data = {"csrf_token": token, "proof": (BytesIO(PDF), "a.pdf"), "_end": "1"}
    citizen.client.post(f"{draft}{path}", data=data, content_type="multipart/form-data")
    data = {"csrf_token": token, "proof": (BytesIO(PDF * 20_000), "a.pdf"), "_end": "1"}
    assert post(citizen.client, f"{draft}{path}", data=data, content_type="multipart/form-data").status_code == 413
    assert kept() == []


def test_stranger_cannot_make_the_server_write_a_file(app: Flask, draft: str, kept: Kept) -> None:
    data = {"proof": (BytesIO(PDF * 20_000), "a.pdf"), "_end": "1"}
    answer = post(app.test_client(), f"{draft}/papers", data=data, content_type="multipart/form-data")
    assert answer.status_code == 413
    assert kept() == []


def test_a_page_with_an_old_token_says_that_the_file_must_be_chosen_again(
    citizen: Citizen, draft: str, kept: Kept
) -> None:
    citizen.open(f"{draft}/papers")
    data = {"csrf_token": "old", "story": "Typed", "proof": (BytesIO(PDF), "a.pdf"), "_end": "1"}
    answer = citizen.client.post(f"{draft}/papers", data=data, content_type="multipart/form-data")
    assert answer.status_code == 409
    assert "“a.pdf” was not added: please choose it again" in answer.text
    assert kept() == []
    assert "a.pdf" not in citizen.open(f"{draft}/papers")


def test_typed_text_cannot_pretend_to_be_a_stored_file(citizen: Citizen, draft: str) -> None:
    citizen.open(f"{draft}/papers")
    forged = '{"id": "x", "kind": "pdf", "name": "forged.pdf", "size": "1"}'
    data = {"csrf_token": citizen.page.value("csrf_token"), "story": "x", "proof": forged, "_end": "1"}
    assert citizen.client.post(f"{draft}/papers", data=data).status_code == 422
    assert "forged.pdf" not in citizen.open(f"{draft}/papers")

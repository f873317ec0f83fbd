"""Files on a section's page: added, listed, removed, downloaded, sent, and gone with their draft."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from threading import Event

import pytest
from flask import Flask
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from portal.app import create_app
from portal.audit import Actor
from portal.commands.worker import Worker
from portal.config import read_configuration
from portal.db import Database
from portal.drafts.models import Draft
from portal.drafts.sealing import subject
from portal.errors import ConfigurationError, UndecryptableError
from portal.form_definitions.format.reading import read_yaml
from portal.form_definitions.types.files import FileEntry
from portal.form_definitions.versions.operations import publish
from portal.site_settings.operations import change_settings
from portal.storage.adapters import open_storage
from portal.storage.definition import Scan
from portal.storage.models import StoredFile
from portal.storage.operations import Content, Upload, claim_upload, new_name, stage
from portal.storage.upkeep import FileKeeper
from portal.storage.uploads import UPLOADS
from tests.citizen import Citizen, File, Page, post
from tests.conftest import MovableClock
from tests.files import PDF, WORD, archive, open_document, pdf, picture, stored, with_large_ends
from tests.integration.storage.conftest import FORM
from tests.people import add_person, sign_in

Kept = Callable[[], list[Path]]
PAYSLIP = File("payslip.pdf", PDF)
PHOTO = File("photo.jpg", picture())
WANTED = ({".pdf", ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".docx"}, {".txt", ".text", ".heic", ".heif", ".hif"})
LARGE = File("scan.jpg", picture() + bytes(300_000))


def keep_house(app: Flask) -> None:
    """Run the worker's sweeps of files."""
    parts = app.extensions["portal"]
    FileKeeper(parts.database, parts.configuration, parts.clock).keep()


def add(citizen: Citizen, draft: str, *files: File) -> None:
    citizen.open(f"{draft}/papers")
    citizen.press("Continue", story="My rent", proof=list(files))


def rows(database: Database) -> list[StoredFile]:
    with database.reading() as db:
        return list(db.scalars(select(StoredFile).order_by(StoredFile.id)))


def download(citizen: Citizen, name: str) -> TestResponse:
    return citizen.client.get(citizen.page.links[name], buffered=True)


def test_a_file_is_kept_although_another_answer_is_missing(citizen: Citizen, draft: str, kept: Kept) -> None:
    citizen.open(f"{draft}/papers")
    page = citizen.press("Continue", proof=PAYSLIP)
    assert page.status == 422
    assert "payslip.pdf" in page
    assert len(kept()) == 1
    assert "Add a file" not in page.text
    assert citizen.press("Continue", story="My rent").path == f"{draft}/people"


def test_missing_file_is_asked_for_and_stops_the_form_being_sent(citizen: Citizen, draft: str) -> None:
    citizen.open(f"{draft}/papers")
    page = citizen.press("Continue", story="My rent")
    assert page.status == 422
    assert "Proof: add a file" in page
    citizen.open(f"{draft}/check")
    assert citizen.press("Send").status == 422


@pytest.mark.parametrize("button", ["Continue", "Save and come back later", "Back", "Save and stay signed in"])
def test_every_button_keeps_the_file(citizen: Citizen, draft: str, button: str) -> None:
    citizen.open(f"{draft}/papers")
    citizen.press(button, proof=PAYSLIP)
    assert f"payslip.pdf {len(PDF)} B Not checked for viruses" in citizen.open(f"{draft}/papers")


@pytest.mark.parametrize(
    ("field", "file"),
    [
        ("proof", PHOTO),
        ("proof", File("PHOTO.JPEG", picture())),
        ("proof", File("scan.png", picture("PNG"))),
        ("proof", File("letter.docx", archive("[Content_Types].xml", "word/document.xml"))),
        ("notes", File("notes.txt", "Grüße\r\nfrom here".encode("cp1252"))),
        ("notes", File("wide.txt", "Łódź".encode("utf-16"))),
        ("notes", File("table.csv", b"a;b\n1;2\n")),
        ("notes", File("letter.odt", open_document())),
        ("notes", File("smile.gif", picture("GIF"))),
        ("notes", File("IMG_1.HEIC", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(99))),
        ("proof", File("Mietvertrag.2024.05.pdf", PDF)),
    ],
    ids=lambda value: value.name if isinstance(value, File) else value,
)
def test_usual_file_types_are_accepted(citizen: Citizen, draft: str, field: str, file: File) -> None:
    citizen.open(f"{draft}/papers")
    citizen.press("Back", **{field: file})
    page = citizen.open(f"{draft}/papers")
    assert file.name in page
    answer = download(citizen, file.name)
    assert (answer.status_code, answer.data) == (200, file.content)


@pytest.mark.parametrize(
    ("given", "content", "kept_as"),
    [
        ("scan.jfif", picture(), "scan.jfif"),
        ("SCAN.JPE", picture(), "SCAN.JPE"),
        ("IMG_1.HEIC", picture(), "IMG_1.jpg"),
        ("photo.pdf", picture(), "photo.jpg"),
        ("paper.jpg", PDF, "paper.pdf"),
        ("photo.jpg", picture("PNG"), "photo.png"),
        ("letter.doc", archive("[Content_Types].xml", "word/document.xml"), "letter.docx"),
        ("for all.pdf", pdf("AES-128"), "for all.pdf"),
        (
            "embedded.docx",
            stored(dict.fromkeys(WORD, b"<?xml?>") | {"word/table.xlsx": archive(*WORD)}),
            "embedded.docx",
        ),
        ("large.docx", with_large_ends(archive(*WORD)), "large.docx"),
        ("Trip - Booking.com.pdf", PDF, "Trip - Booking.com.pdf"),
        ("invoice.exe.pdf", PDF, "invoice.exe.pdf"),
        ("../../../etc/cron.d/x.pdf", PDF, "x.pdf"),
        ("C:\\fakepath\\x.pdf", PDF, "x.pdf"),
        ("/etc/passwd.pdf", PDF, "passwd.pdf"),
        ("pay\x07sl\x00ip.pdf", PDF, "payslip.pdf"),
        ("scan.pdf. ", PDF, "scan.pdf"),
        ("Scan 12\uf02230 \U0001fae8\u200f.pdf", PDF, "Scan 12-30 \U0001fae8.pdf"),
        ("aux.pdf", PDF, "_aux.pdf"),
        ("x" * 300 + ".pdf", PDF, "x" * 96 + ".pdf"),
    ],
)
def test_file_is_kept_under_a_clean_name_with_the_ending_of_its_kind(
    citizen: Citizen, draft: str, given: str, content: bytes, kept_as: str
) -> None:
    token = citizen.open(f"{draft}/papers").value("csrf_token") or ""
    head = b'--cut\r\nContent-Disposition: form-data; name="%b"%b\r\n\r\n'
    body = head % (b"csrf_token", b"") + token.encode() + b"\r\n"
    body += head % (b"proof", b'; filename="' + given.replace("\\", "\\\\").encode() + b'"') + content + b"\r\n"
    body += head % (b"_end", b"") + b"1\r\n--cut--\r\n"
    citizen.client.post(f"{draft}/papers", data=body, content_type="multipart/form-data; boundary=cut")
    citizen.open(f"{draft}/papers")
    answer = download(citizen, kept_as)
    assert (answer.status_code, answer.data) == (200, content)


def test_every_usual_ending_of_an_allowed_kind_can_be_chosen(citizen: Citizen, draft: str) -> None:
    page = citizen.open(f"{draft}/papers").text
    offered = re.findall(r'accept="([^"]*)"', page)
    assert [set(endings.split(",")) >= wanted for endings, wanted in zip(offered, WANTED, strict=True)] == [True, True]


def test_question_that_depends_on_added_files_is_shown(citizen: Citizen, draft: str) -> None:
    add(citizen, draft, PAYSLIP)
    citizen.open(f"{draft}/papers")
    citizen.press("Continue", notes=File("notes.txt", b"hello"), why="Because")
    assert "Because" in citizen.open(f"{draft}/check")


def test_files_can_be_added_up_to_the_maximum(citizen: Citizen, draft: str, kept: Kept) -> None:
    add(citizen, draft, PAYSLIP, PHOTO)
    citizen.open(f"{draft}/papers")
    page = citizen.press("Continue", proof=[File("third.pdf", PDF), File("fourth.pdf", PDF)])
    assert page.status == 422
    assert "“fourth.pdf” was not added: you can add only 3" in page
    assert all(name in page for name in ("payslip.pdf", "photo.jpg", "third.pdf"))
    assert len(kept()) == 3


def test_file_is_removed_by_its_own_button_and_typed_text_stays(
    app: Flask, citizen: Citizen, draft: str, kept: Kept
) -> None:
    add(citizen, draft, PAYSLIP, PHOTO)
    citizen.open(f"{draft}/papers")
    page = citizen.press("Remove payslip.pdf", story="Changed meanwhile")
    assert page.value("story") == "Changed meanwhile"
    assert "photo.jpg" in page.links
    assert "payslip.pdf" not in page.links
    keep_house(app)
    assert len(kept()) == 2


def test_stored_file_is_encrypted_and_bound_to_its_draft(
    citizen: Citizen, draft: str, kept: Kept, database: Database
) -> None:
    add(citizen, draft, File("secret.pdf", PDF + b"canary"))
    [path] = kept()
    assert b"canary" not in path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    with database.writing() as db:
        db.scalars(select(StoredFile)).one().place = "papers/elsewhere"
    citizen.open(f"{draft}/papers")
    assert download(citizen, "secret.pdf").status_code == 500


@pytest.mark.parametrize(
    "harm",
    [
        lambda data: data[:-1],
        lambda data: data[: 65536 + 16],
        lambda data: data[65552:131104] + data[:65552] + data[131104:],
        lambda data: data + b"x",
        lambda data: data[:-65552] if len(data) % 65552 == 0 else data[: -(len(data) % 65552)],
        lambda data: bytes([data[0] ^ 1]) + data[1:],
    ],
    ids=["cut", "cut at a chunk", "re-ordered", "longer", "without its end", "changed"],
)
def test_damaged_file_is_not_served_as_if_it_were_whole(
    citizen: Citizen, draft: str, kept: Kept, harm: Callable[[bytes], bytes]
) -> None:
    add(citizen, draft, LARGE)
    citizen.open(f"{draft}/papers")
    [path] = kept()
    path.write_bytes(harm(path.read_bytes()))
    with pytest.raises(UndecryptableError):
        download(citizen, "scan.jpg")


def test_a_download_is_saved_and_never_shown_as_a_page(citizen: Citizen, draft: str) -> None:
    add(citizen, draft, File("Lohn „März“ ä.pdf", PDF))
    citizen.open(f"{draft}/papers")
    answer = download(citizen, "Lohn „März“ ä.pdf")
    assert answer.headers["Content-Disposition"] == (
        "attachment; filename=\"Lohn Marz a.pdf\"; filename*=UTF-8''Lohn%20%E2%80%9EM%C3%A4rz%E2%80%9C%20%C3%A4.pdf"
    )
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.content_type == "application/pdf"


def test_nobody_else_can_download_a_file(app: Flask, citizen: Citizen, draft: str) -> None:
    add(citizen, draft, PAYSLIP)
    address = citizen.open(f"{draft}/papers").links["payslip.pdf"]
    stranger = Citizen(app)
    assert stranger.client.get(address).status_code == 302
    stranger.open("/forms/evidence")
    own = stranger.press("Start now").path
    assert stranger.client.get(address).status_code == 404
    reference = own.rpartition("/")[2]
    assert stranger.client.get(re.sub(r"/files/[^/]+", f"/files/{reference}", address)).status_code == 404
    add_person(app, "mina@mail.example", "staff")
    sign_in(stranger, "mina@mail.example")
    assert stranger.client.get(address.replace("/files/", "/hub/cases/").replace("/", "/", 1)).status_code == 404


def test_file_of_another_persons_draft_cannot_be_removed(app: Flask, citizen: Citizen, draft: str) -> None:
    add(citizen, draft, PAYSLIP)
    name = citizen.open(f"{draft}/papers").links["payslip.pdf"].rpartition("/")[2]
    stranger = Citizen(app)
    stranger.open("/forms/evidence")
    stranger.open(f"{stranger.press('Start now').path}/papers")
    token = stranger.page.value("csrf_token") or ""
    data = {"csrf_token": token, "_remove_file": f"proof/{name}", "story": "x", "_end": "1"}
    stranger.client.post(stranger.page.path, data=data)
    assert stranger.open(stranger.page.path).value("story") == "x"
    assert download_again(citizen, draft).status_code == 200


def download_again(citizen: Citizen, draft: str) -> TestResponse:
    citizen.open(f"{draft}/papers")
    return download(citizen, "payslip.pdf")


def send(citizen: Citizen, draft: str) -> str:
    citizen.open(f"{draft}/people")
    citizen.press("Continue")
    assert f"payslip.pdf ({len(PDF)} B)" in citizen.open(f"{draft}/check")
    citizen.press("Send")
    return draft.rpartition("/")[2]


def test_sent_form_keeps_its_files_for_its_owner_and_staff(
    app: Flask, citizen: Citizen, draft: str, clock: MovableClock
) -> None:
    add(citizen, draft, PAYSLIP)
    reference = send(citizen, draft)
    assert citizen.page.heading == "We have received your form"
    assert download(citizen, "payslip.pdf").data == PDF
    add_person(app, "mina@mail.example", "staff")
    staff = Citizen(app)
    sign_in(staff, "mina@mail.example")
    assert "Not checked for viruses" in staff.open(f"/hub/cases/{reference}")
    assert download(staff, "payslip.pdf").data == PDF
    clock.advance(days=400)
    for _ in range(3):
        Worker(app.extensions["portal"]).work_once(Event())
    keep_house(app)
    sign_in(staff, "mina@mail.example")
    staff.open(f"/hub/cases/{reference}")
    assert download(staff, "payslip.pdf").data == PDF


def test_files_that_were_removed_alone_or_with_an_item_are_not_sent_and_are_deleted(
    app: Flask, citizen: Citizen, draft: str, kept: Kept
) -> None:
    add(citizen, draft, PAYSLIP, PHOTO)
    citizen.open(f"{draft}/papers")
    citizen.press("Remove photo.jpg")
    citizen.open(f"{draft}/people")
    citizen.press("Add a person")
    citizen.press("Continue", name="Zoë", card=File("card.pdf", PDF))
    citizen.press("Remove Zoë")
    keep_house(app)
    assert len(kept()) == 3
    page = citizen.open(f"{draft}/check")
    assert not [name for name in ("card.pdf", "photo.jpg") if name in page]
    send(citizen, draft)
    assert not [name for name in ("card.pdf", "photo.jpg", "Zoë") if name in citizen.page]
    keep_house(app)
    assert len(kept()) == 1


@pytest.mark.parametrize("way", ["deleted", "expired"])
def test_files_are_deleted_with_their_draft(
    app: Flask, citizen: Citizen, draft: str, kept: Kept, clock: MovableClock, database: Database, way: str
) -> None:
    add(citizen, draft, PAYSLIP, PHOTO)
    address = citizen.open(f"{draft}/papers").links["payslip.pdf"]
    if way == "deleted":
        citizen.open(draft)
        citizen.press("Delete this draft")
        citizen.press("Delete this draft")
        assert citizen.client.get(address).status_code == 404
    else:
        clock.advance(days=31)
        Worker(app.extensions["portal"]).work_once(Event())
    assert [row.sealed for row in rows(database)] in ([b"", b""], [])
    keep_house(app)
    assert (kept(), rows(database)) == ([], [])


def test_a_claimed_draft_keeps_its_files(app: Flask, citizen: Citizen, draft: str) -> None:
    add(citizen, draft, PAYSLIP)
    add_person(app, "zoe@mail.example")
    sign_in(citizen, "zoe@mail.example")
    if "Yes" in citizen.page:
        citizen.press("Yes")
    assert download_again(citizen, draft).data == PDF


def test_two_tabs_can_add_files_without_conflict(app: Flask, citizen: Citizen, draft: str) -> None:
    other = Citizen(app)
    other.client = citizen.client
    citizen.open(f"{draft}/papers")
    other.open(f"{draft}/papers")
    other.press("Save and stay signed in", proof=PHOTO, story="From the other tab")
    citizen.open(f"{draft}/papers")
    other.press("Back", proof=PAYSLIP)
    assert citizen.press("Continue", story="From this tab").path == f"{draft}/people"
    page = citizen.open(f"{draft}/papers")
    assert "photo.jpg" in page
    assert "payslip.pdf" in page


def test_uploads_are_limited_and_the_page_says_so(citizen: Citizen, draft: str, app: Flask, kept: Kept) -> None:
    citizen.open(f"{draft}/papers")
    token = citizen.page.value("csrf_token") or ""
    answer = None
    for _ in range(UPLOADS.burst + 1):
        data = {"csrf_token": token, "_end": "1", "_changed": "notes", "notes": (BytesIO(b""), "x.txt")}
        answer = citizen.client.post(f"{draft}/autosave/papers/files", data=data, headers={"HX-Request": "true"})
    assert answer is not None
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0
    assert kept() == []


def test_bytes_have_limits_for_a_draft_a_holder_and_a_network_and_typed_answers_stay(
    app: Flask, citizen: Citizen, draft: str, database: Database, clock: MovableClock
) -> None:
    with database.writing() as db:
        change_settings(db, {"draft_files_mb": 10, "network_files_mb": 15}, by=Actor(), now=clock.now())
    token = citizen.open(f"{draft}/papers").value("csrf_token") or ""

    def add(guest: Citizen, address: str, token: str) -> str:
        """Add two files of nearly two megabytes each and remove what was there; return what the page says."""
        files = [(BytesIO(b"x" * 1_990_000), "large.txt") for _ in range(2)]
        data = {"csrf_token": token, "_end": "1", "story": "Typed", "notes": files, "_action": "continue"}
        return post(guest.client, f"{address}/papers", data=data, content_type="multipart/form-data").text

    def forget(work: str) -> None:
        with database.writing() as db:
            db.execute(update(StoredFile).values(work=work))

    said = []
    for _ in range(3):
        said.append(add(citizen, draft, token))
        forget("elsewhere")
    assert [TOO_MUCH in text for text in said] == [False, False, True]
    assert 'value="Typed"' in said[-1]
    other = Citizen(app)
    other.open("/forms/evidence")
    others = other.press("Start now").path
    token = other.open(f"{others}/papers").value("csrf_token") or ""
    said = []
    for _ in range(2):
        said.append(add(other, others, token))
        forget("elsewhere")
    assert [TOO_MUCH in text for text in said] == [False, True]
    clock.advance(minutes=25)
    token = other.open(f"{others}/papers").value("csrf_token") or ""
    with database.reading() as db:
        (draft_id,) = db.scalars(select(Draft.id).where(Draft.reference == others.rpartition("/")[2]))
    forget(subject(draft_id))
    assert "the files of this form may have 10 MB in all" in add(other, others, token)


def test_one_file_that_a_form_permits_can_be_sent_however_low_the_limits_are(
    app: Flask, database: Database, clock: MovableClock
) -> None:
    with database.writing() as db:
        publish(db, read_yaml(FORM.replace("max_mb: 2", "max_mb: 12")), now=clock.now())
        change_settings(db, {"draft_files_mb": 10, "network_files_mb": 10}, by=Actor(), now=clock.now())
    large = File("large.txt", b"x" * 12_000_000)

    def add() -> Page:
        guest = Citizen(app)
        guest.open("/forms/evidence")
        address = guest.press("Start now").path
        guest.open(f"{address}/papers")
        return guest.press("Save and stay signed in", notes=large)

    said = [add(), add()]
    clock.advance(hours=1)
    said.append(add())
    assert ["large.txt" in page and TOO_MUCH not in page.text for page in said] == [True, False, True]


TOO_MUCH = "too many files were sent. Choose it again after"


def test_rolled_back_request_leaves_no_file(
    app: Flask, citizen: Citizen, draft: str, kept: Kept, database: Database
) -> None:
    def fail(_draft: object) -> None:
        raise RuntimeError("the mail cannot be written")

    parts = app.extensions["portal"]
    parts.hooks = replace(parts.hooks, draft_saved=fail)
    citizen.open(f"{draft}/papers")
    page = citizen.press("Save and come back later", proof=PAYSLIP)
    assert page.status == 500
    assert (kept(), rows(database)) == ([], [])
    assert "payslip.pdf" not in citizen.open(f"{draft}/papers")


def test_files_left_by_a_killed_process_are_deleted_after_an_hour(
    app: Flask, kept: Kept, database: Database, clock: MovableClock
) -> None:
    upload = Upload(
        field_id="proof",
        entry=FileEntry(id=new_name(), name="a.pdf", kind="pdf", size=3),
        content=Content(key=bytes(32), name="a.pdf", kind="pdf", field_id="proof"),
        scan=Scan.NOT_SCANNED,
    )
    storage = open_storage(app.extensions["portal"].configuration)
    with database.writing() as db:
        stage(db, [upload], now=clock.now())
    storage.put(upload.entry.id, [b"abc"])
    half = kept()[0].with_name(f"{upload.entry.id}.part")
    half.write_bytes(b"a")
    clock.advance(minutes=59)
    keep_house(app)
    assert len(kept()) == 2
    clock.advance(minutes=1)
    keep_house(app)
    assert (kept(), rows(database)) == ([], [])


def test_staged_file_is_claimed_once_and_never_after_its_time(
    app: Flask, database: Database, clock: MovableClock
) -> None:
    keyring = app.extensions["portal"].configuration.keyring
    uploads = [
        Upload(
            field_id="proof",
            entry=FileEntry(id=new_name(), name="a.pdf", kind="pdf", size=3),
            content=Content(key=bytes(32), name="a.pdf", kind="pdf", field_id="proof"),
            scan=Scan.NOT_SCANNED,
        )
        for _ in range(3)
    ]
    with database.writing() as db:
        stage(db, uploads, now=clock.now())
        assert claim_upload(db, uploads[0], work="draft:1", place="a/", keyring=keyring, now=clock.now())
        assert not claim_upload(db, uploads[0], work="draft:2", place="a/", keyring=keyring, now=clock.now())
        soon = clock.now() + timedelta(days=1)
        assert claim_upload(db, uploads[2], work="late:1", place="a/", keyring=keyring, now=clock.now(), until=soon)
        assert not claim_upload(db, uploads[2], work="draft:2", place="a/", keyring=keyring, now=clock.now())
        clock.advance(hours=1)
        assert not claim_upload(db, uploads[1], work="draft:1", place="a/", keyring=keyring, now=clock.now())


def test_a_folder_that_cannot_be_written_to_is_refused_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    environ = {"DATA_DIR": str(tmp_path / "data"), "STORAGE_URL": f"file:{tmp_path}/file/folder"}
    with pytest.raises(ConfigurationError, match="STORAGE_URL"):
        create_app(read_configuration(environ))

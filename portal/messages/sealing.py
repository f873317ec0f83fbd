"""Encrypt what threads hold; the key is the thread's own, and each value is bound to its place in it."""

import json
from dataclasses import asdict, dataclass

from portal.keyring import Keyring
from portal.messages.models import Message, MessageDraft, Note, Thread

SUBJECT, ADDRESS = "subject", "address"


@dataclass(frozen=True, kw_only=True)
class Written:
    """What somebody is writing; subject and topic only where it begins a thread.

    `topic` is the name of a topic, or `case:` and the reference of a case.
    """

    text: str = ""
    subject: str = ""
    topic: str = ""


def work_of_thread(reference: str) -> str:
    """Return the name of a thread's own key, under which its files are stored as well."""
    return f"thread:{reference}"


def work_of_draft(thread: Thread | None, holder: str) -> str:
    """Return the name of the key of what somebody writes: the thread's, or their own where it is to begin one."""
    return work_of_thread(thread.reference) if thread else f"thread:new:{holder}"


def draft_place(holder: str) -> str:
    """Return the place of what somebody writes, and of its files."""
    return f"draft:{holder}"


def removed_place(holder: str) -> str:
    """Return the place of files that were removed from what somebody writes, and can be brought back."""
    return f"removed {draft_place(holder)}"


def message_place(number: int) -> str:
    """Return the place of a message and its files."""
    return f"message:{number}"


def seal_written(keyring: Keyring, thread: Thread | None, holder: str, written: Written) -> bytes:
    """Encrypt what somebody is writing."""
    plain = json.dumps(asdict(written), ensure_ascii=False).encode()
    return keyring.seal(plain, subject=work_of_draft(thread, holder), place=draft_place(holder))


def open_written(keyring: Keyring, thread: Thread | None, draft: MessageDraft | None) -> Written:
    """Decrypt what somebody is writing; empty where there is nothing."""
    if draft is None or not draft.sealed:
        return Written()
    place = draft_place(draft.holder)
    plain = keyring.open(draft.sealed, subject=work_of_draft(thread, draft.holder), place=place)
    return Written(**json.loads(plain))


def seal_in_thread(keyring: Keyring, thread: Thread, place: str, text: str) -> bytes:
    """Encrypt a text for one place in a thread."""
    return keyring.seal(text.encode(), subject=work_of_thread(thread.reference), place=place)


def subject_of(keyring: Keyring, thread: Thread) -> str:
    """Decrypt the subject of a thread."""
    return keyring.open(thread.subject, subject=work_of_thread(thread.reference), place=SUBJECT).decode()


def guest_address(keyring: Keyring, thread: Thread) -> str | None:
    """Decrypt the address of a guest's thread; None where its customer has an account."""
    if thread.address is None:
        return None
    return keyring.open(thread.address, subject=work_of_thread(thread.reference), place=ADDRESS).decode()


def text_of(keyring: Keyring, thread: Thread, message: Message) -> str:
    """Decrypt the text of a message."""
    place = message_place(message.number)
    return keyring.open(message.sealed, subject=work_of_thread(thread.reference), place=place).decode()


def reason_place(number: int) -> str:
    """Return the place of the reason for which a message was taken back."""
    return f"{message_place(number)} reason"


def reason_of(keyring: Keyring, thread: Thread, message: Message) -> str:
    """Decrypt the reason for which a message was taken back; empty where none was given."""
    if message.reason is None:
        return ""
    place = reason_place(message.number)
    return keyring.open(message.reason, subject=work_of_thread(thread.reference), place=place).decode()


def note_place(key: str) -> str:
    """Return the place of a note; the number of its row is not known when it is encrypted."""
    return f"note:{key}"


def text_of_note(keyring: Keyring, thread: Thread, note: Note) -> str:
    """Decrypt the text of a note."""
    place = note_place(note.key)
    return keyring.open(note.sealed, subject=work_of_thread(thread.reference), place=place).decode()

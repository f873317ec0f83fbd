"""E-mail as people get it: delivered by the command, read from the files."""

from email import message_from_bytes, policy
from email.message import EmailMessage
from urllib.parse import urlsplit

from flask import Flask


class Letter:
    """One e-mail as its reader sees it."""

    def __init__(self, content: bytes) -> None:
        read = message_from_bytes(content, policy=policy.default)
        assert isinstance(read, EmailMessage)
        body = read.get_body(("plain",))
        assert body is not None
        self.to, self.subject = str(read["To"]), str(read["Subject"])
        self.lines = [line.strip() for line in str(body.get_content()).splitlines()]

    @property
    def link(self) -> str:
        """Return the path of the link on a line of its own."""
        (found,) = (line for line in self.lines if line.startswith("http"))
        return urlsplit(found).path

    @property
    def code(self) -> str:
        """Return the six digits on a line of their own."""
        (found,) = (line for line in self.lines if len(line) == 6 and line.isdigit())
        return found


def letters(app: Flask) -> list[Letter]:
    """Deliver what waits; return all e-mails so far, in the order of their delivery."""
    result = app.test_cli_runner().invoke(args=["mail", "deliver"])
    assert result.exit_code == 0, result.output
    folder = app.extensions["portal"].configuration.mail_dir
    files = sorted(folder.glob("*.eml"), key=lambda path: path.stat().st_mtime_ns) if folder.exists() else []
    return [Letter(path.read_bytes()) for path in files]

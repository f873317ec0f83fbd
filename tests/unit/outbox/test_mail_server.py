"""`MAIL_URL` is read, or refused with a sentence."""

import pytest

from portal.errors import ConfigurationError
from portal.outbox.delivery import MailServer, read_mail_server


def test_a_file_url_names_no_server() -> None:
    assert read_mail_server("file:") is None


def test_every_part_of_a_mail_url_is_read() -> None:
    assert read_mail_server("smtp://post%40man:p%3Aw@mail.example:587?starttls=1") == MailServer(
        scheme="smtp", host="mail.example", port=587, user="post@man", password="p:w", starttls=True
    )


@pytest.mark.parametrize(("url", "port"), [("smtp://h", 25), ("smtps://h", 465)])
def test_each_scheme_has_its_default_port(url: str, port: int) -> None:
    server = read_mail_server(url)
    assert server is not None
    assert (server.port, server.user, server.starttls) == (port, None, False)


@pytest.mark.parametrize(
    "url", ["smtp:", "smtp://", "smtp://:25", "smtp://h/x", "smtp://h?starttls=yes", "smtp://h?tls=1"]
)
def test_an_invalid_mail_url_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="MAIL_URL"):
        read_mail_server(url)

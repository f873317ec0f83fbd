"""The domain of our own e-mail addresses."""

import pytest

from portal.mail.messages import mail_host


@pytest.mark.parametrize(
    ("base_url", "host"),
    [
        ("https://portal.example.org", "portal.example.org"),
        ("http://127.0.0.1:8000", "127.0.0.1"),
        ("http://[::1]:8000", "[IPv6:::1]"),
        ("https://tŷ.example.org", "xn--t-foa.example.org"),
    ],
)
def test_the_host_of_the_base_url_is_the_mail_domain(base_url: str, host: str) -> None:
    assert mail_host(base_url) == host

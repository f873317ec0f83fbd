"""The plain description of a browser from its user agent."""

import pytest

from portal.sessions.browser_sessions import device_of

MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)"
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36"


@pytest.mark.parametrize(
    ("user_agent", "device"),
    [
        (f"{MAC} Version/18.0 Safari/605.1.15", "Safari/Mac"),
        (WINDOWS, "Chrome/Windows"),
        (f"{WINDOWS} Edg/140.0", "Edge/Windows"),
        (f"{WINDOWS} OPR/120.0", "Opera/Windows"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox/Linux"),
        ("Mozilla/5.0 (Linux; Android 15; K) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36", "Chrome/Android"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) CriOS/140.0 Mobile Safari/604.1", "Chrome/iPhone"),
        ("Mozilla/5.0 (Windows NT 10.0) Somebody/1.0", "/Windows"),
        ("curl/8.5.0", None),
        ("", None),
        ("<script>" * 1000, None),
    ],
)
def test_a_device_is_described_by_browser_and_system_only(user_agent: str, device: str | None) -> None:
    assert device_of(user_agent) == device

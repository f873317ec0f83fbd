"""Every cookie of ours: how it is called, and the flags that it bears."""

from datetime import timedelta
from typing import Any

from flask import Response

from portal.web.portal import portal


def cookie_name(name: str) -> str:
    """A cookie's name in this installation: browsers hold `__Host-` cookies to HTTPS, this host and all paths."""
    return f"__Host-{name}" if portal().configuration.is_https else name


def send_cookie(response: Response, name: str, value: str | None, max_age: timedelta | None = None) -> None:
    """Give the browser a cookie of ours, or take it away (None); deleting bears the same flags as setting.

    Without `max_age` the browser forgets it when it is closed.
    """
    flags: dict[str, Any] = {
        "httponly": True,
        "samesite": "Lax",
        "secure": portal().configuration.is_https,
        "path": "/",
    }
    if value is None:
        response.delete_cookie(cookie_name(name), **flags)
    else:
        response.set_cookie(cookie_name(name), value, max_age=max_age, **flags)

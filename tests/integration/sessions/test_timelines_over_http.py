"""The server reproduces every timeline to the second, on both databases."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from portal.audit import Actor
from portal.site_settings.operations import change_settings
from tests.conftest import START, MovableClock
from tests.integration.sessions.conftest import PROBES, Browser

TIMELINES = json.loads((Path(__file__).parents[2] / "data" / "session-timelines.json").read_text())["timelines"]
STYLESHEET = "/static/css/tokens.css"


def act(browser: Browser, action: str) -> TestResponse:
    kind = {"kind": browser.kind}
    form = {"csrf_token": browser.token}
    if action == "poll":
        return browser.client.get("/session/poll", query_string=kind)
    if action == "extend":
        return browser.client.post("/session/extend", query_string=kind, data=form)
    if action == "prefetch":
        return browser.client.get("/probe/load", query_string=kind, headers={"Sec-Purpose": "prefetch;prerender"})
    if action == "head":
        return browser.client.head("/probe/load", query_string=kind)
    if action == "asset":
        return browser.client.get(STYLESHEET)
    method, _, _ = PROBES[action]
    return browser.client.open(
        f"/probe/{action}", method=method, query_string=kind, data=form if method == "POST" else None
    )


@pytest.mark.parametrize("timeline", TIMELINES, ids=lambda timeline: timeline["name"])
def test_the_server_reproduces_the_timeline(
    timeline: dict[str, Any], app: Flask, clock: MovableClock, open_browser: Callable[[str], Browser]
) -> None:
    with app.extensions["portal"].database.writing() as db:
        minutes = timeline["idle_timeout_s"] // 60
        change_settings(db, {"session_lifetime_minutes": minutes}, by=Actor(), now=clock.now())
    holder = open_browser(timeline["kind"])
    for step in timeline["steps"]:
        clock.set(START + timedelta(seconds=step["at_s"]))
        before = holder.expires_at
        act(holder, step["do"]).close()
        wanted = step["expires_at_s"]
        if wanted is None:
            assert not holder.row.expires_at > clock.now(), step
            assert holder.expires_at == before, step
            assert 'data-state="ended"' in act(holder, "poll").text
        else:
            assert holder.expires_at == START + timedelta(seconds=wanted), step
            assert 'data-state="ended"' not in act(holder, "poll").text

"""The pure rules reproduce every timeline to the second."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from portal.sessions.policies import KINDS
from portal.sessions.rules import Contact, Times, counts, extended, renewed
from portal.site_settings.rules import snapshot
from portal.web.declarations import Activity

TIMELINES = json.loads((Path(__file__).parents[2] / "data" / "session-timelines.json").read_text())["timelines"]
BEGIN = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
CONTACTS = {
    "load": Contact(activity=Activity.LOAD, method="GET", status=200),
    "navigate": Contact(activity=Activity.NAVIGATE, method="GET", status=200),
    "refresh": Contact(activity=Activity.NAVIGATE, method="GET", status=200),
    "submit": Contact(activity=Activity.SUBMIT, method="POST", status=422),
    "save": Contact(activity=Activity.SAVE, method="POST", status=303),
    "integration": Contact(activity=Activity.INTEGRATION, method="POST", status=502),
    "continue_section": Contact(activity=Activity.CONTINUE_SECTION, method="POST", status=303),
    "back_section": Contact(activity=Activity.CONTINUE_SECTION, method="POST", status=303),
    "autosave": Contact(activity=Activity.AUTOSAVE, method="POST", status=200),
    "poll": Contact(activity=Activity.POLL, method="GET", status=200),
    "prefetch": Contact(activity=Activity.LOAD, method="GET", status=200, is_prefetch=True),
    "head": Contact(activity=Activity.LOAD, method="HEAD", status=200),
    "asset": Contact(activity=Activity.NONE, method="GET", status=200),
}


@pytest.mark.parametrize("timeline", TIMELINES, ids=lambda timeline: timeline["name"])
def test_rules_reproduce_the_timeline(timeline: dict[str, Any]) -> None:
    settings = snapshot({"session_lifetime_minutes": timeline["idle_timeout_s"] // 60})
    policy = KINDS[timeline["kind"]].policy(settings)
    idle_timeout = timedelta(seconds=timeline["idle_timeout_s"])
    assert policy.idle_timeout == idle_timeout
    times = Times(
        expires_at=BEGIN + idle_timeout, idle_timeout=idle_timeout, absolute_end_at=policy.absolute_end(BEGIN)
    )
    for step in timeline["steps"]:
        now = BEGIN + timedelta(seconds=step["at_s"])
        wanted = step["expires_at_s"]
        assert times.alive(now) is (wanted is not None), step
        if wanted is None:
            continue
        if step["do"] == "extend":
            deadline = extended(times, policy, now)
        else:
            deadline = renewed(times, policy, now) if counts(CONTACTS[step["do"]]) else times.expires_at
        assert deadline == BEGIN + timedelta(seconds=wanted), step
        times = Times(expires_at=deadline, idle_timeout=idle_timeout, absolute_end_at=times.absolute_end_at)

"""A session whose requests come from another network than before."""

from dataclasses import replace
from enum import Enum
from urllib.parse import urlencode

from flask import request

from portal.audit import record
from portal.sessions.interface import kind_of, visit
from portal.sessions.operations import end_session, follow_network
from portal.sessions.queries import FoundSession
from portal.sessions.rules import EndReason, NetworkRule
from portal.web.addresses import actor, remote_network
from portal.web.portal import portal
from portal.web.unit_of_work import now

AGAIN_PAGE = "/account/again"
WITHOUT_PROOF = (AGAIN_PAGE, "/account/sign-out")
"""Where a person goes who must type the password first."""


class Move(Enum):
    """What a request's network means to its session."""

    NONE = "none"
    ASK = "ask"
    END = "end"


def move_of(live: FoundSession) -> Move:
    """What is to be done; a change that is only written down is written down here, once."""
    network = remote_network(live.settings.known_networks)
    if live.network in (None, network):
        return Move.NONE
    rule = kind_of(live.kind).network_rule(live.settings)
    if rule is NetworkRule.LOG:
        _follow(live, network)
        return Move.NONE
    if rule is NetworkRule.PASSWORD and live.person_id:
        return Move.NONE if request.path in WITHOUT_PROOF else Move.ASK
    return Move.END


def _follow(live: FoundSession, network: str) -> None:
    with portal().database.writing() as own:
        if follow_network(own, live.id, network, now=now()):
            record(own, "network_changed", by=actor(live.person_id), now=now(), subject=f"session {live.id}")


def end_by_network(live: FoundSession) -> FoundSession:
    """End a session because its network changed; gives it as it stands now."""
    with portal().database.writing() as own:
        end_session(own, live.id, EndReason.NETWORK, now=now())
        record(own, "session_ended_by_network", by=actor(live.person_id), now=now(), subject=f"session {live.id}")
    ended = replace(live, times=replace(live.times, ended_at=now()), stored_reason=EndReason.NETWORK.value)
    visit().note_ended(ended)
    return ended


def again_page(kind: str, then: str) -> str:
    """Where the person of a session types the password again, to go on to `then` afterwards."""
    return f"{AGAIN_PAGE}?{urlencode({'kind': kind, 'next': then})}"

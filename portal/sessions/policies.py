"""The kinds of session, each a row: its cookie and its policy under the settings in force."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType

from portal.sessions.rules import ZERO, NetworkRule, Policy
from portal.site_settings.definition import Settings
from portal.web.declarations import CUSTOMER, HUB, MESSAGES, PERSONAL_KINDS, SIGNING

MOBILE = "mobile"
HUB_IDLE_TIMEOUT = timedelta(seconds=21_600)
HUB_ABSOLUTE_LIMIT = timedelta(hours=20)
GRACE: Mapping[str, timedelta] = MappingProxyType({HUB: timedelta(seconds=7_200)})
"""How long after its deadline a form that was open may still be sent, by kind; no setting or table changes it."""
NO_CLOCK = timedelta(days=24_000)
"""Sixty-five years: the longest that is never met and still fits an integer of PostgreSQL in seconds."""


@dataclass(frozen=True, kw_only=True)
class SessionKind:
    """One kind of session; `in_browser` kinds have a cookie and answer to `?kind=`.

    `cookie` is the cookie's name, without the prefix that HTTPS adds: one a kind, so that none disturbs another.
    `within` is the kind whose session it stands beside: its sessions are of the same person, and signing out of the one
    ends the other. `opened_at` is the page that opens a session of a kind that no sign-in opens. `entered_at` is where
    people come in who never sign in to it, `left_at` the form that ends it where that is not signing out. `words` names
    the words in which its pages speak of its end. `is_short_on_shared` says that its time is shorter on a computer that
    others use, too.
    """

    name: str
    cookie: str
    policy: Callable[[Settings], Policy]
    network_rule: Callable[[Settings], NetworkRule] = lambda _settings: NetworkRule.LOG
    in_browser: bool = True
    within: str | None = None
    opened_at: str | None = None
    entered_at: str | None = None
    left_at: str | None = None
    words: str = "signed_in"
    is_short_on_shared: bool = False


def _customer_policy(settings: Settings) -> Policy:
    return Policy(idle_timeout=settings.session_lifetime, absolute_limit=settings.absolute_limit)


def _messages_policy(settings: Settings) -> Policy:
    return Policy(idle_timeout=settings.messages_lifetime, renewal_share=1, absolute_limit=settings.absolute_limit)


def _signing_policy(settings: Settings) -> Policy:
    return Policy(idle_timeout=settings.signing_lifetime, absolute_limit=settings.absolute_limit)


def _hub_policy(_settings: Settings) -> Policy:
    return Policy(idle_timeout=HUB_IDLE_TIMEOUT, absolute_limit=HUB_ABSOLUTE_LIMIT, grace=GRACE[HUB])


def _mobile_policy(_settings: Settings) -> Policy:
    return Policy(idle_timeout=NO_CLOCK, renewal_share=0, warning=ZERO)


KINDS: Mapping[str, SessionKind] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            SessionKind(
                name=CUSTOMER,
                cookie="session_customer",
                policy=_customer_policy,
                network_rule=lambda s: NetworkRule(s.customer_network_rule),
                is_short_on_shared=True,
            ),
            SessionKind(
                name=MESSAGES,
                cookie="session_messages",
                policy=_messages_policy,
                network_rule=lambda s: NetworkRule(s.messages_network_rule),
                within=CUSTOMER,
                opened_at="/messages/unlock",
                words="messages",
                is_short_on_shared=True,
            ),
            SessionKind(
                name=SIGNING,
                cookie="session_signing",
                policy=_signing_policy,
                entered_at="/sign",
                left_at="/sign/quit",
                words="signing",
            ),
            SessionKind(
                name=HUB,
                cookie="session_hub",
                policy=_hub_policy,
                network_rule=lambda s: NetworkRule(s.hub_network_rule),
            ),
            SessionKind(name=MOBILE, cookie="session_mobile", policy=_mobile_policy, in_browser=False),
        )
    }
)
SIGN_IN_KINDS = tuple(name for name, kind in KINDS.items() if (kind.within or name) in PERSONAL_KINDS)
"""The kinds that one sign-in at a time holds together: those that a sign-in opens, and those that stand within them."""

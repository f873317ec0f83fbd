"""The states of an invitation to sign, what may become of it, and the times that its rules name."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType


class State(StrEnum):
    """What has become of an invitation; the values are stored."""

    WAITING = "waiting"
    """It is not sent yet: somebody else signs before."""
    INVITED = "invited"
    UNDELIVERED = "undelivered"
    CHECKED = "checked"
    SIGNED = "signed"
    DECLINED = "declined"
    NOT_ME = "not_me"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class OutcomeKind(StrEnum):
    """How an invitation was answered; the values are stored, and each is a state of that name too."""

    SIGNED = "signed"
    DECLINED = "declined"
    NOT_ME = "not_me"


class Choice(StrEnum):
    """Why somebody declines: they found something wrong, or do not want to; the values are stored."""

    WRONG = "wrong"
    REFUSE = "refuse"


class Event(StrEnum):
    """What a chain of events tells of a form with signers; the values are stored and hashed."""

    SENT = "sent"
    INVITED = "invited"
    WAITING = "waiting"
    UNDELIVERED = "undelivered"
    SENT_AGAIN = "sent_again"
    REMINDED = "reminded"
    CHECKED = "checked"
    SIGNED = "signed"
    DECLINED = "declined"
    NOT_ME = "not_me"
    WITHDRAWN = "withdrawn"
    EXTENDED = "extended"
    EXPIRED = "expired"
    WAIVED = "waived"


LIVE = frozenset({State.INVITED, State.UNDELIVERED, State.CHECKED})
"""States in which the link leads to the form."""
OPEN = LIVE | {State.WAITING}
ANSWERED = frozenset({State.SIGNED, State.DECLINED, State.NOT_ME})
MISSING = frozenset({State.UNDELIVERED, State.DECLINED, State.NOT_ME, State.EXPIRED})
"""States of a signature that does not come by itself: somebody has to do something."""
MAY_BECOME: Mapping[State, frozenset[State]] = MappingProxyType(
    {
        State.WAITING: frozenset({State.INVITED, State.WITHDRAWN}),
        State.INVITED: frozenset(
            {State.UNDELIVERED, State.CHECKED, State.NOT_ME, State.WITHDRAWN, State.EXPIRED, State.INVITED}
        ),
        State.UNDELIVERED: frozenset({State.INVITED, State.CHECKED, State.NOT_ME, State.WITHDRAWN, State.EXPIRED}),
        State.CHECKED: frozenset(
            {State.CHECKED, State.SIGNED, State.DECLINED, State.NOT_ME, State.WITHDRAWN, State.EXPIRED}
        ),
        State.EXPIRED: frozenset({State.INVITED, State.WITHDRAWN}),
        State.SIGNED: frozenset(),
        State.DECLINED: frozenset(),
        State.NOT_ME: frozenset(),
        State.WITHDRAWN: frozenset(),
    }
)
MAIL_CODE_LENGTH = 8
MOST_ADDRESSES = 5
SHORTEST_NAME, LONGEST_NAME, LONGEST_REASON = 2, 200, 2000
SHORTEST_EXTENSION, LONGEST_EXTENSION = 7, 60
"""In days."""
REMINDED_BEFORE = (timedelta(days=7), timedelta(days=2))
ANSWERED_AGAIN_FOR = timedelta(seconds=30)
"""How long a check that was passed is passed again without a trace, for the second click of a double one."""
TOLD_ONCE_IN = timedelta(days=1)
COPY_FOR = timedelta(hours=24)
"""How long a signer can fetch the copy after signing."""

"""The statuses of a sent form: what staff and its sender read, and whether the case is open."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from flask_babel import lazy_gettext as _
from flask_babel.speaklater import LazyString


@dataclass(frozen=True, kw_only=True)
class CaseStatus:
    """One status: the words for staff, for the sender and for the e-mail; `kind` and `icon` say how it is drawn."""

    name: str
    staff_words: LazyString
    words: LazyString
    explanation: LazyString
    kind: str
    icon: str
    is_open: bool = True
    goes_on: bool = False
    """Whether it lasts, as in "Being looked at since 29 November"; a form is received on a day."""


NEW = "new"
STATUSES: Mapping[str, CaseStatus] = MappingProxyType(
    {
        status.name: status
        for status in (
            CaseStatus(
                name=NEW,
                staff_words=_("New"),
                words=_("Received"),
                explanation=_("Your form is waiting to be looked at."),
                kind="neutral",
                icon="circle",
            ),
            CaseStatus(
                name="looked_at",
                staff_words=_("Being looked at"),
                words=_("Being looked at"),
                explanation=_("Somebody is looking at your form. You do not need to do anything now."),
                kind="active",
                icon="half",
                goes_on=True,
            ),
            CaseStatus(
                name="waiting",
                staff_words=_("Waiting for customer"),
                words=_("Waiting for you"),
                explanation=_(
                    "We need something from you before we can go on. Contact us if you do not know what it is."
                ),
                kind="warning",
                icon="clock",
                goes_on=True,
            ),
            CaseStatus(
                name="decided",
                staff_words=_("Decided"),
                words=_("Decided"),
                explanation=_("We have made a decision. Contact us if you have not heard from us."),
                kind="success",
                icon="tick",
                is_open=False,
            ),
            CaseStatus(
                name="closed",
                staff_words=_("Closed"),
                words=_("Closed"),
                explanation=_("We have finished with your form. You do not need to do anything."),
                kind="neutral",
                icon="tick",
                is_open=False,
            ),
        )
    }
)

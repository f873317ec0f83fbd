"""Every site setting, declared once: a new setting is a new row."""

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from types import MappingProxyType
from typing import Literal
from zoneinfo import ZoneInfo

from flask_babel import lazy_gettext as _
from flask_babel.speaklater import LazyString

SettingKind = Literal["whole_number", "text", "long_text", "yes_no", "time_zone", "choice", "networks", "topics"]
SettingValue = int | str | bool


TOPIC_SEPARATOR, TOPIC_PARTS = ";", ("name", "team", "address")


@dataclass(frozen=True, kw_only=True)
class Advice:
    """What we say of a number that is accepted and could be better: from `at_least` on, that value included.

    `{value}` in `summary` stands for the number, so that the page's script can say it of what is being typed.
    """

    at_least: int
    summary: LazyString
    reason: LazyString

    def summary_of(self, value: int) -> str | None:
        """The first sentence of the advice on a value, or None where there is nothing to say."""
        return str(self.summary).replace("{value}", str(value)) if value >= self.at_least else None


@dataclass(frozen=True, kw_only=True)
class Topic:
    """What somebody may write about: its name, and the team that answers with its address, both empty without one."""

    name: str
    team: str = ""
    address: str = ""


def topics_of(text: str) -> tuple[Topic, ...]:
    """Return the topics of a text that lists one a line, as `Topic` or `Topic; team; e-mail address of the team`."""
    lines = (line.split(TOPIC_SEPARATOR) for line in text.splitlines() if line.strip())
    return tuple(Topic(**dict(zip(TOPIC_PARTS, map(str.strip, line), strict=False))) for line in lines)


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One setting: its name (also the command's NAME), where it is shown, and what it accepts.

    `low` and `high` bound a number by value and a text by length; `options` are what can be chosen, each value with its
    words; `advice` never blocks.
    """

    name: str
    tab: str
    kind: SettingKind
    default: SettingValue
    label: LazyString
    help: LazyString | None = None
    low: int | None = None
    high: int | None = None
    options: tuple[tuple[str, LazyString], ...] = ()
    advice: Advice | None = None


NETWORK_RULES = (
    ("log", _("Only log it")),
    ("password", _("Ask for the password again")),
    ("end", _("End the session")),
)
_PAGE_HELP = _(
    "Markdown. If you leave it empty, we show the portal’s own text, with the current settings. What you write "
    "replaces it."
)
_COOKIES_HELP = _("Markdown. It replaces the first paragraph. The table of cookies stays.")
_CONTACT_HELP = _("Markdown. It replaces everything below the support contact and the postal address.")
_WELSH_HELP = _("If you leave it empty, people who read in Welsh see your English text, or else the portal’s own.")
PAGE_LENGTH = 10_000
"""Characters of a page's text; every request reads all settings, so they stay small."""


def _text_of_page(name: str, label: LazyString, help_text: LazyString) -> Setting:
    """The text of one public page in one language; while it is empty the page says what it says of itself."""
    return Setting(
        name=name, tab="content", kind="long_text", default="", high=PAGE_LENGTH, label=label, help=help_text
    )


SETTINGS = (
    Setting(
        name="session_lifetime_minutes",
        tab="general",
        kind="whole_number",
        default=30,
        low=10,
        high=360,
        label=_("Session lifetime in minutes"),
        help=_(
            "A whole number from 10 to 360. It applies the next time that people sign in or get more time. Nobody is "
            "signed out sooner."
        ),
        advice=Advice(
            at_least=60,
            summary=_("You can save {value}. Under 60 is better practice."),
            reason=_(
                "On a shared computer a long session leaves somebody’s answers open for longer. "
                "Answers are saved either way."
            ),
        ),
    ),
    Setting(
        name="site_name", tab="general", kind="text", default="Ashmere Council", low=1, high=80, label=_("Site name")
    ),
    Setting(
        name="time_zone",
        tab="general",
        kind="time_zone",
        default="Europe/London",
        label=_("Time zone"),
        help=_("Used for every clock time that people see."),
    ),
    Setting(
        name="support_contact",
        tab="general",
        kind="text",
        default="01632 960 114",
        low=1,
        high=200,
        label=_("Support contact"),
        help=_("Shown beside each form and on pages about errors"),
    ),
    Setting(
        name="case_due_days",
        tab="general",
        kind="whole_number",
        default=10,
        low=1,
        high=365,
        label=_("Target: days to answer"),
        help=_("A whole number from 1 to 365. A form that has waited longer is shown as overdue in the work list."),
    ),
    Setting(
        name="absolute_limit_hours",
        tab="sessions",
        kind="whole_number",
        default=20,
        low=0,
        high=168,
        label=_("Longest session in hours"),
        help=_(
            "People are signed out after this time, however often they press “Stay signed in”. It is never less than "
            "twice the session lifetime. 0 means no limit."
        ),
    ),
    Setting(
        name="continue_counts",
        tab="sessions",
        kind="yes_no",
        default=False,
        label=_("Continuing to another section counts as activity"),
        help=_("No: only opening, saving and sending give people more time, and “Stay signed in” at any time."),
    ),
    Setting(
        name="one_sign_in",
        tab="sessions",
        kind="yes_no",
        default=False,
        label=_("One sign-in at a time"),
        help=_("Yes: people who sign in are signed out everywhere else and told why there. No draft is lost."),
    ),
    Setting(
        name="shared_computer_minutes",
        tab="sessions",
        kind="whole_number",
        default=10,
        low=5,
        high=60,
        label=_("Session lifetime in minutes on a shared computer"),
        help=_(
            "A whole number from 5 to 60, for people who say that they use a shared or public computer. It is never "
            "longer than the session lifetime."
        ),
    ),
    Setting(
        name="customer_network_rule",
        tab="sessions",
        kind="choice",
        default="log",
        options=NETWORK_RULES,
        label=_("When a citizen’s internet connection changes"),
        help=_(
            "Phones change networks all day, so asking or ending protects little and disturbs many. Guests have no "
            "password, so they are signed out instead of being asked."
        ),
    ),
    Setting(
        name="hub_network_rule",
        tab="sessions",
        kind="choice",
        default="log",
        options=NETWORK_RULES,
        label=_("When the internet connection of staff changes"),
        help=_("What they typed and did not send is kept in each case."),
    ),
    Setting(
        name="known_networks",
        tab="sessions",
        kind="networks",
        default="",
        high=2000,
        label=_("Networks that count as one"),
        help=_(
            "Such as those of your offices, separated by spaces: 10.20.0.0/16 2001:db8:a::/48. "
            "Everywhere else an IPv4 address, or the first half of an IPv6 address, is one network."
        ),
    ),
    Setting(
        name="draft_most_days",
        tab="drafts",
        kind="whole_number",
        default=3650,
        low=1,
        high=3650,
        label=_("Delete unsent forms after at most (days)"),
        help=_(
            "A whole number from 1 to 3650. A form may set a shorter time. The date of a form that was already "
            "started changes when somebody next saves it."
        ),
    ),
    Setting(
        name="draft_reminders",
        tab="drafts",
        kind="yes_no",
        default=True,
        label=_("E-mail people before their unsent form is deleted"),
        help=_("Yes: on the days that the form sets. No: they are not e-mailed, but their pages show the date."),
    ),
    Setting(
        name="draft_files_mb",
        tab="drafts",
        kind="whole_number",
        default=500,
        low=10,
        high=10_000,
        label=_("Files of one form together (MB)"),
        help=_(
            "A whole number from 10 to 10000. The same holds for what one person or guest sends in an hour. One file "
            "may always be as large as its question permits, even if that is more."
        ),
    ),
    Setting(
        name="network_files_mb",
        tab="drafts",
        kind="whole_number",
        default=2000,
        low=10,
        high=100_000,
        label=_("Files from one internet connection in an hour (MB)"),
        help=_(
            "A whole number from 10 to 100000. Many people may share one connection, such as a library’s. One file may "
            "always be as large as its question permits, even if that is more."
        ),
    ),
    Setting(
        name="messages_idle_minutes",
        tab="messages",
        kind="whole_number",
        default=60,
        low=5,
        high=480,
        label=_("Close messages after (minutes)"),
        help=_(
            "A whole number from 5 to 480. Messages are closed when nobody has used them for so long. It applies the "
            "next time that people open messages or get more time. Nobody’s messages are closed sooner."
        ),
    ),
    Setting(
        name="messages_network_rule",
        tab="messages",
        kind="choice",
        default="end",
        options=(
            ("log", _("Only log it")),
            ("password", _("Ask for the password again")),
            ("end", _("Close the messages")),
        ),
        label=_("When the internet connection of somebody who reads messages changes"),
        help=_(
            "Only their messages are closed, and what they have written is kept. Guests have no password to ask for."
        ),
    ),
    Setting(
        name="messages_reply_days",
        tab="messages",
        kind="whole_number",
        default=5,
        low=1,
        high=30,
        label=_("Reply promise in working days"),
        help=_("A whole number from 1 to 30, Monday to Friday. People read it before they write."),
    ),
    Setting(
        name="messages_topics",
        tab="messages",
        kind="topics",
        default="Council tax\nHousing\nParking\nSomething else",
        low=1,
        high=5000,
        label=_("Topics"),
        help=_(
            "One on each line, at most 50. To tell a team by e-mail when somebody writes, add its name and address: "
            "Parking; Parking team; parking@council.example"
        ),
    ),
    Setting(
        name="messages_emergency",
        tab="messages",
        kind="text",
        default="In an emergency, call 999. Do not write here.",
        high=200,
        label=_("Emergency line"),
        help=_("Shown before people write. If you leave it empty, nothing is shown."),
    ),
    Setting(
        name="messages_keep_days",
        tab="messages",
        kind="whole_number",
        default=365,
        low=30,
        high=3650,
        label=_("Keep messages without a form for (days)"),
        help=_("A whole number from 30 to 3650. Messages about a form are kept as long as the form."),
    ),
    Setting(
        name="signing_idle_minutes",
        tab="signing",
        kind="whole_number",
        default=15,
        low=10,
        high=60,
        label=_("End signing after (minutes)"),
        help=_(
            "A whole number from 10 to 60. Somebody who signs a form that another person sent has so long without "
            "activity. It applies to the next people who open a form to sign. Nobody’s time gets shorter."
        ),
    ),
    Setting(
        name="password_again_minutes",
        tab="accounts",
        kind="whole_number",
        default=15,
        low=1,
        high=60,
        label=_("Ask for the password again after (minutes)"),
        help=_(
            "A whole number from 1 to 60. People enter their password again before they change their e-mail address, "
            "password or second factor, end other sessions, or delete their account."
        ),
    ),
    Setting(
        name="second_factor_required",
        tab="accounts",
        kind="yes_no",
        default=False,
        label=_("Staff, designers and administrators must have a second factor"),
        help=_("Yes: those who have none set it up at their next sign-in. Everybody else can always have one."),
    ),
    Setting(
        name="postal_address",
        tab="content",
        kind="long_text",
        default="",
        high=300,
        label=_("Postal address"),
        help=_("Shown on the page “Contact us”, line by line as you type it."),
    ),
    _text_of_page("privacy_text", _("Privacy, in English"), _PAGE_HELP),
    _text_of_page("privacy_text_cy", _("Privacy, in Welsh"), _WELSH_HELP),
    _text_of_page("cookies_text", _("Cookies, in English"), _COOKIES_HELP),
    _text_of_page("cookies_text_cy", _("Cookies, in Welsh"), _WELSH_HELP),
    _text_of_page("accessibility_text", _("Accessibility, in English"), _PAGE_HELP),
    _text_of_page("accessibility_text_cy", _("Accessibility, in Welsh"), _WELSH_HELP),
    _text_of_page("contact_text", _("Contact us, in English"), _CONTACT_HELP),
    _text_of_page("contact_text_cy", _("Contact us, in Welsh"), _WELSH_HELP),
)
BY_NAME = MappingProxyType({setting.name: setting for setting in SETTINGS})
TABS = MappingProxyType(
    {
        "general": _("General"),
        "sessions": _("Sessions"),
        "drafts": _("Drafts"),
        "messages": _("Messages"),
        "signing": _("Signing"),
        "accounts": _("Accounts"),
        "content": _("Content"),
    }
)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The values in force, typed. One object serves as long as nobody changes a setting, so what is derived is kept."""

    session_lifetime_minutes: int
    site_name: str
    time_zone: str
    support_contact: str
    case_due_days: int
    absolute_limit_hours: int
    continue_counts: bool
    one_sign_in: bool
    customer_network_rule: str
    hub_network_rule: str
    known_networks: str
    shared_computer_minutes: int
    password_again_minutes: int
    second_factor_required: bool
    draft_most_days: int
    draft_files_mb: int
    network_files_mb: int
    draft_reminders: bool
    messages_idle_minutes: int
    messages_network_rule: str
    messages_reply_days: int
    messages_topics: str
    messages_emergency: str
    messages_keep_days: int
    signing_idle_minutes: int
    postal_address: str
    privacy_text: str
    privacy_text_cy: str
    cookies_text: str
    cookies_text_cy: str
    accessibility_text: str
    accessibility_text_cy: str
    contact_text: str
    contact_text_cy: str

    @cached_property
    def session_lifetime(self) -> timedelta:
        """How long a customer's session lasts without activity."""
        return timedelta(minutes=self.session_lifetime_minutes)

    @cached_property
    def shared_lifetime(self) -> timedelta:
        """How long a customer's session lasts without activity on a computer that others use, too."""
        return timedelta(minutes=self.shared_computer_minutes)

    @cached_property
    def absolute_limit(self) -> timedelta | None:
        """How long a citizen's session lasts at most; None without a limit."""
        return timedelta(hours=self.absolute_limit_hours) or None

    @cached_property
    def messages_lifetime(self) -> timedelta:
        """How long messages stay open without activity."""
        return timedelta(minutes=self.messages_idle_minutes)

    @cached_property
    def signing_lifetime(self) -> timedelta:
        """How long a second person has to sign a form without activity."""
        return timedelta(minutes=self.signing_idle_minutes)

    @cached_property
    def topics(self) -> tuple[Topic, ...]:
        """What people may write about."""
        return topics_of(self.messages_topics)

    @cached_property
    def password_again(self) -> timedelta:
        """How long a typed password counts before sensitive changes."""
        return timedelta(minutes=self.password_again_minutes)

    @cached_property
    def zone(self) -> ZoneInfo:
        """The time zone of every clock time on the screen."""
        return ZoneInfo(self.time_zone)

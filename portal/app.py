"""The composition root: the only module that knows every feature."""

import hashlib
import re
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from flask import Flask, g, request
from flask.templating import Environment
from flask_babel import Babel
from jinja2 import StrictUndefined
from jinja2.compiler import CodeGenerator, Frame
from jinja2.nodes import Expr
from jinja2.runtime import Context, Macro
from markupsafe import Markup, escape
from sqlalchemy.orm import Session
from werkzeug.middleware.proxy_fix import ProxyFix
from whitenoise import WhiteNoise

from portal.accounts import factor_views, profile_views, security_views, signed_in
from portal.accounts import views as account_views
from portal.accounts.commands import accounts_group
from portal.accounts.signed_in import viewer
from portal.admin import audit_views, integration_views, outbox_views, people_views, settings_views
from portal.clock import Clock, SystemClock
from portal.commands.database import db_group, demo_group
from portal.commands.worker import mail as mail_group
from portal.commands.worker import worker_command
from portal.config import Configuration, read_configuration
from portal.db import Database
from portal.designer import views as designer_views
from portal.designer.commands import forms as forms_group
from portal.drafts import views as draft_views
from portal.drafts.hooks import kept_work, parkable_draft_page, place_of_page
from portal.drafts.operations import claim_drafts
from portal.drafts.preview import views as form_views
from portal.drafts.queries import guest_has_drafts
from portal.home import views as home_views
from portal.hub import case_views as hub_case_views
from portal.hub import customer_views as hub_customer_views
from portal.hub import inbox_views as hub_inbox_views
from portal.hub import message_views as hub_message_views
from portal.hub import signatures as hub_signature_views
from portal.hub import views as hub_views
from portal.hub.case_views import parkable_case_page
from portal.hub.inbox_views import waiting_threads_total
from portal.hub.message_views import parkable_thread_page
from portal.integrations import service as integrations
from portal.integrations.commands import integrations_group
from portal.messages import guests as message_guests
from portal.messages import opening as messages_opening
from portal.messages import views as message_views
from portal.messages.hooks import delete_messages_of, hand_over_messages, parkable_message_page, unread_messages
from portal.messages.opening import ended_page, late_page
from portal.outbox.delivery import read_mail_server
from portal.resume import save_views
from portal.resume import views as resume_views
from portal.resume.coming_back import mail_link_to_owner
from portal.resume.operations import forget_addresses
from portal.resume.queries import is_refused
from portal.resume.ways_back import guest_addresses, mail_to_left_behind, way_back
from portal.sessions import gate as session_gate
from portal.sessions import views as session_views
from portal.sessions.activity import TableSessionInterface, page_clock
from portal.sessions.browser_sessions import browser, is_shared_computer, language_of_request
from portal.sessions.commands import sessions_group
from portal.sessions.policies import KINDS, SessionKind
from portal.signing import applicant_views as signer_list_views
from portal.signing import landing as signing_landing
from portal.signing import views as signing_views
from portal.signing.applicant import invite_signers, signatures, signing_plan
from portal.signing.commands import signing_group
from portal.signing.hooks import ended_page as signing_ended_page
from portal.signing.hooks import late_page as signing_late_page
from portal.signing.hooks import parkable_signing_page
from portal.site_settings.commands import settings_group
from portal.site_settings.current import settings
from portal.storage import uploads as storage
from portal.storage.adapters import open_storage
from portal.storage.scanner import read_scanner
from portal.submissions import downloads
from portal.submissions import views as submission_views
from portal.submissions.operations import answers_of_draft, delete_drafts_of, hand_over_held, held_by
from portal.web import counters, error_pages, front, health, languages, logs, strict_input, unit_of_work
from portal.web.addresses import MailedToken, StoredNumber, page_of, sign_in_page
from portal.web.app_state import AppState, EndedPages, Hooks
from portal.web.declarations import HUB, MESSAGES, SIGNING
from portal.web.front import TURNS_ON_POSTGRESQL, TURNS_ON_SQLITE, InTurn, WithHeaders
from portal.web.languages import DEFAULT, language, other_languages
from portal.web.unit_of_work import is_safe

PROJECT_DIR = Path(__file__).resolve().parent.parent
STATIC = PROJECT_DIR / "static"
PASSED = ("_block_vars", "_loop_vars")
"""What Jinja hands to functions that ask for the context."""
SPECIAL = re.compile("[&<>\"']")
STATIC_MAX_AGE_S = 365 * 24 * 3600
VIEWS = (
    health,
    session_views,
    account_views,
    security_views,
    profile_views,
    factor_views,
    form_views,
    draft_views,
    submission_views,
    downloads,
    resume_views,
    save_views,
    messages_opening,
    message_views,
    message_guests,
    signing_views,
    signing_landing,
    signer_list_views,
    hub_views,
    hub_case_views,
    hub_signature_views,
    hub_customer_views,
    hub_inbox_views,
    hub_message_views,
    settings_views,
    audit_views,
    outbox_views,
    people_views,
    designer_views,
    integration_views,
    home_views,
)
COMMANDS = (
    accounts_group,
    sessions_group,
    forms_group,
    settings_group,
    signing_group,
    integrations_group,
    mail_group,
    db_group,
    demo_group,
    worker_command,
)


def _hand_over_all(db: Session, from_id: int, to_id: int) -> None:
    hand_over_held(db, from_id, to_id)
    hand_over_messages(db, from_id, to_id)


def _delete_unsent(db: Session, person_id: int, *, now: datetime) -> None:
    delete_drafts_of(db, person_id, now=now)
    delete_messages_of(db, person_id, now=now)


HOOKS = Hooks(
    kept_work=kept_work,
    way_back=way_back,
    left_behind=mail_to_left_behind,
    parkable_page=lambda found, path: (
        parkable_draft_page(found, path)
        or parkable_case_page(found, path)
        or parkable_thread_page(found, path)
        or parkable_message_page(found, path)
        or parkable_signing_page(found, path)
    ),
    ended_pages={
        MESSAGES: EndedPages(ended=ended_page, late=late_page),
        SIGNING: EndedPages(ended=signing_ended_page, late=signing_late_page),
    },
    place_of_page=place_of_page,
    guest_has_drafts=guest_has_drafts,
    claim_drafts=claim_drafts,
    draft_saved=mail_link_to_owner,
    draft_deleted=forget_addresses,
    mail_is_refused=is_refused,
    guest_addresses=guest_addresses,
    sent_answers=answers_of_draft,
    held_by=held_by,
    delete_drafts_of=_delete_unsent,
    hand_over_held=_hand_over_all,
    file_stream=storage.file_stream,
    lookups_offered=integrations.lookups_offered,
    signing_plan=signing_plan,
    invite_signers=invite_signers,
    signatures=signatures,
)


def create_app(
    configuration: Configuration | None = None,
    *,
    clock: Clock | None = None,
    kinds: Mapping[str, SessionKind] = KINDS,
    database: Database | None = None,
) -> Flask:
    """Return the application; tests pass a clock, kinds of session with other policies, and an open database.

    Raise `ConfigurationError` if the environment or the database is not as it must be.
    """
    configuration = configuration or read_configuration()
    open_storage(configuration).check()
    read_scanner(configuration.clamav_url)
    app = Flask("portal", static_folder=None, template_folder=str(PROJECT_DIR / "templates"))
    app.extensions["portal"] = AppState(
        configuration=configuration,
        clock=clock or SystemClock(),
        database=database or Database(configuration.database_url),
        policies=kinds,
        hooks=HOOKS,
        tally=counters.Tally(),
    )
    app.extensions["portal"].database.check()
    read_mail_server(configuration.mail_url)
    integrations.init_app(app, configuration, app.extensions["portal"].database)
    _configure(app, configuration)
    _add_mechanisms(app)
    _add_features(app)
    _add_middleware(app, configuration)
    return app


def _configure(app: Flask, configuration: Configuration) -> None:
    app.config.update(
        SECRET_KEY=configuration.secret_key,
        TRUSTED_HOSTS=list(configuration.trusted_hosts),
        WTF_CSRF_ENABLED=False,
        TEMPLATES_AUTO_RELOAD=False,
        BABEL_DEFAULT_LOCALE=DEFAULT,
    )
    app.jinja_environment = PageEnvironment
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.autoescape = True
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals.update(
        asset=asset,
        sign_in_page=sign_in_page,
        is_shared_computer=is_shared_computer,
        waiting_threads_total=waiting_threads_total,
        unread_messages=unread_messages,
    )
    app.session_interface = TableSessionInterface()
    app.url_map.converters["int"] = StoredNumber
    app.url_map.converters["mailed"] = MailedToken
    Babel(app, locale_selector=language_of_request)  # type: ignore[no-untyped-call]
    languages.init_app(app)


class PageCode(CodeGenerator):
    """Compiles templates so that they write a value by `PageEnvironment.written`."""

    def _output_child_pre(self, node: Expr, frame: Frame, finalize: Any) -> None:
        if frame.eval_ctx.volatile or not frame.eval_ctx.autoescape or finalize.src is not None:
            super()._output_child_pre(node, frame, finalize)
        else:
            self.write("environment.written(")


class PageContext(Context):
    """The names that a template sees."""

    def call(self, called: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Call what a template calls; at once where it asks for nothing besides its arguments, as macros do."""
        if type(called) is not Macro and hasattr(called, "jinja_pass_arg"):
            return super().call(called, *args, **kwargs)
        for name in PASSED:
            kwargs.pop(name, None)
        return called(*args, **kwargs)


class PageEnvironment(Environment):
    """The Jinja environment of our pages, in which no template has globals of its own."""

    code_generator_class = PageCode
    context_class = PageContext

    @staticmethod
    def written(value: Any) -> str:
        """Return a value as it is written into a page; most are HTML already, or texts without its signs."""
        kind = type(value)
        return value if kind is Markup or (kind is str and not SPECIAL.search(value)) else escape(value)

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """Return the globals of all templates.

        A `ChainMap` for each, as in Jinja, would make every import in a page search it twice.
        """
        return super().make_globals(d) if d else self.globals


def _add_mechanisms(app: Flask) -> None:
    """Add what runs before and after each request; `before_request` runs in this order.

    First the body is read, then session and token, then the person. After the view the order is reversed: the session's
    gate writes before the unit of work commits.
    """
    first = (logs, counters, storage, strict_input, unit_of_work)
    for mechanism in (*first, session_gate, signed_in, front, error_pages):
        mechanism.init_app(app)
    app.context_processor(_layout_context)


def _add_features(app: Flask) -> None:
    for feature in VIEWS:
        app.register_blueprint(feature.blueprint)
    for command in COMMANDS:
        app.cli.add_command(command)


def _add_middleware(app: Flask, configuration: Configuration) -> None:
    hops = configuration.trusted_proxies
    if hops:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    turns = TURNS_ON_SQLITE if configuration.is_sqlite else TURNS_ON_POSTGRESQL
    app.wsgi_app = InTurn(app.wsgi_app, turns=turns)  # type: ignore[method-assign]
    app.wsgi_app = WhiteNoise(  # type: ignore[method-assign]
        app.wsgi_app, root=STATIC, prefix="static/", max_age=STATIC_MAX_AGE_S, allow_all_origins=False
    )
    app.wsgi_app = WithHeaders(app.wsgi_app, is_https=configuration.is_https)  # type: ignore[method-assign]


@cache
def asset(path: str) -> str:
    """Return the address of a static file, with a hash of its content, so that browsers may cache it for ever."""
    digest = hashlib.sha256((STATIC / path).read_bytes()).hexdigest()[:12]
    return f"/static/{path}?v={digest}"


@dataclass(frozen=True, kw_only=True)
class Site:
    """What every page says about the public body."""

    name: str
    support_contact: str


def _layout_context() -> dict[str, Any]:
    query = request.query_string.decode("ascii", "replace")
    # A page that was asked for and is shown is where the person is; behind any other answer it must be looked for.
    is_page = is_safe() and g.get("answer_status", 200) < 400
    here = (request.path if is_page else page_of(request.path)) + (f"?{query}" if query else "")
    return {
        "site": Site(name=settings().site_name, support_contact=settings().support_contact),
        "viewer": viewer(),
        "clock": page_clock(),
        "csrf_token": browser().token,
        "csrf_token_if_any": browser().token_if_any,
        "current_path": request.path,
        "language": language(),
        "other_languages": [] if browser().kind == HUB else other_languages(here),  # staff pages have one language
    }

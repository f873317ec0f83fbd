"""Who is signed in proves it again before sensitive changes: the password, and the code where there is one."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps

from flask import abort, redirect, request
from flask.typing import ResponseReturnValue

from portal.accounts.interface import current_person, own_path
from portal.accounts.models import Person
from portal.accounts.passwords import password_matches
from portal.accounts.second_factors import Proof, factor_of, judge
from portal.sessions.interface import visit
from portal.site_settings.interface import settings
from portal.web.portal import portal
from portal.web.unit_of_work import is_safe, now, reading

View = Callable[..., ResponseReturnValue]
AGAIN_PAGE = "/account/again"


def has_just_proved() -> bool:
    """Whether the person of this session typed the password (and the code) within the time that the setting allows."""
    live = visit().live
    return bool(live and live.authenticated_at and now() < live.authenticated_at + settings().password_again)


def ask_again(then: str) -> ResponseReturnValue:
    """To the page that asks for the password, and back to what was meant."""
    return redirect(own_path(AGAIN_PAGE, next=then), 302 if is_safe() else 303)


def proved_first(view: View) -> View:
    """A view that only somebody reaches who has just proved who they are; what was typed before is typed again."""

    @wraps(view)
    def asked(*arguments: object, **values: object) -> ResponseReturnValue:
        return view(*arguments, **values) if has_just_proved() else ask_again(request.full_path.rstrip("?"))

    return asked


def own_person() -> Person:
    """The signed-in person; the door has seen to it that there is one."""
    return current_person() or abort(404)


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What somebody typed to prove who they are: whether each part was right; `proof` is None without a factor."""

    is_password_right: bool
    is_code_right: bool
    proof: Proof | None


def judge_again(person: Person, password: str, code: str) -> Judged:
    """Judge password and code; call it before the write transaction begins, as it hashes."""
    is_right = password_matches(password, person.password_hash)
    if factor_of(reading(), person.id) is None:
        return Judged(is_password_right=is_right, is_code_right=True, proof=None)
    proof = judge(reading(), person.id, code, portal().configuration.keyring, now=now()) if is_right else None
    return Judged(is_password_right=is_right, is_code_right=not is_right or proof is not None, proof=proof)

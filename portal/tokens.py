"""Random values given to people and browsers, the hashes of them that we store, and form tokens made from a secret.

Each page has its own mask of a secret in its form token, so that no page shows the secret itself (BREACH).
"""

import hashlib
import hmac
import re
import secrets

READABLE = "23456789BCDFGHJKMNPQRTVWXY"
"""Digits and capitals without look-alikes (0 O, 1 I L, 5 S, 2 Z) and without the vowels that spell words."""
MASK_LENGTH = 16
"""Characters with which the secret in a form token is masked."""
TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
"""What `new_token` makes."""
_NOT_CODE = re.compile(r"[^A-Za-z0-9]+")


def new_token() -> str:
    """256 random bits for a cookie or a link, in characters that are safe in an address."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> bytes:
    """What we store of a token: SHA-256 is enough, as a token cannot be guessed (ASVS 5.0 11.5.1)."""
    return hashlib.sha256(token.encode()).digest()


def readable_code(length: int) -> str:
    """A random code that people copy by hand."""
    return "".join(secrets.choice(READABLE) for _ in range(length))


def clean_code(typed: str) -> str:
    """A code as it was given out, whatever people put between its characters."""
    return _NOT_CODE.sub("", typed).upper()


def digits_code(length: int = 6) -> str:
    """A random code of decimal digits, for a mail."""
    return "".join(secrets.choice("0123456789") for _ in range(length))


def keyed_hash(secret: str, value: str) -> bytes:
    """A hash of something guessable (an address, a short code) that says nothing without the secret."""
    return hmac.new(secret.encode(), value.encode(), hashlib.sha256).digest()


def item_token() -> str:
    """The id of a new item of a repeat: eight characters that say nothing and never change."""
    return "".join(secrets.choice("abcdefghijkmnpqrstuvwxyz23456789") for _ in range(8))


def masked(secret: str, owner: str = "") -> str:
    """Return a form token for one page: it names the session of the page and proves its secret."""
    mask = secrets.token_hex(MASK_LENGTH // 2)
    return f"{owner}.{mask}{_proof(owner + mask, secret)}"


def owner_of(token: str | None) -> str:
    """Return the session that a form token says it was made in; `proves` checks whether that is so."""
    return (token or "").partition(".")[0]


def proves(token: str | None, secret: str | None) -> bool:
    """Return whether a form token was made from this secret, in constant time."""
    if not token or not secret or not token.isascii():
        return False
    owner, _, rest = token.partition(".")
    mask, proof = rest[:MASK_LENGTH], rest[MASK_LENGTH:]
    return hmac.compare_digest(proof, _proof(owner + mask, secret))


def _proof(mask: str, secret: str) -> str:
    return hmac.new(secret.encode(), mask.encode(), hashlib.sha256).hexdigest()

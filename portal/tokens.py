"""Random values for people and browsers, and the hashes of them that we store."""

import hashlib
import hmac
import re
import secrets
from base64 import urlsafe_b64encode

READABLE = "23456789BCDFGHJKMNPQRTVWXY"
"""Digits and capitals without look-alikes (0 O, 1 I L, 5 S, 2 Z) and without the vowels that spell words."""
MASK_LENGTH = 16
"""Characters with which the secret in a form token is masked."""
TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
"""What `new_token` makes."""
TOKEN_LENGTH = 43
_REFERENCE_PARTS = re.compile(r"([A-Z][A-Z0-9])(.{4})(.{4})")
_NOT_CODE = re.compile(r"[^A-Za-z0-9]+")
_NOT_IN_TOKENS = re.compile(r"[^A-Za-z0-9_-]+")


def new_token() -> str:
    """Return 256 random bits for a cookie or a link, in characters that are safe in an address."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> bytes:
    """Return the hash of a token, to store; SHA-256 is enough, as a token cannot be guessed (ASVS 5.0 11.5.1)."""
    return hashlib.sha256(token.encode()).digest()


def readable_code(length: int) -> str:
    """Return a random code that people can copy by hand."""
    return "".join(secrets.choice(READABLE) for _ in range(length))


def clean_code(typed: str) -> str:
    """Return a code as it was issued, without what people put between its characters."""
    return _NOT_CODE.sub("", typed).upper()


def clean_reference(typed: str) -> str:
    """Return a reference as it was given out: `hs7k4m 92qx` gives HS-7K4M-92QX."""
    code = clean_code(typed)
    parts = _REFERENCE_PARTS.fullmatch(code)
    return "-".join(parts.groups()) if parts else code


def clean_token(pasted: str) -> str:
    """Return a link's token as it was mailed, without what mail programs and pasting put into it and behind it."""
    return _NOT_IN_TOKENS.sub("", pasted)[:TOKEN_LENGTH]


def digits_code(length: int = 6) -> str:
    """Return a random code of decimal digits, for an e-mail."""
    return "".join(secrets.choice("0123456789") for _ in range(length))


def keyed_hash(secret: str, value: str) -> bytes:
    """Return a hash of something that can be guessed (an address, a short code), useless without the secret."""
    return hmac.new(secret.encode(), value.encode(), hashlib.sha256).digest()


def token_again(secret: str, seed: str) -> str:
    """Return a token like a new one, which whoever knows the secret can make again from its seed."""
    return urlsafe_b64encode(keyed_hash(secret, f"token {seed}")).decode().rstrip("=")


def item_token() -> str:
    """Return the id of a new item of a repeat: eight random characters that never change."""
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

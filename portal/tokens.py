"""Random values for people and browsers, and the hashes of them that we store."""

import hashlib
import hmac
import re
import secrets

READABLE = "23456789BCDFGHJKMNPQRTVWXY"
"""Digits and capitals without similar ones (0 O, 1 I L, 5 S, 2 Z), and without the vowels that would spell words."""
_NOT_CODE = re.compile(r"[^A-Za-z0-9]+")


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


def digits_code(length: int = 6) -> str:
    """Return a random code of decimal digits, for an e-mail."""
    return "".join(secrets.choice("0123456789") for _ in range(length))


def keyed_hash(secret: str, value: str) -> bytes:
    """Return a hash of something that can be guessed (an address, a short code), useless without the secret."""
    return hmac.new(secret.encode(), value.encode(), hashlib.sha256).digest()


def item_token() -> str:
    """Return the id of a new item of a repeat: eight random characters that never change."""
    return "".join(secrets.choice("abcdefghijkmnpqrstuvwxyz23456789") for _ in range(8))

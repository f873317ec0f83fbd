"""Encryption at rest: AES-256-GCM, with a key for each subject, derived from a ring of keys that can be rotated."""

import base64
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from portal.errors import ConfigurationError, UndecryptableError

FORMAT = b"\x01"
NAME_BYTES = 8
NONCE_BYTES = 12


@lru_cache(maxsize=4096)
def _cipher(key: bytes, subject: str) -> AESGCM:
    return AESGCM(HKDF(algorithm=SHA256(), length=32, salt=None, info=subject.encode()).derive(key))


@dataclass(frozen=True)
class Keyring:
    """Keys by name; `current` names the one that encrypts, older ones are kept to decrypt."""

    keys: Mapping[str, bytes]
    current: str

    def seal(self, plain: bytes, *, subject: str, place: str) -> bytes:
        """Encrypt for one `subject` (its own key) and one `place` (associated data); a moved value does not open."""
        nonce = os.urandom(NONCE_BYTES)
        header = FORMAT + self.current.encode().ljust(NAME_BYTES, b"\0") + nonce
        return header + _cipher(self.keys[self.current], subject).encrypt(nonce, plain, place.encode())

    def open(self, sealed: bytes, *, subject: str, place: str) -> bytes:
        """Decrypt what `seal` made for the same subject and place.

        Raise `UndecryptableError` for an unknown key, a changed value, or one that was moved.
        """
        name, nonce, body = sealed[1 : 1 + NAME_BYTES], sealed[1 + NAME_BYTES : 21], sealed[21:]
        key = self.keys.get(name.rstrip(b"\0").decode("ascii", "replace"))
        if sealed[:1] != FORMAT or key is None:
            raise UndecryptableError("This value was encrypted with a key that we do not have.")
        try:
            return _cipher(key, subject).decrypt(nonce, body, place.encode())
        except InvalidTag as reason:
            raise UndecryptableError("This value was changed or does not belong here.") from reason


def new_key() -> str:
    """Return a new random key of 256 bits, as the configuration spells it."""
    return base64.b64encode(os.urandom(32)).decode()


def parse_keyring(text: str) -> Keyring:
    """Read `name:base64,name:base64`; the first key encrypts, all of them decrypt.

    Raise `ConfigurationError` if a name or a key is malformed or appears twice.
    """
    keys: dict[str, bytes] = {}
    for part in filter(None, (piece.strip() for piece in text.replace("\n", ",").split(","))):
        name, _, encoded = part.partition(":")
        keys[_fresh_name(name, keys)] = _key_bytes(name, encoded)
    if not keys:
        raise ConfigurationError("ANSWER_KEYS holds no key: give at least one as NAME:BASE64.")
    return Keyring(keys=keys, current=next(iter(keys)))


def _fresh_name(name: str, known: Mapping[str, bytes]) -> str:
    if not (name.isascii() and name.isalnum() and len(name) <= NAME_BYTES) or name in known:
        raise ConfigurationError(f"ANSWER_KEYS: a key's name is up to {NAME_BYTES} letters or digits, each used once.")
    return name


def _key_bytes(name: str, encoded: str) -> bytes:
    try:
        key = base64.b64decode(encoded, validate=True)
    except ValueError as reason:
        raise ConfigurationError(f"ANSWER_KEYS: the key {name} is not base64.") from reason
    if len(key) != 32:
        raise ConfigurationError(f"ANSWER_KEYS: the key {name} has {len(key)} bytes; it must have 32.")
    return key

"""Form tokens: each page bears its own mask of a secret, so that no page shows the secret itself (BREACH)."""

import hashlib
import hmac
import secrets

FIELD = "csrf_token"
HEADER = "X-CSRF-Token"
MASK_LENGTH = 16


def masked(secret: str) -> str:
    """A token for one page: it proves the secret and does not contain it."""
    mask = secrets.token_hex(MASK_LENGTH // 2)
    return mask + _proof(mask, secret)


def proves(token: str | None, secret: str | None) -> bool:
    """Whether a token was made from this secret, in constant time."""
    if not token or not secret or not token.isascii():
        return False
    mask, proof = token[:MASK_LENGTH], token[MASK_LENGTH:]
    return hmac.compare_digest(proof, _proof(mask, secret))


def _proof(mask: str, secret: str) -> str:
    return hmac.new(secret.encode(), mask.encode(), hashlib.sha256).hexdigest()

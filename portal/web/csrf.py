"""Form tokens: each page bears its own mask of a secret, so that no page shows the secret itself (BREACH)."""

import hashlib
import hmac
import secrets

FIELD = "csrf_token"
HEADER = "X-CSRF-Token"
MASK_LENGTH = 16


def masked(secret: str, owner: str = "") -> str:
    """A token for one page: it names the session of the page, proves its secret and does not contain it."""
    mask = secrets.token_hex(MASK_LENGTH // 2)
    return f"{owner}.{mask}{_proof(owner + mask, secret)}"


def owner_of(token: str | None) -> str:
    """The session that a token says it was made in; whether that is so, `proves` tells."""
    return (token or "").partition(".")[0]


def proves(token: str | None, secret: str | None) -> bool:
    """Whether a token was made from this secret, in constant time."""
    if not token or not secret or not token.isascii():
        return False
    owner, _, rest = token.partition(".")
    mask, proof = rest[:MASK_LENGTH], rest[MASK_LENGTH:]
    return hmac.compare_digest(proof, _proof(owner + mask, secret))


def _proof(mask: str, secret: str) -> str:
    return hmac.new(secret.encode(), mask.encode(), hashlib.sha256).hexdigest()

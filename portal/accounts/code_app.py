"""Codes of an app (TOTP, RFC 6238): six digits, a new one every 30 seconds, each taken once. Pure.

pyotp and segno are imported where they are used, as few requests need them: together some 0.1 s and 3 MB, once.
"""

import hmac
from datetime import datetime

STEP_S = 30
DIGITS = 6
DRIFT_STEPS = 1
"""How far a telephone's clock may be off: one step either way, as RFC 6238 section 5.2 advises at most."""
GROUP = 4


def new_secret() -> str:
    """A secret for an app: 160 random bits in base 32."""
    import pyotp

    return pyotp.random_base32()


def matching_step(secret: str, digits: str, *, after: int, now: datetime) -> int | None:
    """The step whose code was typed, if it lies after the one that was used last; else None."""
    import pyotp

    if len(digits) != DIGITS or not (digits.isascii() and digits.isdigit()):
        return None
    codes, current = pyotp.HOTP(secret, digits=DIGITS), int(now.timestamp()) // STEP_S
    steps = range(current - DRIFT_STEPS, current + DRIFT_STEPS + 1)
    matching = [step for step in steps if hmac.compare_digest(codes.at(step), digits) and step > after]
    return matching[0] if matching else None


def app_address(secret: str, *, account: str, site: str) -> str:
    """What the picture says to an app: its secret, whose it is, and for which site."""
    import pyotp

    return pyotp.TOTP(secret, digits=DIGITS, interval=STEP_S).provisioning_uri(name=account, issuer_name=site)


def picture(text: str) -> str:
    """The text as a QR picture: an SVG that needs no style, in the ink of the page, on a white ground."""
    import segno

    modules = segno.make(text, error="m")
    return str(modules.svg_inline(border=4, omitsize=True, svgclass="qr", lineclass=None, dark="#000", light="#fff"))


def spelled(secret: str) -> str:
    """A secret for typing: in groups of four."""
    return " ".join(secret[at : at + GROUP] for at in range(0, len(secret), GROUP))

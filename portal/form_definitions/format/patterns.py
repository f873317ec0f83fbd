r"""Patterns that authors write, matched by RE2, so that the time grows only with the length of the text.

`\d`, `\w` and `\s` mean what they mean in Python: digits, letters and spaces of every script. What RE2 does not support
is refused with a sentence that says what to write instead. A pattern always has to match the whole text.
"""

import re2

from portal.form_definitions.definition import Pattern

MAX_PATTERN = 500
_OPTIONS = re2.Options()
_OPTIONS.log_errors = False
_OPTIONS.never_capture = True
_SIGN = re2.compile(r"(?s)\[\^?\]?(?:\\.|\[:\^?\w+:\]|[^\]\\])*\]|\\.|\{,\d+\}")
"""A class in square brackets, an escaped character, or a repetition without its lower bound."""
_ESCAPED = re2.compile(r"(?s)\\.")
_WORD = r"\p{L}_\p{N}"
_SPACE = r"\s\v\x1c-\x1f\x85\p{Z}"
_EVERYWHERE = {r"\d": r"\p{Nd}", r"\D": r"\P{Nd}"}
_IN_CLASS = {**_EVERYWHERE, r"\w": _WORD, r"\s": _SPACE}
_ALONE = {**_EVERYWHERE, r"\w": f"[{_WORD}]", r"\W": f"[^{_WORD}]", r"\s": f"[{_SPACE}]", r"\S": f"[^{_SPACE}]"}
_NOT_IN_CLASS = {
    r"\W": r"Inside square brackets there is no \W; write \p{L} for any letter, or name the characters.",
    r"\S": r"Inside square brackets there is no \S; write (?s:.) for any character, or name the characters.",
}
_INSTEAD = {
    r"operator: \(\?<?[=!]": "A pattern cannot look ahead or behind; write out what fits, such as A[0-9]+|B[0-9]+.",
    r"operator: \(\?P|sequence: \\[1-9]": "A pattern cannot refer back to a group; write the group out once more.",
    r"operator: \(\?\(": "A pattern cannot ask about a group; write out the alternatives, such as (a|b).",
    r"operator: \(\?>": "Write (?:…) in place of (?>…).",
    r"operator: \(\?#": "Leave out the comment (?#…).",
    r"operator: \(\?": "The flags of a pattern are i, m and s, such as (?i).",
    r"sequence: \\Z": r"Leave out \Z; the whole text is always compared.",
    r"sequence: \\[uUN]": r"Write a character by its number as \x{20ac}, or just type it.",
    r"repetition operator: \S*[*+?}]\+$": "Leave out the second sign of a repetition, such as a++.",
    r"repetition size": "A repetition counts upwards, to 1000 at most, others inside it included.",
    r"too large": "This pattern is too large; leave long repetitions to max_length.",
}
"""What to say for each error of RE2."""


def read_pattern(written: str) -> Pattern:
    """Return the pattern that an author wrote; raise `ValueError` with a sentence if it is not one."""
    if len(written) > MAX_PATTERN:
        raise ValueError(f"This pattern is longer than {MAX_PATTERN} characters.")
    spelled = _SIGN.sub(lambda sign: _spelled(sign[0]), written)
    try:
        return Pattern(written, re2.compile(spelled, _OPTIONS))
    except re2.error as error:
        [reason] = error.args
        raise ValueError(_sentence(reason.decode(errors="replace"))) from None


def _spelled(sign: str) -> str:
    """Return one element of Python's syntax as RE2 spells it."""
    if sign.startswith("{"):
        return "{0" + sign[1:]
    if sign.startswith("\\"):
        return _ALONE.get(sign, sign)
    escaped = _ESCAPED.findall(sign)
    for refused in _NOT_IN_CLASS.keys() & set(escaped):
        raise ValueError(_NOT_IN_CLASS[refused])
    return str(_ESCAPED.sub(lambda found: _IN_CLASS.get(found[0], found[0]), sign))


def _sentence(reason: str) -> str:
    known = (sentence for error, sentence in _INSTEAD.items() if re2.search(error, reason))
    return next(known, f"This is not a regular expression: {reason}.")

"""Patterns that authors write: compiled, and tried out for texts on which they would take far too long."""

import re
import time

MAX_PATTERN = 500
_PATIENCE_S = 0.1
_USUAL_CHARACTERS = "aA0 -"


def pattern_fault(pattern: str, longest_text: int) -> str | None:
    """Why a pattern is refused, in a plain sentence, or None."""
    if len(pattern) > MAX_PATTERN:
        return f"This pattern is longer than {MAX_PATTERN} characters."
    try:
        compiled = re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        return f"This is not a regular expression: {error}."
    if _is_slow(compiled, longest_text):
        return "This pattern takes too long on some texts; avoid repeats inside repeats, such as (a+)+."
    return None


def _is_slow(pattern: re.Pattern[str], longest_text: int) -> bool:
    """Try texts that almost match, short ones first, so that a runaway pattern is stopped while it is still cheap."""
    characters = dict.fromkeys(_USUAL_CHARACTERS + "".join(re.findall(r"\w", pattern.pattern))[:20])
    lengths = [length for length in (*range(8, 27), *_doubled(longest_text)) if length <= longest_text]
    texts = (character * length + "\n" for length in lengths for character in characters)
    return any(_seconds(pattern, text) > _PATIENCE_S for text in texts)


def _doubled(longest: int) -> list[int]:
    return [50 * 2**power for power in range(10) if 50 * 2**power <= longest]


def _seconds(pattern: re.Pattern[str], text: str) -> float:
    started = time.thread_time()
    pattern.fullmatch(text)
    return time.thread_time() - started

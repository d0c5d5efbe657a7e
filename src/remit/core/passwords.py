"""What a password must be (NIST SP 800-63B-4 section 3.1.1): long, not a guess anybody would make first, else free."""

from __future__ import annotations

import unicodedata
from itertools import pairwise
from typing import Final

from remit.core.errors import refuse
from remit.core.reasons import Reason
from remit.core.secret import Secret

# Section 3.1.1.2: 15 where a password is the only factor.
PASSWORD_CHARS_MIN: Final = 15
PASSWORD_CHARS_MAX: Final = 256
DIFFERENT_CHARS_MIN: Final = 5


def normalized(typed: str) -> Secret:
    """The bytes to hash (section 3.1.1.2: NFC), so that one password typed on two keyboards is one password."""
    return Secret(unicodedata.normalize("NFC", typed).encode("utf-8", "surrogatepass"))


def checked_password(typed: str, account: str) -> Secret:
    """A password to set. Raises `Invalid`, which says what was expected and never quotes it."""
    composed = unicodedata.normalize("NFC", typed)
    if not PASSWORD_CHARS_MIN <= len(composed) <= PASSWORD_CHARS_MAX:
        expected = f"{PASSWORD_CHARS_MIN} to {PASSWORD_CHARS_MAX} characters"
        raise refuse(Reason.PASSWORD_WEAK, f"expected {expected}, found {len(composed)}; several words are a good one")
    folded = composed.casefold()
    if len(set(folded)) < DIFFERENT_CHARS_MIN:
        raise refuse(Reason.PASSWORD_WEAK, f"expected at least {DIFFERENT_CHARS_MIN} different characters")
    rest = folded.replace(account.casefold(), "") if account else folded
    if len(rest) < PASSWORD_CHARS_MIN // 2:
        raise refuse(Reason.PASSWORD_WEAK, "it is little more than the account's name")
    if _is_run(folded):
        raise refuse(Reason.PASSWORD_WEAK, "it is one run of neighbouring characters, or one piece over and over")
    return normalized(typed)


def _is_run(text: str) -> bool:
    steps = {ord(after) - ord(before) for before, after in pairwise(text)}
    return len(steps) == 1 or any(
        text == (text[:size] * (len(text) // size + 1))[: len(text)] for size in range(1, len(text) // 2 + 1)
    )

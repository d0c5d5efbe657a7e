"""A device without a browser shows a short code, and its person types it in elsewhere (RFC 8628)."""

from __future__ import annotations

from typing import Final

from remit.core.errors import refuse
from remit.core.reasons import Reason
from remit.core.rows import Stored

# Where the answer to such a request goes, in place of a redirect URI. No redirect URI is without a colon.
DEVICE: Final = "device"
DEVICE_CODE_S: Final = 600.0
# How often the device may ask at first, and how much longer it waits after each time it asked too soon (section 3.5).
INTERVAL_S: Final = 5.0
SLOWER_S: Final = 5.0
# Waiting at once, of all public clients together: whoever names one has proven nothing and may be anybody.
DEVICES_MAX: Final = 512
# No vowels, so that no word comes of it, and no digits that look like letters (section 6.1).
LETTERS: Final = "BCDFGHJKLMNPQRSTVWXZ"
LENGTH: Final = 8


class KeptDevice(Stored, frozen=True, tag="remit.device/1"):
    """Kept under a hash of the device code. `parameters` are what is asked for; `sealed` is the user code, encrypted: a
    hash of one so short would hide nothing. `proven`: the client authenticated itself.
    """

    client: str
    parameters: dict[str, str]
    sealed: str
    proven: bool
    asked_at_s: float
    declined: bool


def user_code(random: bytes) -> str:
    """`BCDF-GHJK` of at least 16 random bytes: 34 bits, so that guesses have to be limited (section 5.1)."""
    number, letters = int.from_bytes(random, "big"), ""
    for _ in range(LENGTH):
        number, rest = divmod(number, len(LETTERS))
        letters += LETTERS[rest]
    return f"{letters[: LENGTH // 2]}-{letters[LENGTH // 2 :]}"


def parse_user_code(typed: str) -> str:
    """As people type it: in either case, with or without what stands between. Raises `Invalid`."""
    letters = "".join(letter for letter in typed[:64].upper() if letter not in " -_.\t")
    if len(letters) != LENGTH or not set(letters) <= set(LETTERS):
        raise refuse(Reason.USER_CODE_INVALID)
    return f"{letters[: LENGTH // 2]}-{letters[LENGTH // 2 :]}"

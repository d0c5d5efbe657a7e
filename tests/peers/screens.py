"""Take the pictures of docs/screens again: python -m tests.peers.screens [FOLDER]

Each page as a person sees it, on a desk (1100 px) by day and on a phone (390 px) by night. Look at them before you keep
them.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx2

from tests.peers import remit_process
from tests.peers.callback import Callback
from tests.peers.chromium import ENTER, TAB, Window, chromium, window
from tests.peers.person import CLIENTS, POLICIES, RIGHT, SERVERS, Asking, link_of, parameters_of, token, with_password
from tests.peers.remit_process import RemitProcess

SCREENS: Final = Path(__file__).parents[2] / "docs" / "screens"
TV: Final = {"tv": {"tenant": "acme", "device": True}}
LOOKS: Final = {"desk": (1100, False), "phone": (390, True)}
"""Width in px, and whether it is dark."""


def main(arguments: list[str]) -> int:
    folder = Path(arguments[0]) if arguments else SCREENS
    folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="screens-") as home,
        remit_process.remit_process(Path(home), SERVERS, POLICIES, host="localhost", clients=CLIENTS | TV) as remit,
        chromium() as driver,
        window(driver) as shown,
    ):
        for name in pages(shown, remit):
            for look, (width_px, dark) in LOOKS.items():
                shown.size(width_px, 400)
                shown.dark(dark=dark)
                file = folder / f"{name}-{look}.png"
                file.write_bytes(shown.picture())
                print(f"{file.name}  {file.stat().st_size} bytes")
    return 0


def pages(shown: Window, remit: RemitProcess) -> Iterator[str]:
    """The window shows each page in turn; its name."""
    shown.open(f"{remit.url}{link_of(remit)}")
    yield "password"
    with_password(remit)
    with Callback() as client:
        asking = Asking(remit, redirect_uri=client.url)
        shown.open(asking.url)
        yield "sign-in"
        shown.submit("engineer", TAB, RIGHT, ENTER)
        yield "consent"
        shown.tab_to("#purpose")
        shown.press("triage build failures")
        shown.tab_to("form.question button[value=yes]")
        shown.submit(ENTER)
        code = parameters_of(client.taken())["code"]
        assert token(remit, **asking.exchange(code)).status_code == 200
        shown.open(asking.url)
        yield "consent-again"
    shown.open(f"{remit.url}/account")
    yield "account"
    device = httpx2.post(
        f"{remit.url}/device_authorization",
        data={"client_id": "tv", "resource": f"{remit.url}/mcp/probe"},
        trust_env=False,
    ).json()
    shown.open(device["verification_uri_complete"])
    yield "device"
    shown.add_authenticator()
    shown.open(f"{remit.url}/account/passkeys")
    shown.tab_to("#name")
    shown.submit("my phone", ENTER)
    shown.open(f"{remit.url}/account/passkeys")
    yield "passkeys"
    shown.open(Asking(remit, client_id="nobody").url)
    yield "error"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

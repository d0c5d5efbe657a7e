"""Passkeys in a real browser, headless Chromium with a device: our script, its policy, the keyboard alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers import remit_process
from tests.peers.chromium import ENTER, TAB, Driver, Window, chromium, window
from tests.peers.person import POLICIES, RIGHT, link_of
from tests.peers.remit_process import RemitProcess

pytestmark = pytest.mark.timeout(120)

SERVERS = {"idle": {"stdio": {"command": ["sleep", "60"]}}}
PEOPLE = {"engineer": {"tenant": "acme", "passkey": "required"}}
SOUND = (Path(__file__).parents[1] / "peers" / "soundness.js").read_text()


@pytest.fixture(scope="module")
def driver() -> Iterator[Driver]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def remit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RemitProcess]:
    folder = tmp_path_factory.mktemp("passkeys")
    with remit_process.remit_process(
        folder, SERVERS, POLICIES, surveyed=False, host="localhost", accounts=PEOPLE
    ) as running:
        yield running


def assert_sound(shown: Window) -> None:
    """Nothing refused by the page's own policy; labels, contrast, width right on desk and phone, day and night. These
    pages have their one script.
    """
    assert shown.console() == []
    for width_px, dark in ((390, True), (1100, False)):
        shown.size(width_px, 800)
        shown.dark(dark=dark)
        assert shown.script(SOUND) == ["the page has a script"], (shown.url, width_px, dark)


def test_a_person_adds_a_passkey_signs_in_with_both_then_with_it_alone_and_no_device_is_added_twice(
    driver: Driver, remit: RemitProcess
) -> None:
    with window(driver) as shown:
        shown.add_authenticator()
        shown.open(f"{remit.url}{link_of(remit)}")
        shown.submit(RIGHT, TAB, RIGHT, ENTER)
        assert_sound(shown)
        shown.submit("engineer", TAB, RIGHT, ENTER)
        assert shown.url == f"{remit.url}/account/passkeys"
        assert_sound(shown)
        shown.tab_to("#name")
        shown.submit("my phone", ENTER)
        assert shown.url == f"{remit.url}/sign-in?added=1"
        assert_sound(shown)
        shown.submit(ENTER)  # the one button has the focus
        assert shown.url == f"{remit.url}/account"

        shown.open(f"{remit.url}/account/passkeys")
        shown.tab_to("#name")
        shown.press("again", ENTER)
        shown.wait_for("This device or key has a passkey for this account already.")
        assert shown.text.count("my phone") == 1

        shown.open(f"{remit.url}/account")
        shown.tab_to("form[action='/sign-out'] button")
        shown.submit(ENTER)
        shown.tab_to("form[data-passkey] button")
        shown.submit(ENTER)
        assert shown.url == f"{remit.url}/account"


def test_without_scripts_the_button_is_off_it_is_told_why_and_the_password_works(
    driver: Driver, remit: RemitProcess
) -> None:
    with window(driver, scripts=False) as shown:
        shown.open(f"{remit.url}{link_of(remit)}")
        shown.submit(RIGHT, TAB, RIGHT, ENTER)
        assert "Passkeys need a script" in shown.text
        assert len(shown.find_all("form[data-passkey] button:disabled")) == 1
        shown.submit("engineer", TAB, RIGHT, ENTER)
        assert shown.url.startswith(f"{remit.url}/")
        assert "Name or password is wrong" not in shown.text

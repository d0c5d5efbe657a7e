"""The pages in a real browser, headless Chromium: with the keyboard alone, without scripts, in no frame."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.peers import remit_process
from tests.peers.callback import Callback
from tests.peers.chromium import ENTER, SPACE, TAB, Driver, WebDriverError, Window, chromium, window
from tests.peers.clients import TOOL, Login, Npm
from tests.peers.person import (
    CLIENTS,
    POLICIES,
    RIGHT,
    SERVERS,
    Asking,
    link_of,
    listed,
    parameters_of,
    token,
    with_password,
)
from tests.peers.remit_process import RemitProcess

pytestmark = pytest.mark.timeout(120)

SECRET = {"auth": "client_secret_basic", "secret": "${file:secret}"}
MORE = {
    "mcp-remote": {"tenant": "acme", "redirect_uris": ["http://localhost/oauth/callback"]},
    "six": {"tenant": "acme", "redirect_uris": ["http://[::1]/callback"]},
    "proven": {"tenant": "acme", "redirect_uris": ["http://127.0.0.1/callback"], **SECRET},
}
SOUND = (Path(__file__).parents[1] / "peers" / "soundness.js").read_text()


@pytest.fixture(scope="module")
def driver() -> Iterator[Driver]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def remit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RemitProcess]:
    folder = tmp_path_factory.mktemp("browser")
    (folder / "secret").write_text("one secret of thirty-two bytes!!")
    with remit_process.remit_process(folder, SERVERS, POLICIES, clients=CLIENTS | MORE) as running:
        with_password(running)
        yield running


def signed_in(shown: Window, remit: RemitProcess) -> None:
    shown.open(f"{remit.url}/sign-in")
    shown.submit("engineer", TAB, RIGHT, ENTER)
    assert shown.url == f"{remit.url}/account"


def assert_sound(shown: Window) -> None:
    """Nothing refused by the page's own policy; labels, contrast, width right on desk and phone, day and night."""
    assert shown.console() == []
    for width_px, dark in ((390, True), (390, False), (1100, True), (1100, False)):
        shown.size(width_px, 800)
        shown.dark(dark=dark)
        assert shown.script(SOUND) == [], (shown.url, width_px, dark)
    for field in shown.find_all("input:not([type=hidden]):not([hidden]), select, button"):
        assert shown.label_of(field)


# the whole way ----------------------------------------------------------------------------------------------------
def test_a_person_gets_from_the_link_to_the_end_of_a_grant_with_the_keyboard_alone_and_no_scripts(
    driver: Driver, remit: RemitProcess
) -> None:
    with window(driver, scripts=False) as shown, Callback() as client:
        shown.open(f"{remit.url}{link_of(remit)}")
        assert_sound(shown)
        shown.submit(RIGHT, TAB, RIGHT, ENTER)  # the cursor stands in the first field
        assert shown.url == f"{remit.url}/sign-in?set=1"
        assert_sound(shown)
        asking = Asking(remit, redirect_uri=client.url)
        shown.open(asking.url)
        assert shown.url.startswith(f"{remit.url}/sign-in?request=")
        shown.submit("engineer", TAB, RIGHT, ENTER)
        assert shown.url.startswith(f"{remit.url}/consent?request=")
        assert_sound(shown)
        agree(shown)
        came_back = parameters_of(client.taken())
        assert (came_back["state"], came_back["iss"]) == (asking.state, remit.url)
        assert "referer" not in client.headers
        made = token(remit, **asking.exchange(came_back["code"])).json()
        assert (made["scope"], listed(remit, made["access_token"])) == ("probe", 200)
        shown.console()  # the client's own page may say what it likes
        shown.open(Asking(remit, redirect_uri=client.url).url)
        assert "You agreed to this here" in shown.text
        assert_sound(shown)
        shown.tab_to("form.again button[value=yes]")
        shown.submit(ENTER)
        assert shown.url.startswith(f"{client.url}?code=")
        end_it(shown, remit)
        assert listed(remit, made["access_token"]) == 401
        for name in ("browser", "session"):
            cookie = shown.cookies()[f"__Host-remit-{name}"]
            assert (cookie["secure"], cookie["httpOnly"], cookie["sameSite"]) == (True, True, "Lax")


def agree(shown: Window) -> None:
    shown.tab_to("input[name=scope-probe]")
    shown.press(SPACE, SPACE)  # taken off, and ticked again
    shown.tab_to("#purpose")
    shown.press("triage a build")
    shown.tab_to("form.question button[value=yes]")
    shown.submit(ENTER)


def end_it(shown: Window, remit: RemitProcess) -> None:
    shown.open(f"{remit.url}/account")
    assert "triage a build" in shown.text
    assert_sound(shown)
    shown.tab_to("form[action='/account/end'] button")
    shown.submit(ENTER)
    assert shown.url == f"{remit.url}/account"
    assert "triage a build" not in shown.text


def test_an_unmodified_client_and_a_real_browser_need_nobody_in_between(
    driver: Driver, remit: RemitProcess, tmp_path: Path
) -> None:
    with window(driver) as shown:
        signed_in(shown, remit)

        def go_to(url: str) -> None:
            shown.open(url)
            agree(shown)

        made = Npm.installed().mcp_remote(Login(f"{remit.url}/mcp/probe", tmp_path, go_to, "mcp-remote"))
        assert "Authorization successful" in shown.text
    assert made["called"]["structuredContent"]["pid"] > 0
    assert TOOL in made["tools"]


def test_the_answer_reaches_a_client_at_the_loopback_address_of_ipv6(driver: Driver, remit: RemitProcess) -> None:
    """Chromium holds the redirect after a form against the page's policy, which has no words for such an address."""
    with window(driver) as shown, Callback(host="::1") as client:
        signed_in(shown, remit)
        asking = Asking(remit, client_id="six", redirect_uri=client.url)
        shown.open(asking.url)
        assert "goes to [::1]. That is a program on your own device." in " ".join(shown.text.split())
        assert_sound(shown)
        agree(shown)
        came_back = parameters_of(client.taken())
        assert (came_back["state"], came_back["iss"]) == (asking.state, remit.url)
        assert token(remit, **asking.exchange(came_back["code"])).status_code == 200


def test_who_only_has_to_sign_in_gets_from_there_to_a_client_that_proves_itself(
    driver: Driver, remit: RemitProcess
) -> None:
    """No page comes in between, so the policy of the sign-in page names the client's place too."""
    with window(driver) as shown, Callback() as client:
        signed_in(shown, remit)
        shown.open(Asking(remit, client_id="proven", redirect_uri=client.url).url)
        agree(shown)
        assert shown.url.startswith(f"{client.url}?code=")
        shown.console()
        shown.open(f"{remit.url}/account")
        shown.tab_to("form[action='/sign-out'] button")
        shown.submit(ENTER)
        shown.open(Asking(remit, client_id="proven", redirect_uri=client.url).url)
        assert shown.url.startswith(f"{remit.url}/sign-in?request=")
        shown.submit("engineer", TAB, RIGHT, ENTER)
        assert shown.url.startswith(f"{client.url}?code=")
        assert shown.console() == []


# what goes wrong --------------------------------------------------------------------------------------------------
def test_what_went_wrong_is_said_on_a_page_that_is_as_sound(driver: Driver, remit: RemitProcess) -> None:
    with window(driver) as shown:
        shown.open(f"{remit.url}/sign-in")
        shown.submit("engineer", TAB, "not the password", ENTER)
        assert shown.text_of(shown.find("[role=alert]")) == "Name or password is wrong."
        assert [line for line in shown.console() if "401" not in line] == []
        assert_sound(shown)
        shown.open(Asking(remit, client_id="nobody").url)
        assert "Not possible" in shown.text
        assert [line for line in shown.console() if "400" not in line] == []
        assert_sound(shown)


def test_what_finds_fault_with_a_page_would_find_it(driver: Driver) -> None:
    """Without this twin the checks could be blind."""
    page = "<main><p style='color:#999'>pale</p><input><script>1</script><img src='http://127.0.0.1:1/x'></main>"
    with window(driver) as shown:
        shown.open(f"data:text/html,{quote(page)}")
        assert shown.console() != []
        found = " ".join(shown.script(SOUND))
        for fault in ("language", "title", "heading", "script", "contrast", "label"):
            assert fault in found
        with pytest.raises(WebDriverError, match="no way"):
            shown.tab_to("p", at_most=3)


# other sites ------------------------------------------------------------------------------------------------------
def test_no_page_shows_in_a_frame_of_another_site(driver: Driver, remit: RemitProcess) -> None:
    with window(driver) as shown, Callback() as other:
        signed_in(shown, remit)
        shown.open(Asking(remit).url)
        assert "May desktop act for you?" in shown.text
        for place in (shown.url, f"{remit.url}/sign-in", f"{remit.url}/account"):
            frames = f"<iframe src='{other.url}'></iframe><iframe src='{place}'></iframe>"
            with Callback(shows=frames) as embedding:
                shown.open(embedding.url)
                theirs, ours = shown.find_all("iframe")
                assert shown.frame_text(theirs) == "Back at the client."
                assert shown.frame_text(ours) == ""
                assert "frame-ancestors 'none'" in " ".join(shown.console())


def test_a_form_of_another_site_does_not_say_yes(driver: Driver, remit: RemitProcess) -> None:
    with window(driver) as shown:
        signed_in(shown, remit)
        shown.open(Asking(remit).url)
        fields = shown.script("return Object.fromEntries(new FormData(document.querySelector('form.question')))")
        fields |= {"answer": "yes", "purpose": "whatever"}
        inputs = "".join(f"<input name='{name}' value='{value}'>" for name, value in fields.items())
        form = f"<form method='post' action='{remit.url}/consent'>{inputs}<button>Win a prize</button></form>"
        with Callback(shows=form) as other:
            shown.open(other.url)
            shown.tab_to("button")
            shown.submit(ENTER)
            assert "was not sent from a page that Remit showed in this browser" in shown.text
        with Callback() as client:
            shown.open(Asking(remit, redirect_uri=client.url).url)
            agree(shown)
            assert shown.url.startswith(f"{client.url}?code=")

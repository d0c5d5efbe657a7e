"""What people agreed to, as they and administrators see it: one click the next time, an export, a yes in advance."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.peers.browser import Browser, Page
from tests.peers.person import Asking, agreed, begun, listed, token, with_person
from tests.peers.remit_process import RemitProcess


@pytest.fixture(scope="module")
def remit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RemitProcess]:
    with with_person(tmp_path_factory.mktemp("kept")) as running:
        yield running


def code_of(page: Page) -> str:
    return parse_qs(urlsplit(page.location).query)["code"][0]


def test_the_same_browser_says_yes_again_with_one_click_and_another_is_asked(remit: RemitProcess) -> None:
    browser = Browser(remit.url)
    agreed(browser, Asking(remit).url, **{"scope-probe": "yes"})
    assert "__Host-remit-device" in browser.cookies
    asking = Asking(remit)
    page = begun(browser, asking.url)
    assert "You agreed to this here on" in page.text
    answer = browser.submit(page.form("/consent", **{"as": "before"}), answer="yes")
    made = token(remit, **asking.exchange(code_of(answer)))
    assert listed(remit, made.json()["access_token"]) == 200
    assert made.json()["authorization_details"][0]["purpose"] == "try it"
    page = begun(Browser(remit.url), Asking(remit).url)
    assert "You agreed to this here on" not in page.text
    assert page.form("/consent")


def test_a_yes_without_what_it_stands_on_is_asked_anew(remit: RemitProcess) -> None:
    browser = Browser(remit.url)
    agreed(browser, Asking(remit).url, **{"scope-probe": "yes"})
    page = begun(browser, Asking(remit).url)
    form = page.form("/consent", **{"as": "before"})
    (consent,) = (each for each in remit.cli("consent", "list")["consents"] if each["given_at_s"])
    remit.cli("consent", "end", consent["id"])
    answer = browser.submit(form, answer="yes")
    assert (answer.status, "does not cover this" in answer.text) == (400, True)


def test_the_registry_is_listed_and_exported(remit: RemitProcess) -> None:
    agreed(Browser(remit.url), Asking(remit).url, **{"scope-probe": "yes", "purpose": "=HYPERLINK(1)"})
    (consent,) = remit.cli("consent", "list", "--user", "engineer", "--client", "desktop")["consents"]
    assert (consent["user"], consent["client"], consent["scopes"]) == ("engineer", "desktop", ["probe"])
    assert remit.cli("consent", "list", "--user", "analyst")["consents"] == []
    command = [sys.executable, "-m", "remit", "consent", "list", "--csv", "--config", str(remit.folder / "remit.yaml")]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    (row,) = csv.DictReader(io.StringIO(said))
    assert (row["id"], row["scopes"], row["purpose"]) == (consent["id"], "probe", "'=HYPERLINK(1)")


def test_an_administrator_ends_what_a_person_agreed_to(remit: RemitProcess) -> None:
    asking = Asking(remit)
    made = token(remit, **asking.exchange(agreed(Browser(remit.url), asking.url, **{"scope-probe": "yes"})["code"]))
    (consent,) = remit.cli("consent", "list")["consents"]
    assert listed(remit, made.json()["access_token"]) == 200
    ended = remit.cli("consent", "end", consent["id"])
    assert ended["grants"]
    assert listed(remit, made.json()["access_token"]) == 401
    assert remit.cli("consent", "end", consent["id"], expect=2)["error"]["reason"] == "invalid_params"


def test_what_was_approved_in_advance_takes_one_click_and_what_was_forbidden_none(remit: RemitProcess) -> None:
    rule = remit.cli(
        "consent", "approve", "desktop", "--tenant", "acme", "--scope", "probe", "--environment", "dev",
        "--purpose", "nightly look", "--ttl", "10m",
    )  # fmt: skip
    asking, browser = Asking(remit), Browser(remit.url)
    page = begun(browser, asking.url)
    assert "An administrator agreed to this for you" in page.text
    made = token(
        remit, **asking.exchange(code_of(browser.submit(page.form("/consent", **{"as": "before"}), answer="yes")))
    )
    (detail,) = made.json()["authorization_details"]
    assert detail["purpose"] == "nightly look"
    assert [each["rule"] for each in remit.cli("consent", "rules")["rules"]] == [rule["rule"]]
    remit.cli("consent", "drop", rule["rule"])
    assert "An administrator agreed" not in begun(Browser(remit.url), Asking(remit).url).text
    forbidden = remit.cli("consent", "forbid", "desktop", "--server", "probe", "--tenant", "acme")
    assert forbidden["grants"]
    assert listed(remit, made.json()["access_token"]) == 401
    page = begun(Browser(remit.url), Asking(remit).url)
    assert (page.status, "does not reach" in page.text) == (403, True)
    remit.cli("consent", "drop", forbidden["rule"])
    assert begun(Browser(remit.url), Asking(remit).url).status == 200


@pytest.mark.parametrize(
    "arguments",
    [
        ["approve", "desktop", "--tenant", "acme", "--scope", "probe", "--environment", "nowhere", "--purpose", "x"],
        ["approve", "desktop", "--tenant", "acme", "--scope", "probe", "--environment", "dev", "--purpose", "x",
         "--user", "analyst"],
        ["approve", "desktop", "--tenant", "acme", "--scope", "probe", "--environment", "dev", "--purpose", "x",
         "--ttl", "9h"],
        ["forbid", "desktop", "--tenant", "acme", "--server", "probe:echo"],
        ["forbid", "desktop"],
        ["drop", "cru_nobody"],
        ["end", "con_nobody"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_what_cannot_be_decided_in_advance_is_told_so(remit: RemitProcess, arguments: list[str]) -> None:
    said = remit.cli("consent", *arguments, expect=2)
    assert said["error"]["reason"] == "invalid_params"
    assert remit.cli("consent", "rules")["rules"] == []

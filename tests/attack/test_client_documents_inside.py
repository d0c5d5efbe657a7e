"""A client id that is a URL leads inside, to nowhere, in a circle, or to a document that changes while a person decides
(client id metadata documents, section 6; MCP security best practices, SSRF): nothing inside is asked, nobody gets in.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.peers import remit_process
from tests.peers.browser import Browser, Page
from tests.peers.documents import Documents, document_server
from tests.peers.person import POLICIES, SERVERS, Asking, agreed, begun, listed, parameters_of, token, with_password
from tests.peers.remit_process import RemitProcess

YES = {"purpose": "try it", "ttl_s": "3600", "answer": "yes", "scope-probe": "yes"}


@dataclass
class Place:
    """A Remit to which every domain may send clients, `localhost` also from inside, and the host of one."""

    remit: RemitProcess
    documents: Documents

    def comes(self, url: str) -> Page:
        return begun(Browser(self.remit.url), Asking(self.remit, client_id=url).url)

    def admit(self, url: str) -> None:
        shown = self.remit.cli("client", "show", url, "--tenant", "acme")
        self.remit.cli("client", "admit", url, "--digest", shown["digest"], "--tenant", "acme")

    def known(self) -> set[str]:
        return {each["client"] for each in self.remit.cli("client", "list")["clients"]}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder: Path = tmp_path_factory.mktemp("inside")
    with document_server(folder) as documents:
        trusted = {"trust": "ask", "networks": ["127.0.0.0/8", "::1/128"], "ca_file": str(documents.ca_file)}
        rules = {"localhost": trusted, "*": {"trust": "ask"}}
        with remit_process.remit_process(folder, SERVERS, POLICIES, client_documents=rules) as remit:
            with_password(remit)
            yield Place(remit, documents)


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1:{port}/c.json",
        "https://[::1]:{port}/c.json",
        "https://169.254.169.254/latest/c.json",
        "https://100.64.0.1/c.json",
        "https://[fd00:ec2::254]/c.json",
        "https://[64:ff9b::7f00:1]:{port}/c.json",
    ],
)
def test_a_document_inside_is_not_asked_for(place: Place, url: str) -> None:
    url = url.format(port=place.documents.port)
    asked = list(place.documents.asked)
    page = place.comes(url)
    assert (page.status, page.location) == (403, "")
    assert place.documents.asked == asked
    assert url not in place.known()
    allowed = place.documents.put("/allowed.json")  # the same host, where the operator wrote that down
    assert "waits for an administrator" in place.comes(allowed).text


def test_a_name_that_leads_inside_is_no_better(tmp_path: Path) -> None:
    """`localhost` stands for any name that does; its twin is every other test here."""
    with document_server(tmp_path) as documents:
        rules = {"*": {"trust": "trusted", "ca_file": str(documents.ca_file)}}
        with remit_process.remit_process(tmp_path, SERVERS, POLICIES, client_documents=rules) as remit:
            with_password(remit)
            page = begun(Browser(remit.url), Asking(remit, client_id=documents.put("/c.json")).url)
            assert (page.status, page.location) == (403, "")
            assert documents.asked == []


def test_a_document_that_leads_in_a_circle_is_asked_for_once(place: Place) -> None:
    url = place.documents.put("/circle.json", status=302, headers={"Location": place.documents.url("/circle.json")})
    page = place.comes(url)
    assert (page.status, page.location) == (502, "")
    assert place.documents.asked.count("/circle.json") == 1
    place.documents.put("/circle.json")
    assert "waits for an administrator" in place.comes(url).text


def test_a_document_that_changes_while_a_person_decides_gets_no_yes_and_no_token(place: Place) -> None:
    url = place.documents.put("/shifty.json")
    place.admit(url)
    remit, browser = place.remit, Browser(place.remit.url)
    given, asked = Asking(remit, client_id=url), Asking(remit, client_id=url)
    code = agreed(browser, given.url, **{"scope-probe": "yes"})["code"]
    *_, question = begun(browser, asked.url).forms
    place.documents.put("/shifty.json", client_name="Your Bank")
    remit.cli("client", "show", url, "--tenant", "acme")  # reads it, as a login a minute later does
    answer = browser.submit(question, **YES)
    assert (answer.status, answer.location) == (403, "")
    assert token(remit, **given.exchange(code)).json()["error"] == "invalid_client"
    place.documents.put("/shifty.json")
    remit.cli("client", "show", url, "--tenant", "acme")
    code = parameters_of(browser.submit(question, **YES).location)["code"]
    made = token(remit, **asked.exchange(code)).json()
    assert listed(remit, made["access_token"]) == 200


def test_a_code_that_went_where_the_document_leads_no_more_is_worth_nothing(place: Place) -> None:
    """Admitted again, by an administrator who saw the change: the code stays with whoever was there before."""
    url = place.documents.put("/moves.json")
    place.admit(url)
    asking = Asking(place.remit, client_id=url)
    code = agreed(Browser(place.remit.url), asking.url, **{"scope-probe": "yes"})["code"]
    place.documents.put("/moves.json", redirect_uris=["https://sketch.example/cb"])
    place.admit(url)
    assert token(place.remit, **asking.exchange(code)).json()["error"] == "invalid_grant"
    place.documents.put("/moves.json")
    place.admit(url)
    assert token(place.remit, **asking.exchange(code)).status_code == 200

"""The official suite's `authorization` command logs in at Remit, as the client of every revision it knows."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest

from tests.conformance.authorization import authorization
from tests.conformance.runner import Suite
from tests.peers.browser import Browser
from tests.peers.person import answered, with_person
from tests.peers.remit_process import RemitProcess, free_port

VERSIONS = ("2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28")
GRANT = {"authorization-code-grant/AuthorizationCodeGrant": "SUCCESS"}
METADATA = {"authorization-server-metadata/AuthorizationServerMetadata": "SUCCESS"}
DESCRIBED = {"authorization-server-metadata-cimd/AuthorizationServerMetadataCIMD": "SUCCESS"}


@pytest.fixture(scope="module")
def remit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RemitProcess]:
    with with_person(tmp_path_factory.mktemp("people")) as running:
        yield running


def statuses(suite: Suite, remit: RemitProcess, version: str, **answer: str) -> dict[str, dict[str, str]]:
    browser = Browser(remit.url)

    def go_to(url: str) -> None:
        back = answered(browser, url, **answer)
        assert httpx2.get(back, trust_env=False, timeout=30).status_code == 200

    found = authorization(
        suite,
        remit.url,
        client_id="desktop",
        resource=f"{remit.url}/mcp/probe",
        port=free_port(),
        version=version,
        go_to=go_to,
    )
    return {scenario: {name: check.status for name, check in checks.items()} for scenario, checks in found.items()}


@pytest.mark.parametrize("version", VERSIONS)
def test_every_revision_of_the_suite_finds_the_metadata_and_gets_a_token(
    suite: Suite, remit: RemitProcess, version: str
) -> None:
    assert statuses(suite, remit, version, **{"scope-probe": "yes"}) == {
        "authorization-server-metadata-endpoint": METADATA | (DESCRIBED if version >= "2025-11-25" else {}),
        "authorization-code-grant": GRANT,
    }


def test_the_suite_finds_out_when_the_person_says_no(suite: Suite, remit: RemitProcess) -> None:
    """Without this twin a suite that checks nothing would pass as well."""
    found = statuses(suite, remit, VERSIONS[-1], answer="no")
    assert found["authorization-code-grant"] == dict.fromkeys(GRANT, "FAILURE")

"""A running Remit answers as its two OpenAPI documents say, also to requests nobody here thought of. Schemathesis makes
them from a fixed seed, both such as fit the document and such as do not.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from remit import __version__
from remit.surfaces.oauth.openapi import document
from tests.peers.administration import ACCOUNTS, ROLES, Administered, Api, administered
from tests.peers.person import CLIENTS

# `mara` is of a tenant she does not administer: so no request ends her own grant.
SETTINGS = {
    "accounts": ACCOUNTS | {"mara": {"tenant": "globex"}},
    "administrators": {
        "root": {"uid": 0, "roles": ROLES, "tenants": ["acme", "globex"]},
        "mara": {"account": "mara", "roles": {"acme": ROLES}},
    },
    "registration": {"tenant": "acme", "redirect_hosts": ["app.example"]},
    "clients": CLIENTS | {"remote": {"tenant": "globex", "redirect_uris": ["http://127.0.0.1/callback"]}},
}
# A name that fits the document need not be anybody's, so what fits may still be refused, but never as unreadable; and
# what does not fit may be too large before it is read. Nothing may be an outage.
EXPECTED = """
[checks]
positive_data_acceptance.expected-statuses = ["2xx", {refused}, 401, 403, 404, 409, 429]
negative_data_rejection.expected-statuses = [303, 400, 401, 403, 404, 405, 409, 413, 415, 422, 429]
"""


@pytest.fixture(scope="module")
def remit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Administered]:
    with administered(tmp_path_factory.mktemp("openapi"), people=("mara",), **SETTINGS) as running:
        yield running


def expect_as_described(document: Path, url: str, *more: str, refused: str) -> None:
    """Raises AssertionError with what Schemathesis found."""
    command = [
        str(Path(sys.executable).parent / "schemathesis"), "--no-color", "run", str(document), "--url", url,
        "--checks", "all", "--phases", "examples,coverage,fuzzing", "--seed", "7",
        "--generation-deterministic", "--max-examples", "12", "--no-shrink",
        "--continue-on-failure", "--workers", "1", "--warnings", "off", *more,
    ]  # fmt: skip
    (document.parent / "schemathesis.toml").write_text(EXPECTED.format(refused=refused))
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=document.parent)
    assert done.returncode == 0, done.stdout[:8_000] + done.stdout[-4_000:] + done.stderr[-2_000:]


def test_administration_is_as_its_document_says(remit: Administered, tmp_path: Path) -> None:
    served = httpx2.get(f"{remit.url}/openapi.json", trust_env=False).content
    (tmp_path / "openapi.json").write_bytes(served)
    api = remit.api(account="mara", client_id="remote")
    expect_as_described(
        tmp_path / "openapi.json", remit.url, "--header", f"Authorization: Bearer {api.token}", refused="422"
    )
    assert Api(remit.url, api.token).get("/v1/status")  # it was authenticated to the end


def test_the_authorization_server_is_as_its_document_says(remit: Administered, tmp_path: Path) -> None:
    content = document(issuer=remit.remit.url, version=__version__, registration=True)
    (tmp_path / "openapi.json").write_text(json.dumps(content))
    expect_as_described(tmp_path / "openapi.json", remit.remit.url, refused="303, 400")  # RFC 6749 section 5.2

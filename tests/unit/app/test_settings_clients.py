"""What a client is registered for beside asking people: nothing unless it is written, and nothing beyond its tenant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from remit.app.registry import registry
from remit.app.settings import load
from tests.unit.app.test_settings import SERVERS, problem, written

BOTH = {"files": SERVERS["files"], "crm": SERVERS["crm"] | {"tenants": ["globex"]}}
OWNED = {"tenants": ["acme"], "environment": "dev", "owner": "o"}
SERVED = {name: OWNED | server for name, server in BOTH.items()}


def client(**changes: Any) -> dict[str, Any]:
    secret = {"tenant": "acme", "auth": "client_secret_basic", "secret": "${env:CLIENT_SECRET}"}
    return {"clients": {"files-server": secret | changes}, "servers": SERVED}


def test_what_a_client_may_ask_about_is_resources_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLIENT_SECRET", "a-long-enough-secret")
    found = registry(load(written(tmp_path, **client(introspects=["files", "/mcp"])))).clients["files-server"]
    assert found.introspects == {"http://127.0.0.1:8700/mcp/files", "http://127.0.0.1:8700/mcp"}
    assert not found.require_par


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"introspects": ["crm"]}, "expected /mcp or a server of acme, found 'crm'"),
        ({"introspects": ["nosuch"]}, "expected /mcp or a server of acme, found 'nosuch'"),
        ({"introspects": ["*"]}, "expected /mcp or a server of acme, found '*'"),
        ({"introspects": ["files"], "auth": "none"}, "whoever asks about tokens has to authenticate"),
        ({}, "needs a grant template, redirect_uris, introspects or device"),
    ],
)
def test_what_a_client_may_not_be_registered_for_is_refused(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    assert said in problem(tmp_path, **client(**changes))

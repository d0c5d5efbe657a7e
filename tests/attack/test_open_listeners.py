"""CVE-2026-81094 (mcp-router: all interfaces, no token), CVE-2026-32211 (Azure MCP: no authentication): loopback unless
told otherwise, never outside without TLS, and never without a token.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from remit.app import settings
from tests.attack.scene import CALL, Gains, expect_served
from tests.peers.remit_process import configuration
from tests.scenes.mcp import McpScene

OUTSIDE = [
    "0.0.0.0:8700",
    "[::]:8700",
    ":8700",
    "192.0.2.7:8700",
    "localhost.evil.test:8700",
    "*:8700",
    "[::ffff:0.0.0.0]:1",
]


def accepted(folder: Path, **changes: Any) -> bool:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "remit.yaml").write_text(yaml.safe_dump(configuration(8700, {}) | changes))
    try:
        settings.load(folder / "remit.yaml")
    except settings.ConfigurationInvalid:
        return False
    return True


async def an_open_port(folder: Path) -> Gains:
    gains = [f"{listen} without TLS was accepted" for listen in OUTSIDE if accepted(folder, listen=listen)]
    gains += ["a public URL without TLS was accepted"] * accepted(folder, public_url="http://remit.example")
    assert accepted(folder, listen="127.0.0.1:8700")
    assert accepted(folder, listen="[::1]:8700")
    tls = {"certificate": "c.pem", "key": "k.pem"}
    assert accepted(folder, listen="0.0.0.0:8700", public_url="https://remit.example", tls=tls)
    return gains


async def test_no_port_is_open_to_the_outside_in_plain_text(tmp_path: Path) -> None:
    assert await an_open_port(tmp_path) == []


def test_the_default_is_loopback(tmp_path: Path) -> None:
    document = {name: value for name, value in configuration(8700, {}).items() if name != "listen"}
    (tmp_path / "remit.yaml").write_text(yaml.safe_dump(document))
    assert settings.load(tmp_path / "remit.yaml").address == ("127.0.0.1", 8700)


@pytest.mark.parametrize("setting", ["auth", "authentication", "allow_anonymous", "insecure", "no_auth"])
def test_no_setting_turns_tokens_off(tmp_path: Path, setting: str) -> None:
    assert not accepted(tmp_path, **{setting: False})


async def test_no_method_is_answered_without_a_token() -> None:
    scene = McpScene()
    for method in ("tools/list", "tools/call", "server/discover", "initialize", "ping", "resources/list"):
        for path in ("/mcp", "/mcp/files", "/mcp/unknown"):
            answer = await scene.modern(path, b"", method, CALL, headers={b"authorization": None})
            assert answer.status == 401
    assert scene.upstreams.arrived == []
    await expect_served(scene, "/mcp/files", scene.token("files"))

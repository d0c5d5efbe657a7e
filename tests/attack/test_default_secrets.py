"""CVE-2026-53709 and CVE-2026-78573 (ContextForge: default JWT secret, default administrator), GHSA-953h-535j-jg2v
(agent-router: `default-insecure-seed`): every installation makes its own keys, and no secret can be written down
or weak.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from remit.app import registry, settings
from tests.attack.scene import CALL, Gains, Genuine, expect_served
from tests.peers.remit_process import configuration
from tests.scenes.token import TokenScene

GRANT = {"purpose": "nightly", "scopes": ["files"], "environment": "dev"}
WEAK = ["my-test-key", "changeme-changeme-changeme", "default-insecure-seed", "${env:REMIT_UNSET}", "${env:REMIT_WEAK}"]


async def the_vendor_s_own_key(folder: Path) -> Gains:
    """The attacker signs with a fresh installation of the same version."""
    genuine = Genuine(folder / "victim")
    elsewhere = TokenScene(folder / "attacker", clock=genuine.mcp.clock)
    forged = b"Bearer " + elsewhere.token(actors=())
    answer = await genuine.mcp.modern("/mcp", forged, "tools/call", CALL)
    gains = ["another installation's token was believed"] if answer.status == 200 else []
    await expect_served(genuine.mcp, "/mcp", genuine.token)
    return gains


def accepted(folder: Path, secret: str) -> bool:
    """Whether Remit would start with this client secret."""
    client = {"tenant": "acme", "auth": "client_secret_basic", "secret": secret, "grant": GRANT}
    document: dict[str, Any] = configuration(8700, {}) | {"clients": {"cron": client}}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "remit.yaml").write_text(yaml.safe_dump(document))
    try:
        registry.registry(settings.load(folder / "remit.yaml"))
    except settings.ConfigurationInvalid:
        return False
    return True


async def written_down_or_weak_secrets(folder: Path) -> Gains:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("REMIT_WEAK", "changeme")
        environment.setenv("REMIT_STRONG", "pUo0Zk1mR3b7qX2c9vT5")
        environment.delenv("REMIT_UNSET", raising=False)
        gains = [f"{secret!r} was accepted" for secret in WEAK if accepted(folder, secret)]
        assert accepted(folder, "${env:REMIT_STRONG}")
    return gains


async def test_no_other_installation_s_key_is_ours(tmp_path: Path) -> None:
    assert await the_vendor_s_own_key(tmp_path) == []


async def test_a_client_secret_is_a_reference_to_something_long(tmp_path: Path) -> None:
    assert await written_down_or_weak_secrets(tmp_path) == []


def test_every_key_of_two_installations_differs_and_is_private(tmp_path: Path) -> None:
    for name in ("one", "two"):
        TokenScene(tmp_path / name)
    files = {path.name: path for path in (tmp_path / "one").iterdir() if path.is_file()}
    assert len(files) >= 3
    for name, path in files.items():
        assert path.read_bytes() != (tmp_path / "two" / name).read_bytes()
        assert path.stat().st_mode & 0o077 == 0

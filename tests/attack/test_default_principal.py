"""CVE-2026-59822 (LiteLLM): a made-up Authorization header fell through to an empty, all-powerful principal.

Also CVE-2026-48039 and CVE-2026-54618 (servers that approved anybody). Here whatever cannot be verified is 401.
"""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from tests.attack.scene import CALL, Gains, Genuine, expect_served
from tests.scenes.token import b64, es256

MADE_UP = [
    None, b"Bearer", b"Bearer null", b"Bearer undefined", b"Bearer anonymous", b"Bearer sk-1234", b"bearer admin",
    b"Basic YWRtaW46YWRtaW4=", b"Negotiate abc", b"Bearer eyJhbGciOiJub25lIn0.e30.", b"Bearer a.b.c", b"null", b"*",
]  # fmt: skip


async def made_up_authorization(folder: Path) -> Gains:
    """Nonsense, and a token whose every claim is right but which nobody of ours signed."""
    genuine = Genuine(folder)
    header, payload = genuine.tokens.parts(actors=())
    message = b64(header) + b"." + b64(payload)
    forged = b"Bearer " + message + b"." + b64(es256(ec.generate_private_key(ec.SECP256R1()), message))
    gains: Gains = []
    for presented in [*MADE_UP, forged]:
        answer = await genuine.mcp.modern("/mcp", b"", "tools/call", CALL, headers={b"authorization": presented})
        if answer.status not in (400, 401) or b"www-authenticate" not in answer.headers:
            gains.append(f"{presented!r} was answered {answer.status}")
    gains += ["a server was reached"] * genuine.believed()
    await expect_served(genuine.mcp, "/mcp", genuine.token)
    return gains


async def test_nothing_made_up_becomes_a_principal(tmp_path: Path) -> None:
    assert await made_up_authorization(tmp_path) == []


async def test_a_made_up_token_is_counted_and_its_genuine_twin_recorded(tmp_path: Path) -> None:
    genuine = Genuine(tmp_path)
    await genuine.mcp.modern("/mcp", b"Bearer sk-1234", "tools/call", CALL)
    assert sum(genuine.mcp.ledger.refusals.values()) == 1
    assert genuine.mcp.ledger.records == []
    await expect_served(genuine.mcp, "/mcp", genuine.token)
    assert [record["subject"] for record in genuine.mcp.ledger.records if "subject" in record] == ["engineer"]

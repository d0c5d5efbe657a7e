"""The administration socket: the kernel says who asks; bad lines are told precisely; one broken act ends nothing."""

from __future__ import annotations

import asyncio
import json
import os
import stat
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from remit.cli.connection import Administration
from remit.cli.output import CommandFailed, Exit
from remit.core.errors import refuse
from remit.core.reasons import Reason
from remit.surfaces.admin.socket import AdminSocket


async def act(uid: int, name: str, arguments: Mapping[str, Any]) -> Any:
    if name == "whoami":
        return {"uid": uid, **arguments}
    if name == "count":
        return numbers()
    if name == "break":
        raise RuntimeError("a bug with a secret in it")
    raise refuse(Reason.ROLE_MISSING, f"{name} needs the role audit")


async def numbers() -> AsyncIterator[Mapping[str, Any]]:
    for number in range(3):
        yield {"number": number}


@pytest.fixture
async def path(tmp_path: Path) -> AsyncIterator[Path]:
    server = AdminSocket(tmp_path / "admin.sock", act, others_may_connect=False)
    await server.start()
    yield tmp_path / "admin.sock"
    await server.stop()


async def ask(path: Path, *lines: bytes) -> list[dict[str, Any]]:
    reader, writer = await asyncio.open_unix_connection(str(path))
    writer.write(b"".join(lines))
    writer.write_eof()
    answers = (await reader.read()).splitlines()
    writer.close()
    return [json.loads(answer) for answer in answers]


async def test_the_socket_file_is_its_owners_alone(path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_who_asks_is_what_the_kernel_says_whatever_the_message_claims(path: Path) -> None:
    (answer,) = await ask(path, b'{"act": "whoami", "uid": 0, "arguments": {"x": 1}}\n')
    assert answer == {"ok": True, "result": {"uid": os.getuid(), "x": 1}}


async def test_a_stream_of_items_ends_with_ok(path: Path) -> None:
    answers = await ask(path, b'{"act": "count"}\n')
    assert answers == [{"item": {"number": n}} for n in range(3)] + [{"ok": True, "result": {}}]


async def test_a_denial_says_reason_detail_and_next_step(path: Path) -> None:
    (answer,) = await ask(path, b'{"act": "audit.read"}\n')
    assert answer["error"]["reason"] == "role_missing"
    assert answer["error"]["kind"] == "denied"
    assert answer["error"]["next"]


@pytest.mark.parametrize("line", [b"not json\n", b"[]\n", b'{"act": 1}\n', b'{"act": "count", "arguments": []}\n'])
async def test_a_malformed_line_is_told_and_the_next_one_is_served(path: Path, line: bytes) -> None:
    first, second = await ask(path, line, b'{"act": "whoami"}\n')
    assert first["error"]["kind"] == "invalid"
    assert second["ok"] is True


async def test_a_bug_in_one_act_is_not_shown_and_does_not_end_the_connection(path: Path) -> None:
    first, second = await ask(path, b'{"act": "break"}\n', b'{"act": "whoami"}\n')
    assert first["error"]["reason"] == "internal"
    assert "secret" not in json.dumps(first)
    assert second["ok"] is True


async def test_the_command_line_turns_a_denial_into_its_exit_code(path: Path) -> None:
    def denied() -> Exit:
        with Administration.at(path) as administration, pytest.raises(CommandFailed) as caught:
            administration.act("audit.read")
        return caught.value.code

    assert await asyncio.to_thread(denied) is Exit.DENIED


async def test_no_running_remit_is_unreachable_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed) as caught:
        Administration.at(tmp_path / "nothing.sock")
    assert caught.value.code is Exit.UNREACHABLE
    assert "remit serve" in caught.value.next_step

"""A configuration, and a running Remit that is only its administration socket: the real one, with a test's answers."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from remit.cli.main import run
from remit.core.errors import Refusal, refuse
from remit.core.reasons import Reason
from remit.surfaces.admin.socket import AdminSocket

CONFIGURATION = """
public_url: http://127.0.0.1:{port}
tenants: [acme, globex]
environments: [dev]
accounts: {{engineer: {{tenant: acme}}, analyst: {{tenant: globex}}}}
clients: {{acme-client: {{tenant: acme}}, one: {{tenant: globex}}, two: {{tenant: globex}}}}
servers:
  files: {{tenants: [acme], environment: dev, owner: me, stdio: {{command: [/bin/true]}}}}
  theirs: {{tenants: [globex], environment: dev, owner: me, stdio: {{command: [/bin/true]}}}}
"""
Answer = Mapping[str, Any] | list[Mapping[str, Any]] | Refusal | Callable[[Mapping[str, Any]], Mapping[str, Any]]


class Running:
    """What the socket answers, act by act, and what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.asked: list[tuple[str, Mapping[str, Any]]] = []

    async def __call__(self, uid: int, act: str, arguments: Mapping[str, Any]) -> Any:
        self.asked.append((act, arguments))
        answer = self.answers.get(act)
        if answer is None:
            raise refuse(Reason.UNKNOWN_METHOD, act)
        if isinstance(answer, Refusal):
            raise answer
        if isinstance(answer, list):
            return _items(answer)
        return answer(arguments) if callable(answer) else answer


async def _items(found: list[Mapping[str, Any]]) -> AsyncIterator[Mapping[str, Any]]:
    for item in found:
        yield item


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a remit.yaml that commands find by themselves."""
    (tmp_path / "remit.yaml").write_text(CONFIGURATION.format(port=1))
    (tmp_path / "state").mkdir(mode=0o700)
    monkeypatch.setenv("REMIT_CONFIG", str(tmp_path / "remit.yaml"))
    monkeypatch.setenv("NO_COLOR", "1")
    return tmp_path


@pytest.fixture
def running(configured: Path) -> Iterator[Running]:
    acts = Running()
    loop = asyncio.new_event_loop()
    socket = AdminSocket(configured / "state" / "admin.sock", acts, others_may_connect=False)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(socket.start(), loop).result(5)
        yield acts
        asyncio.run_coroutine_threadsafe(socket.stop(), loop).result(5)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()


@pytest.fixture
def remit(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run one command line. Its exit code, stdout and stderr."""

    def command(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run(words)
        said = capsys.readouterr()
        return code, said.out, said.err

    return command

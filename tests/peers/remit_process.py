"""Remit as a process of its own, set up the way an operator does it: a file, policies, `remit serve`, `remit grant
create`.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

READY_S_MAX = 20.0
END_S_MAX = 15.0
PERMIT_ALL = '@id("everything")\npermit(principal, action, resource);\n'


@dataclass(frozen=True, slots=True)
class RemitProcess:
    """`folder` holds remit.yaml; `url` is the public URL."""

    folder: Path
    url: str
    process: subprocess.Popen[str] = field(repr=False)

    def cli(self, *arguments: str, expect: int = 0) -> dict[str, Any]:
        """Run a `remit` command with `--json` against this process; its document."""
        command = [sys.executable, "-m", "remit", *arguments, "--config", str(self.folder / "remit.yaml"), "--json"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode != expect:
            raise AssertionError(f"remit {' '.join(arguments)} exited {done.returncode}: {done.stdout}{done.stderr}")
        document: dict[str, Any] = json.loads(done.stdout)
        return document

    def token(self, resource: str, *more: str, user: str = "engineer") -> str:
        """An access token for `resource`, from a grant an administrator makes for the user."""
        given = ("--user", user, "--client", "editor", "--purpose", "test", "--resource", resource, "--ttl", "1h")
        made = self.cli("grant", "create", *given, *more)
        token: str = made["access_token"]
        return token

    def kill(self) -> None:
        """kill -9, as a crash would."""
        self.process.kill()
        self.process.wait(END_S_MAX)


def configuration(port: int, servers: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """Two tenants, one person in each; every server that does not say otherwise belongs to acme."""
    owned = {"tenants": ["acme"], "environment": "dev", "owner": "platform@acme"}
    return {
        "public_url": f"http://127.0.0.1:{port}",
        "listen": f"127.0.0.1:{port}",
        "tenants": ["acme", "globex"],
        "environments": ["dev"],
        "accounts": {
            "engineer": {"tenant": "acme", "roles": ["engineer"]},
            "analyst": {"tenant": "globex", "roles": ["analyst"]},
        },
        "clients": {"editor": {"tenant": "acme"}, "notebook": {"tenant": "globex"}},
        "servers": {name: owned | dict(server) for name, server in servers.items()},
        **more,
    }


@contextlib.contextmanager
def remit_process(
    folder: Path,
    servers: Mapping[str, Any],
    policies: Mapping[str, str],
    *,
    surveyed: bool = True,
    host: str = "127.0.0.1",
    **more: Any,
) -> Iterator[RemitProcess]:
    """Write the files, serve, wait until it says it is ready (and, by default, until every server was surveyed).
    Passkeys need a `host` that is a name: `localhost`.
    """
    port = free_port()
    url = f"http://{host}:{port}"
    write(folder, configuration(port, servers, **{"public_url": url, **more}), policies)
    running = start(folder, url)
    try:
        if surveyed:
            wait_for_servers(running)
        yield running
    finally:
        stop(running)


def write(folder: Path, settings: Mapping[str, Any], policies: Mapping[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "remit.yaml").write_text(yaml.safe_dump(dict(settings)))
    for name, text in policies.items():
        path = folder / "policies" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def start(folder: Path, url: str) -> RemitProcess:
    """Start `remit serve` on what is in the folder. Raises AssertionError with what it said when it does not get
    ready.
    """
    command = [sys.executable, "-m", "remit", "serve", "--config", str(folder / "remit.yaml")]
    with (folder / "serve.log").open("a") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, text=True, env=os.environ | {"NO_COLOR": "1"})
    running = RemitProcess(folder, url, process)
    deadline_s = time.monotonic() + READY_S_MAX
    while time.monotonic() < deadline_s and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", int(url.rsplit(":", 1)[1])), 0.2):
            if (folder / "state" / "admin.sock").exists():
                return running
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.05)
    said = (folder / "serve.log").read_text()
    stop(running)
    raise AssertionError(f"remit serve did not get ready: {said}")


def wait_for_servers(running: RemitProcess) -> None:
    deadline_s = time.monotonic() + READY_S_MAX
    servers: list[dict[str, Any]] = []
    while time.monotonic() < deadline_s:
        servers = running.cli("server", "list")["servers"]
        if all(server["health"] == "ok" for server in servers):
            return
    raise AssertionError(f"not every server was reached: {servers}")


def stop(running: RemitProcess) -> None:
    if running.process.poll() is None:
        running.process.send_signal(signal.SIGTERM)
        try:
            running.process.wait(END_S_MAX)
        except subprocess.TimeoutExpired:
            running.process.kill()
            running.process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

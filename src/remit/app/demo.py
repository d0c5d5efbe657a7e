"""The demo's stage: a folder with a configuration, policies and things to work on, and one Remit serving it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from remit.app.peers.prepare import Peer

PEERS = ("git", "time", "filesystem", "everything")
POLICIES = Path(__file__).parent / "demo_policies"
MARK = "made-by-remit-demo"
PORT = 8700
START_S_MAX = 30.0
STOP_S_MAX = 10.0
FILES_PATHS = {
    "path": ("read_file", "read_text_file", "read_media_file", "write_file", "edit_file", "create_directory",
             "list_directory", "list_directory_with_sizes", "directory_tree", "search_files", "get_file_info"),
    "source": ("move_file",), "destination": ("move_file",), "paths": ("read_multiple_files",),
}  # fmt: skip
GIT_TOOLS = ("status", "diff_unstaged", "diff_staged", "diff", "commit", "add", "reset", "log", "create_branch",
             "checkout", "show", "branch")  # fmt: skip


class DemoFailed(Exception):
    """The stage could not be set. The text says what was found and what to do."""


class FolderTaken(DemoFailed):
    """The folder holds something that is not the demo's."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Where everything of the demo is. `url` is the public URL."""

    folder: Path
    url: str

    @property
    def configuration(self) -> Path:
        return self.folder / "remit.yaml"

    @property
    def workspace(self) -> Path:
        return self.folder / "workspace"

    @property
    def repository(self) -> Path:
        return self.folder / "repository"

    @property
    def socket(self) -> Path:
        return self.folder / "state" / "admin.sock"

    @property
    def log(self) -> Path:
        return self.folder / "serve.log"


def set_stage(folder: Path, peers: Mapping[str, Peer], *, port: int = 0) -> Stage:
    """Make the folder anew. `port` is used if it is free, else any that is.

    Raises `DemoFailed`; `FolderTaken` if something there is not the demo's own.
    """
    try:
        _clear(folder)
    except OSError as problem:
        raise FolderTaken(
            f"{folder} cannot be the demo's folder: {problem.strerror}; name another with --folder"
        ) from None
    stage = Stage(folder.resolve(), f"http://127.0.0.1:{_free_port(port)}")
    stage.workspace.mkdir()
    (stage.workspace / "notes.txt").write_text("What is in here may be read and written by engineers of acme.\n")
    _make_repository(stage.repository)
    _write_policies(stage)
    stage.configuration.write_text(yaml.safe_dump(_configuration(stage, peers), sort_keys=False))
    return stage


def _clear(folder: Path) -> None:
    """Raises `OSError`; `FolderTaken` if something there is not the demo's own, or a demo runs there."""
    if folder.exists() and any(folder.iterdir()):
        if not (folder / MARK).exists():
            raise FolderTaken(f"{folder} is not empty and not a demo's folder; name another with --folder")
        if _answers(Stage(folder, "").socket):
            raise FolderTaken(f"a demo runs in {folder}; stop it, or name another with --folder")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARK).write_text("remit demo makes this folder anew each time it runs\n")


def _answers(place: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(place))
        except OSError:
            return False
    return True


def _free_port(wanted: int) -> int:
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise DemoFailed("no port of 127.0.0.1 is free")


def _make_repository(place: Path) -> None:
    """A repository with three commits by nobody in particular."""
    place.mkdir()
    _git(place, "init", "--quiet", "--initial-branch", "main")
    for number, subject in enumerate(("Begin", "Say what this is", "Say what it is for"), 1):
        (place / "README.md").write_text("A repository for the demo.\n" * number)
        _git(place, "add", "README.md")
        _git(place, "commit", "--quiet", "--message", subject)


def _git(place: Path, *arguments: str) -> None:
    who = ("-c", "user.name=Remit demo", "-c", "user.email=demo@localhost", "-c", "commit.gpgsign=false")
    # Configuration of the person running the demo (hooks, signing, templates) is not read.
    clean = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    command = [shutil.which("git") or "git", *who, *arguments]
    done = subprocess.run(command, cwd=place, env=clean, capture_output=True, text=True, check=False)
    if done.returncode:
        raise DemoFailed(f"`git {arguments[0]}` failed: {done.stderr.strip()}")


def _write_policies(stage: Stage) -> None:
    """The packaged policies, with the places they speak of put in. Line numbers stay as they are."""
    for source in sorted(POLICIES.rglob("*")):
        if source.is_file():
            target = stage.folder / "policies" / source.relative_to(POLICIES)
            target.parent.mkdir(parents=True, exist_ok=True)
            text = source.read_text("utf-8")
            for name, place in (("/workspace", stage.workspace), ("/repository", stage.repository)):
                text = text.replace(name, _in_a_pattern(place))
            target.write_text(text, "utf-8")


def _in_a_pattern(place: Path) -> str:
    text = str(place)
    if not text.isprintable() or set(text) & set('"\\*'):
        raise DemoFailed(f"{text}: the demo's folder may not have quotes, backslashes or stars in its path")
    return text


def _configuration(stage: Stage, peers: Mapping[str, Peer]) -> dict[str, Any]:
    def server(peer: str, tenants: list[str], *arguments: str, **more: Any) -> dict[str, Any]:
        environment = more.pop("environment", {})
        stdio = {"command": [*peers[peer].command, *arguments], "environment": environment}
        return {"tenants": tenants, "environment": "dev", "owner": "platform@acme", "stdio": stdio, **more}

    # The git server starts `git`; nothing else of this environment reaches it.
    git_path = {"PATH": str(Path(shutil.which("git") or "/usr/bin/git").parent)}
    paths: dict[str, list[str]] = {}
    for argument, tools in FILES_PATHS.items():
        for tool in tools:
            paths.setdefault(tool, []).append(argument)
    git_paths = {f"git_{tool}": ["repo_path"] for tool in GIT_TOOLS}
    return {
        "public_url": stage.url,
        "listen": stage.url.removeprefix("http://"),
        "tenants": ["acme", "globex"],
        "environments": ["dev"],
        "accounts": {
            "engineer": {"tenant": "acme", "roles": ["engineer"]},
            "administrator": {"tenant": "acme", "roles": ["administrator"]},
            "analyst": {"tenant": "globex", "roles": ["analyst"]},
        },
        "clients": {"acme-client": {"tenant": "acme"}, "globex-client": {"tenant": "globex"}},
        "servers": {
            # These three keep nothing between calls, so grants may share a process. The fourth does.
            "git": server("git", ["acme"], environment=git_path, path_arguments=git_paths, stateful=False),
            "files": server("filesystem", ["acme"], str(stage.workspace), path_arguments=paths, stateful=False),
            "time": server("time", ["acme", "globex"], stateful=False),
            "everything": server("everything", ["acme"]),
        },
        "administrators": {
            "administrator": {
                "uid": os.getuid(),
                "roles": ["server", "policy", "approval", "key", "audit"],
                "tenants": ["acme", "globex"],
            }
        },
    }


class ServeProcess:
    """One `remit serve` as a child process, from `start` to `stop`."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "remit", "serve", "--config", str(self._stage.configuration)]
        with self._stage.log.open("wb") as log:
            # A session of its own: Ctrl-C reaches only us, and we stop it in order.
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def wait_until(self, ready: Callable[[], bool], *, every_s: float) -> None:
        """Ask until `ready` says so. Raises `DemoFailed` when the process ends or time runs out."""
        pause = threading.Event()
        deadline_s = time.monotonic() + START_S_MAX
        while not ready():
            if self._process is None or self._process.poll() is not None:
                raise DemoFailed(f"remit serve ended at once:\n{self.last_words()}")
            if time.monotonic() >= deadline_s:
                raise DemoFailed(f"remit serve was not ready after {START_S_MAX:.0f} s:\n{self.last_words()}")
            pause.wait(every_s)

    def wait(self) -> int:
        """Until it ends by itself. Its exit code."""
        return self._process.wait() if self._process else 0

    def stop(self) -> None:
        """SIGTERM, so that calls end and the ledger is closed; SIGKILL for what does not listen."""
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def last_words(self) -> str:
        lines = self._stage.log.read_text("utf-8", "replace").splitlines()
        return "\n".join(f"  {line[:300]}" for line in lines[-8:]) or "  (it said nothing)"

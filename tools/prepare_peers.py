#!/usr/bin/env python3
"""Install the real MCP servers the demo and the tests talk to, each in an environment of its own.

    prepare_peers.py [--json] [NAME ...]

The demo's servers are those of remit.app.peers; the conformance suite and the clients from npm, which only this
checkout needs, are pinned in tools/peers/. `--json` prints {"schema": "remit.peers/1", "peers": {NAME: {"command":
[...], "version": "..."}}} on stdout; everything else goes to stderr. Exit codes: 0 ready, 2 usage, 5 something could
not be fetched.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from functools import partial
from pathlib import Path

from remit.app.peers.prepare import (
    INSTALLERS,
    FetchFailed,
    Installer,
    Peer,
    cache_home,
    fill_prefix,
    find_node,
    installed,
    node_peer,
    prepare,
    say,
)

LOCKS = Path(__file__).parent / "peers"


def npm_clients(home: Path) -> Peer:
    """OAuth and MCP clients from npm, side by side: the command is Node.js and the `node_modules` that holds them."""
    locks, node = LOCKS / "clients", find_node(home)
    lock = (locks / "package-lock.json").read_bytes()
    place = installed(home, locks.name, lock, lambda to: fill_prefix(to, locks, node))
    pins: dict[str, str] = json.loads((locks / "package.json").read_text())["dependencies"]
    versions = ", ".join(f"{package} {version}" for package, version in pins.items())
    return Peer((node.node, str(place / "node_modules")), versions)


INSTALLERS_HERE: dict[str, Installer] = {
    **INSTALLERS,
    "conformance": partial(node_peer, LOCKS / "conformance"),
    "clients": npm_clients,
}


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description="Install the MCP servers the demo and the tests talk to.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"default: all of {', '.join(INSTALLERS_HERE)}")
    parser.add_argument("--json", action="store_true", help="print how to start each peer")
    asked = parser.parse_args(argv)
    unknown = sorted(set(asked.names) - set(INSTALLERS_HERE))
    if unknown:
        parser.error(f"no such peer: {', '.join(unknown)}; there are {', '.join(INSTALLERS_HERE)}")
    started_s = time.monotonic()
    try:
        peers = prepare(asked.names or INSTALLERS_HERE, INSTALLERS_HERE)
    except FetchFailed as failure:
        say(str(failure))
        return 5
    ready = ", ".join(f"{name} {peer.version}" for name, peer in peers.items())
    say(f"ready in {cache_home()} after {time.monotonic() - started_s:.1f} s: {ready}")
    if asked.json:
        manifest = {name: {"command": list(peer.command), "version": peer.version} for name, peer in peers.items()}
        print(json.dumps({"schema": "remit.peers/1", "peers": manifest}, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

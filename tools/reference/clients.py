"""The table of clients: what the tests see each of them do."""

from __future__ import annotations

import json
import re

from tools.reference.text import ROOT, read, require, row

COLUMNS = {
    "discovery": "finds Remit by",
    "authentication": "authenticates with",
    "request": "asks with",
    "resource": "sends `resource` to",
    "list": "lists tools in",
    "call": "calls one in",
    "refresh": "refreshes",
    "revoke": "revokes",
}
LAST = ("another's `iss`", "not registered, it")


def clients_table() -> list[str]:
    pins = versions()
    lines = [row(("client", "version", *COLUMNS.values(), *LAST)), row(["---"] * (2 + len(COLUMNS) + len(LAST)))]
    for client in read("clients")["clients"]:
        name, package, steps = client["name"], client["package"], client["steps"]
        require([f"the version of {package}"] if package not in pins else [])
        require(f"{step} of {name}" for step in COLUMNS if step not in steps)
        noticed = {"compared": "is noticed", "not compared": "is not noticed"}[client["iss"]]
        alone = ", ".join(client.get("unregistered", ())) or "-"
        taken = (steps[step] for step in COLUMNS)
        lines.append(row((f"{name} (`{package}`)", pins[package], *taken, noticed, alone)))
    return lines


def versions() -> dict[str, str]:
    """Package → the version that the lock files install."""
    npm: dict[str, str] = json.loads((ROOT / "tools/peers/clients/package.json").read_text("utf-8"))["dependencies"]
    lock = (ROOT / "requirements-dev.lock").read_text("utf-8")
    return npm | dict(re.findall(r"^(mcp)==(\S+)", lock, re.MULTILINE))

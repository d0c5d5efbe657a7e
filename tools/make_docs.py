#!/usr/bin/env python3
"""Write the pages of docs/reference/ that the code already knows.

    python -m tools.make_docs [--check]

Names, types, defaults, codes and options come from the code; what they mean is in tools/reference/*.yaml where the code
does not say it. `--check` writes nothing. Exit codes: 0 written or fresh, 1 stale, 3 no words for something.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tools.reference.adapters import adapter_pages
from tools.reference.clients import clients_table
from tools.reference.commands import commands_page
from tools.reference.events import events_page
from tools.reference.openapi import openapi_admin, openapi_oauth
from tools.reference.refusals import reasons_page
from tools.reference.settings import schema_file, settings_page
from tools.reference.tables import acts_table, admin_routes_table, causes_table, constants_table, with_table
from tools.reference.text import ROOT, NoWords

REFERENCE = Path("docs/reference")
DIAGNOSIS = Path("docs/how-to/find-out-why-a-client-cannot-log-in.md")


def pages() -> dict[Path, str]:
    """Every generated file, by its path from the project's root. Raises `NoWords`."""
    return {
        REFERENCE / "settings.md": settings_page(),
        REFERENCE / "remit.schema.json": schema_file(),
        REFERENCE / "openapi-admin.json": openapi_admin(),
        REFERENCE / "openapi-oauth.json": openapi_oauth(),
        REFERENCE / "reasons.md": reasons_page(),
        REFERENCE / "events.md": events_page(),
        REFERENCE / "commands.md": commands_page(),
        REFERENCE / "admin-socket.md": with_table(REFERENCE / "admin-socket.md", "acts", acts_table()),
        REFERENCE / "clients.md": with_table(REFERENCE / "clients.md", "clients", clients_table()),
        REFERENCE / "http-endpoints.md": with_table(
            REFERENCE / "http-endpoints.md", "admin-routes", admin_routes_table()
        ),
        REFERENCE / "limits.md": with_table(REFERENCE / "limits.md", "constants", constants_table()),
        DIAGNOSIS: with_table(DIAGNOSIS, "causes", causes_table()),
        **adapter_pages(),
    }


def main(arguments: list[str]) -> int:
    try:
        made = pages()
    except NoWords as problem:
        print(problem, file=sys.stderr)
        return 3
    kept = {ROOT / path: text for path, text in made.items()}
    stale = [path for path, text in kept.items() if not path.exists() or path.read_text("utf-8") != text]
    stale += [path for path in (ROOT / REFERENCE / "adapters").glob("*.md") if path not in kept]
    for path in stale:
        print(path.relative_to(ROOT), file=sys.stderr)
    if "--check" in arguments:
        return 1 if stale else 0
    for path in stale:
        if path in kept:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(kept[path], "utf-8")
        else:
            path.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Run the official suite's `authorization` command: it takes the client's part and prints an address for a browser."""

from __future__ import annotations

import subprocess
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

from tests.conformance.results import Findings, read_findings
from tests.conformance.runner import Suite, SuiteFailed

SUITE_S_MAX = 60.0

GoTo = Callable[[str], None]
"""Goes where the suite sends the browser, and to the address it is sent back to."""


def authorization(
    suite: Suite, issuer: str, *, client_id: str, resource: str, port: int, version: str, go_to: GoTo
) -> Findings:
    """What one revision's scenarios find. Raises SuiteFailed when the suite itself breaks or does not end."""
    with tempfile.TemporaryDirectory(prefix="conformance-") as folder:
        asked = ("--client-id", client_id, "--resource", resource, "--port", str(port), "--spec-version", version)
        command = [*suite.command, "authorization", "--url", issuer, *asked, "--output-dir", folder]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
            late = threading.Timer(SUITE_S_MAX, process.kill)  # it would wait five minutes for its callback
            late.start()
            try:
                said = _followed(process, f"{issuer}/authorize?", go_to)
            finally:
                late.cancel()
                process.kill()
        try:
            return read_findings(Path(folder))
        except ValueError as error:
            raise SuiteFailed(f"the suite wrote no findings:\n{said[-2000:]}") from error


def _followed(process: subprocess.Popen[str], begins: str, go_to: GoTo) -> str:
    said = ""
    for line in process.stdout or ():
        said += line
        if line.startswith(begins):
            go_to(line.strip())
    process.wait()
    return said

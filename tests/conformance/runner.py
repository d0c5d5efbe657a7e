"""Run the official MCP conformance suite against a URL.

    python -m tests.conformance.runner URL [--bearer TOKEN] [--leg 2026-07-28] [--against DIRECT_URL] [--scenario NAME]

Prints one line per leg and every check that failed; `--against` runs a second URL without the token and prints every
check on which the two differ. Exit codes: 0 conformant (and the same), 1 not, 5 the suite could not be run.
"""

import argparse
import asyncio
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.conformance.bearer_shim import BearerShim
from tests.conformance.results import Findings, LegRun, differences, read_findings, readable

LEGS = ("2025-11-25", "2026-07-28")
_ROOT = Path(__file__).parents[2]
_LEG_S_MAX = 150
_RAN = (0, 1)
"""The suite's exit codes for "ran": every required scenario passed, or not."""


class SuiteFailed(Exception):
    """The suite could not be installed or did not run. The text says why."""


@dataclass(frozen=True, slots=True)
class Suite:
    """The installed suite: `command` takes the suite's own arguments after it."""

    command: tuple[str, ...]

    @classmethod
    def installed(cls) -> "Suite":
        """The pinned suite with a Node.js that can run it, fetched first if need be. Raises SuiteFailed."""
        prepare = [sys.executable, str(_ROOT / "tools" / "prepare_peers.py"), "--json", "conformance"]
        done = subprocess.run(prepare, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SuiteFailed(f"cannot install the conformance suite:\n{done.stderr.strip()}")
        return cls(tuple(json.loads(done.stdout)["peers"]["conformance"]["command"]))

    async def run_leg(self, leg: str, url: str, scenario: str | None = None) -> LegRun:
        """One revision's scenarios, one after the other. Raises SuiteFailed when the suite itself breaks."""
        chosen = ["--requirements", leg] if scenario is None else ["--scenario", scenario, "--spec-version", leg]
        with tempfile.TemporaryDirectory(prefix="conformance-") as folder:
            started_s = time.monotonic()
            process = await asyncio.create_subprocess_exec(
                *self.command, "server", "--url", url, *chosen, "--output-dir", folder,
                stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            )  # fmt: skip
            output = await _output(process, leg)
            seconds = time.monotonic() - started_s
            if process.returncode not in _RAN:
                raise SuiteFailed(f"leg {leg}: the suite ended with exit code {process.returncode}:\n{output[-2000:]}")
            return LegRun(leg, _findings(Path(folder), output), process.returncode == 0, seconds)


async def _output(process: asyncio.subprocess.Process, leg: str) -> str:
    try:
        async with asyncio.timeout(_LEG_S_MAX):
            output, _ = await process.communicate()
    except TimeoutError as error:
        raise SuiteFailed(f"leg {leg}: not finished after {_LEG_S_MAX} s") from error
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    return output.decode(errors="replace")


def _findings(folder: Path, output: str) -> Findings:
    try:
        return read_findings(folder)
    except ValueError as error:
        raise SuiteFailed(f"the suite wrote no findings:\n{output[-2000:]}") from error


async def run_legs(
    suite: Suite, url: str, *, bearer: str | None = None, legs: Sequence[str] = LEGS, scenario: str | None = None
) -> dict[str, LegRun]:
    """Each leg in turn: scenarios have windows of half a second, which two legs on two cores would make a gamble."""
    async with contextlib.AsyncExitStack() as stack:
        if bearer is not None:
            url = (await stack.enter_async_context(BearerShim(url, bearer))).url
        return {leg: await suite.run_leg(leg, url, scenario) for leg in legs}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Run the official MCP conformance suite against a URL.")
    parser.add_argument("url", help="Streamable HTTP endpoint on this machine, http://HOST:PORT/PATH")
    parser.add_argument("--bearer", metavar="TOKEN", help="access token to send")
    parser.add_argument("--leg", action="append", choices=LEGS, help="revision to run (default: both)")
    parser.add_argument("--against", metavar="DIRECT_URL", help="the same server without Remit: print the differences")
    parser.add_argument("--scenario", help="run this scenario only")
    asked = parser.parse_args(arguments)
    legs = asked.leg or LEGS
    try:
        suite = Suite.installed()
        runs = asyncio.run(run_legs(suite, asked.url, bearer=asked.bearer, legs=legs, scenario=asked.scenario))
        direct = {}
        if asked.against is not None:
            direct = asyncio.run(run_legs(suite, asked.against, legs=legs, scenario=asked.scenario))
    except SuiteFailed as failure:
        sys.stderr.write(f"{failure}\n")
        return 5
    return max(_report(run, direct.get(leg)) for leg, run in runs.items())


def _report(run: LegRun, direct: LegRun | None) -> int:
    sys.stdout.write(f"{run}\n")
    failures = (
        f"  {scenario} · {check}: {finding.status} {finding.message}"
        for scenario, checks in run.findings.items()
        for check, finding in checks.items()
        if finding.status in ("FAILURE", "WARNING")
    )
    if direct is None:
        sys.stdout.writelines(f"{line}\n" for line in failures)
        return int(not run.conformant)
    found = differences(direct.findings, run.findings)
    sys.stdout.write(f"{direct} (direct)\n{readable(found)}\n")
    return int(bool(found) or not run.conformant)


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Measure Remit against nginx as a plain proxy: CPU per call, added latency, memory, start.

Needs Linux, two cores, a C compiler and nginx. README.md beside this file tells the method.
Targets are printed beside the figures; missing one does not fail the command, a wrong reply does.
"""

from __future__ import annotations

import argparse
import datetime
import functools
import json
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import legs
import machine
import report
import selfcheck
from legs import Leg, Load
from machine import BenchError, Cores, Lab

ABANDONED_SESSIONS = 10_000
SETTLE_S = 1.0  # for start-up work to end before memory is read


class Bench:
    """One run. Each part records its figures, or the reason why it has none, and the next goes on."""

    def __init__(self, lab: Lab, load: Load, asked: argparse.Namespace) -> None:
        self.lab = lab
        self.load = load
        self.asked = asked
        self.legs: dict[str, Leg] = {}
        self.figures: dict[str, float | None] = {}
        self.not_measured: dict[str, str] = {}
        self.wrong_replies = 0

    def wants(self, name: str) -> bool:
        return not self.asked.legs or name in self.asked.legs

    def window(self, leg: Leg, connections: int, seconds: float) -> report.Window:
        """Load a leg for a while; what it cost and how it answered."""
        before = self.reading(leg)
        result = self.load.run(leg, "-c", str(connections), "-d", str(seconds))
        if not result["calls_total"]:
            raise BenchError(f"{leg.name} answered no call: {result['first_error']}\n{self.lab.log_tail(leg.name)}")
        took = [after - earlier for after, earlier in zip(self.reading(leg), before, strict=True)]
        elapsed, used, upstream, load_busy, proxy_busy = took
        foreign = load_busy - upstream - result["generator_cpu_s"]
        if leg.name != "direct":
            foreign = max(foreign, proxy_busy - used)
        result["cpu_us_per_call"] = used / result["calls_total"] * 1e6
        result["foreign_share"] = max(0.0, foreign / elapsed)
        self.wrong_replies += result["errors"]
        if result["errors"]:
            say(f"{leg.name}: {result['errors']} wrong replies, the first: {result['first_error']}")
        return result

    def reading(self, leg: Leg) -> list[float]:
        """Clock, CPU time of the leg and of the upstream, busy time of both cores; all in seconds."""
        cores = self.lab.cores
        pids = (leg.process.pid, self.legs["direct"].process.pid)
        used = [machine.cpu_s(pid) for pid in pids]
        return [time.monotonic(), *used, machine.core_busy_s(cores.load), machine.core_busy_s(cores.proxy)]

    def start_legs(self) -> None:
        # A gateway bridges no eras for its clients here: the upstream speaks the era of the calls.
        upstream = legs.start_upstream(self.lab, "direct", self.asked.era, self.asked.upstream_delay_ms)
        self.legs["direct"] = upstream
        if self.wants("nginx"):
            self.attempt("nginx", lambda: self.add(legs.start_nginx(self.lab, upstream.port)))
        for name in legs.ROUND_LEGS:
            if self.wants(name):
                self.attempt(name, functools.partial(self.add_remit, name, upstream.port))
        for leg in self.legs.values():
            legs.wait_for_call(self.load, leg, self.asked.era)
            self.window(leg, self.asked.connections, 0.5)  # warms caches and connection pools

    def add(self, leg: Leg) -> None:
        self.legs[leg.name] = leg

    def add_remit(self, name: str, upstream_port: int) -> None:
        remit = legs.remit_command(self.asked.remit)
        leg = legs.start_remit(self.lab, remit, name, upstream_port)
        legs.wait_for_call(self.load, leg, self.asked.era)
        legs.check_protection(self.load, leg, argument_policy=name == "remit-argument-policy")
        if name == "remit-durable":
            time.sleep(SETTLE_S)
            self.figures["idle_rss_mb"] = machine.resident_mb(leg.process.pid)
            legs.restart_remit(self.lab, remit, leg)
            self.figures["start_to_first_call_s"] = legs.wait_for_call(self.load, leg, self.asked.era)
        self.add(leg)

    def attempt(self, name: str, part: Callable[[], None]) -> None:
        try:
            part()
        except BenchError as problem:
            self.not_measured[name] = str(problem)

    def rounds(self) -> report.Rounds:
        names = list(self.legs)
        done: report.Rounds = []
        for number in range(self.asked.rounds):
            turn = names[number % len(names) :] + names[: number % len(names)]  # nobody is always first
            measured: dict[str, dict[str, report.Window]] = {}
            for name in turn:
                say(f"round {number + 1} of {self.asked.rounds}: {name}")
                leg = self.legs[name]
                measured[name] = {
                    "many": self.window(leg, self.asked.connections, self.asked.seconds),
                    "one": self.window(leg, 1, self.asked.seconds),
                }
            done.append(measured)
        return done

    def many_policies(self) -> None:
        """CPU per call with 10,000 policies and with three, in turn."""
        few = self.legs.get("remit-argument-policy")
        if few is None:
            raise BenchError("remit-argument-policy, which it is compared with, did not run")
        say("10,000 policies")
        remit = legs.remit_command(self.asked.remit)
        many = legs.start_remit(self.lab, remit, "remit-10000-policies", self.legs["direct"].port)
        legs.wait_for_call(self.load, many, self.asked.era)
        legs.check_protection(self.load, many, argument_policy=True)
        self.window(many, self.asked.connections, 0.5)
        pairs = [
            [self.window(leg, self.asked.connections, self.asked.seconds)["cpu_us_per_call"] for leg in (few, many)]
            for _ in range(3)
        ]
        self.figures["policies_10000_added_us"] = statistics.median(b - a for a, b in pairs)
        self.figures["policies_10000_added_share"] = statistics.median(b / a for a, b in pairs)
        self.lab.stop(many.process)

    def abandoned_sessions(self) -> None:
        """Memory after sessions that were opened, used once and never ended."""
        say(f"{ABANDONED_SESSIONS:,} abandoned sessions")
        upstream = legs.start_upstream(self.lab, "upstream-legacy", "legacy", 0)
        remit = legs.remit_command(self.asked.remit)
        leg = legs.start_remit(self.lab, remit, "remit-sessions", upstream.port)
        legs.wait_for_call(self.load, leg, "legacy")
        options = ("-e", "legacy", "-c", "8")
        self.load.run(leg, *options, "-a", "500")  # the allocator's first growth is not the sessions'
        before = machine.resident_mb(leg.process.pid)
        result = self.load.run(leg, *options, "-a", str(ABANDONED_SESSIONS))
        self.wrong_replies += result["errors"]
        if result["sessions_abandoned"] < ABANDONED_SESSIONS:
            raise BenchError(f"{result['sessions_abandoned']} sessions were opened: {result['first_error']}")
        time.sleep(SETTLE_S)
        self.figures["abandoned_sessions_growth_mb"] = machine.resident_mb(leg.process.pid) - before
        self.lab.stop(leg.process)
        self.lab.stop(upstream.process)

    def run(self) -> dict[str, Any]:
        p50, p99 = machine.fdatasync_ms(self.lab.directory)
        self.start_legs()
        rounds = self.rounds()
        self.figures.update(report.round_figures(rounds))
        if self.wants("remit-10000-policies"):
            self.attempt("remit-10000-policies", self.many_policies)
        if self.wants("remit-sessions"):
            self.attempt("remit-sessions", self.abandoned_sessions)
        return {
            "schema": report.JSON_SCHEMA,
            "when": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "machine": describe_machine(self.lab),
            "settings": {
                name: getattr(self.asked, name)
                for name in ("rounds", "seconds", "connections", "era", "text_bytes", "upstream_delay_ms")
            },
            "fdatasync_ms": {"p50": p50, "p99": p99},
            "legs": {name: report.leg_summary(rounds, name) for name in self.legs},
            "figures": self.figures,
            "targets": {target.figure: target.ship for target in report.TARGETS},
            "not_measured": self.not_measured,
            "wrong_replies": self.wrong_replies,
            "rounds": rounds,
        }


def say(text: str) -> None:
    """Progress, for a person who waits."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def describe_machine(lab: Lab) -> dict[str, Any]:
    cpu = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    nginx = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    version = subprocess.run([nginx, "-v"], capture_output=True, text=True, check=False).stderr if nginx else "no nginx"
    return {
        "cpu": cpu[0].split(":", 1)[1].strip() if cpu else platform.machine(),
        "kernel": f"Linux {platform.release()}",
        "nginx": version.strip().removeprefix("nginx version: "),
        "python": platform.python_version(),
        "load_core": lab.cores.load,
        "proxy_core": lab.cores.proxy,
        "directory": str(lab.directory),
        "filesystem": machine.filesystem_name(lab.directory),
        "load_average": os.getloadavg()[0],
    }


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="1-second windows: for a look, not for a figure")
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of the table")
    parser.add_argument("--legs", nargs="*", metavar="LEG", help=f"only these: nginx, {', '.join(legs.REMIT_MODES)}")
    parser.add_argument("--remit", metavar="COMMAND", help="the remit command (default: the project's own)")
    parser.add_argument("--dir", type=Path, help="where the ledger is written; never a memory filesystem")
    parser.add_argument("--keep", action="store_true", help="keep that directory, with configurations and logs")
    parser.add_argument("--era", choices=("modern", "legacy"), default="modern", help="protocol era of the calls")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0, help="length of one window")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--text-bytes", type=int, default=1024, help="length of the text that is echoed")
    parser.add_argument("--upstream-delay-ms", type=float, default=0.0, help="how long the upstream takes per call")
    asked = parser.parse_args()
    if asked.quick:
        asked.seconds = 1.0
    return asked


def end_on_signal(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)  # unwinds to the `finally` that ends every process


def main() -> int:
    asked = arguments()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end_on_signal)
    lab = Lab(machine.work_directory(asked.dir), Cores.pick())
    try:
        legs.compile_load(lab.directory)
        selfcheck.verify(lab.directory / "mcpload")
        load = Load(lab, lab.directory / "mcpload", asked.era, asked.text_bytes)
        document = Bench(lab, load, asked).run()
    finally:
        lab.close()
        if asked.keep:
            print(f"kept {lab.directory}", file=sys.stderr)
        else:
            shutil.rmtree(lab.directory, ignore_errors=True)
    say("")
    print(json.dumps(document, indent=1) if asked.json else report.text(document))
    return 1 if document["wrong_replies"] or document["not_measured"] else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BenchError as problem:
        sys.exit(f"bench: {problem}")
    except KeyboardInterrupt:
        sys.exit(130)

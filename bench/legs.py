"""The legs of the benchmark: direct, nginx, and Remit with different configurations."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from machine import BenchError, Lab, free_port, wait_for_port

HERE = Path(__file__).resolve().parent
PROGRAMS = {
    "mcpload": ("mcpload.c", "tally.c", "judge.c", "wire.c"),
    "mcpup": ("mcpup.c", "mcp.c", "wire.c"),
}
START_TIMEOUT_S = 60.0
TOOLS = 100  # echo, echo_1, ... echo_99: a catalog of ordinary size behind every leg
POLICY_TENANTS = 100
POLICY_TOOLS = 100


@dataclass
class Leg:
    """Something that calls can be sent to, and the process tree whose CPU time it costs."""

    name: str
    port: int
    path: str
    process: subprocess.Popen[bytes]
    headers: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Load:
    """How the generator runs; the same for every leg."""

    lab: Lab
    generator: Path
    era: str
    text_bytes: int

    def run(self, leg: Leg, *options: str, headers: list[str] | None = None) -> dict[str, Any]:
        command = [str(self.generator), "-p", str(leg.port), "-P", leg.path, "-x", str(self.text_bytes)]
        if "-e" not in options:
            command += ["-e", self.era]
        for header in leg.headers if headers is None else headers:
            command += ["-H", header]
        core = self.lab.cores.load
        done = subprocess.run(
            [*command, *options],
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
            preexec_fn=lambda: os.sched_setaffinity(0, {core}),
        )
        if not done.stdout:
            raise BenchError(f"the load generator failed: {done.stderr.strip()}")
        result: dict[str, Any] = json.loads(done.stdout)
        return result


# ---- what every leg stands on


def compile_load(directory: Path) -> None:
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc")
    if not compiler:
        raise BenchError("found no C compiler, expected cc: install gcc, or name one in CC")
    for program, parts in PROGRAMS.items():
        sources = [str(HERE / "load" / name) for name in parts]
        command = [*shlex.split(compiler), "-O2", "-std=gnu11", "-Wall", "-o", str(directory / program), *sources]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BenchError(f"{program} does not compile:\n{done.stderr}")


def start_upstream(lab: Lab, name: str, era: str, delay_ms: float) -> Leg:
    port = free_port()
    command = [str(lab.directory / "mcpup"), "-p", str(port), "-e", era, "-t", str(TOOLS)]
    if delay_ms:
        command.append(f"sleep:{delay_ms}")
    process = lab.start(name, command, lab.cores.load)
    if not wait_for_port(port, process, 5):
        raise BenchError(f"the upstream did not start:\n{lab.log_tail(name)}")
    return Leg(name, port, "/mcp", process)


def start_nginx(lab: Lab, upstream_port: int) -> Leg:
    binary = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if not binary:
        raise BenchError("found no nginx, expected it as the bar to compare with: install nginx-light")
    port = free_port()
    values = {
        "directory": str(lab.directory),
        "port": str(port),
        "upstream_port": str(upstream_port),
        # Started by root, the worker would become another user and could not use the directory.
        "user": "user root;" if os.geteuid() == 0 else "",
    }
    text = (HERE / "nginx.conf").read_text()
    for name, value in values.items():
        text = text.replace(f"<{name}>", value)
    config = lab.directory / "nginx.conf"
    config.write_text(text)
    command = [binary, "-p", str(lab.directory), "-e", str(lab.directory / "nginx.log"), "-c", str(config)]
    process = lab.start("nginx", command, lab.cores.proxy)
    if not wait_for_port(port, process, 10):
        raise BenchError(f"nginx did not start:\n{lab.log_tail('nginx')}")
    return Leg("nginx", port, "/mcp", process)


# ---- Remit


@dataclass(frozen=True)
class RemitMode:
    """One configuration of Remit under test."""

    durable: str  # "reply" (the default) or "UnsafeAsync"
    policy: str  # "cacheable", "arguments" or "arguments_10000"


REMIT_MODES = {
    "remit-cacheable": RemitMode("UnsafeAsync", "cacheable"),
    "remit-durable": RemitMode("reply", "cacheable"),
    "remit-argument-policy": RemitMode("reply", "arguments"),
    "remit-10000-policies": RemitMode("reply", "arguments_10000"),
    "remit-sessions": RemitMode("reply", "cacheable"),
}
ROUND_LEGS = ("remit-cacheable", "remit-durable", "remit-argument-policy")
PRIORITY_DENIED = 9  # what the argument policy forbids; the load sends 0 to 4


# ============================================================================================
# ADAPT HERE: the keys of remit.yaml and the shape of the policies. Nothing else in this folder
# knows them.
# ============================================================================================
def remit_config(mode: str, directory: Path, upstream_port: int) -> int:
    """Write DIRECTORY/remit.yaml and DIRECTORY/policies; return the port Remit will listen on."""
    chosen = REMIT_MODES[mode]
    port = free_port()
    others = [f"tenant-{n}" for n in range(POLICY_TENANTS)] if chosen.policy == "arguments_10000" else []
    tenants = ", ".join(["bench", *others])
    (directory / "remit.yaml").write_text(
        f"""\
public_url: http://127.0.0.1:{port}
listen: 127.0.0.1:{port}
tenants: [{tenants}]
environments: [bench]
ledger:
  durable: {chosen.durable}
servers:
  bench:
    tenants: [{tenants}]
    environment: bench
    owner: bench
    http:
      url: http://127.0.0.1:{upstream_port}/mcp
      networks: [127.0.0.0/8]
accounts:
  bench:
    tenant: bench
    scopes: [bench]
clients:
  mcpload:
    tenant: bench
administrators:
  bench:
    uid: {os.getuid()}
    roles: [server, policy, approval, key, audit]
    tenants: [bench]
"""
    )
    tenant = directory / "policies" / "bench"
    tenant.mkdir(parents=True)
    (tenant / "bench.cedar").write_text(_bench_policy(chosen.policy))
    for number, name in enumerate(others):
        _write_other_policies(directory / "policies" / name, number)
    return port


def _bench_policy(policy: str) -> str:
    permit = 'permit(principal, action == Action::"bench/echo", resource);\n'
    if policy == "cacheable":
        return permit
    return (
        permit + 'forbid(principal, action == Action::"bench/echo", resource)\n'
        f"when {{ context.args has priority && context.args.priority >= {PRIORITY_DENIED} }};\n"
        'forbid(principal, action == Action::"bench/echo", resource)\n'
        'when { context.args.text like "*forbidden*" };\n'
    )


def _write_other_policies(folder: Path, number: int) -> None:
    """One argument policy for each of 100 tools of another tenant: none of them applies to the call."""
    folder.mkdir()
    (folder / "bench.cedar").write_text(
        "".join(
            f'permit(principal, action == Action::"bench/{_tool(tool)}", resource)\n'
            f"when {{ context.args has priority && context.args.priority < {number % 9 + 1} }};\n"
            for tool in range(POLICY_TOOLS)
        )
    )


def _tool(number: int) -> str:
    return f"echo_{number}" if number else "echo"


# ============================================================================================
# End of the part to adapt. The two commands below are the command line's contract.
# ============================================================================================


def remit_command(asked: str | None) -> list[str]:
    """The command that stands for `remit`: the one asked for, or the project's own environment."""
    if asked:
        return shlex.split(asked)
    own = HERE.parent / ".venv" / "bin" / "remit"
    found = str(own) if own.exists() else shutil.which("remit")
    if not found:
        raise BenchError(f"found no remit command in {own.parent} or PATH: run `make` first, or name it with --remit")
    return [found]


def start_remit(lab: Lab, remit: list[str], mode: str, upstream_port: int) -> Leg:
    directory = lab.directory / mode
    directory.mkdir(mode=0o700)
    port = remit_config(mode, directory, upstream_port)
    leg = Leg(mode, port, "/mcp/bench", _serve(lab, remit, mode, directory))
    if not wait_for_port(port, leg.process, START_TIMEOUT_S):
        raise BenchError(f"{mode} does not listen on port {port}:\n{lab.log_tail(mode)}")
    leg.headers = [f"Authorization: Bearer {_grant(remit, mode, directory)}"]
    return leg


def restart_remit(lab: Lab, remit: list[str], leg: Leg) -> None:
    """Stop the server and start it on the same state; the grant and its token stay valid."""
    lab.stop(leg.process)
    leg.process = _serve(lab, remit, leg.name, lab.directory / leg.name)


def _serve(lab: Lab, remit: list[str], mode: str, directory: Path) -> subprocess.Popen[bytes]:
    return lab.start(mode, [*remit, "serve", "--config", str(directory / "remit.yaml")], lab.cores.proxy)


def _grant(remit: list[str], mode: str, directory: Path) -> str:
    command = [*remit, "grant", "create", "--config", str(directory / "remit.yaml")]
    command += ["--user", "bench", "--client", "mcpload", "--purpose", "benchmark"]
    command += ["--resource", "/mcp/bench", "--ttl", "1h", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        raise BenchError(f"{mode}: no grant (exit {done.returncode}): {done.stderr.strip()[-600:]}")
    token: str = json.loads(done.stdout)["access_token"]
    return token


def wait_for_call(load: Load, leg: Leg, era: str) -> float:
    """Call until one reply is right; the seconds that took."""
    start = time.monotonic()
    problem = ""
    while time.monotonic() - start < START_TIMEOUT_S and leg.process.poll() is None:
        result = load.run(leg, "-e", era, "-n", "1", "-d", "10")
        if result["calls_total"] == 1 and not result["errors"]:
            return time.monotonic() - start
        problem = result["first_error"]
        time.sleep(0.01)
    raise BenchError(f"{leg.name} gave no right answer: {problem}\n{load.lab.log_tail(leg.name)}")


def check_protection(load: Load, leg: Leg, argument_policy: bool) -> None:
    """A leg that does not protect measures nothing: it must refuse a call without token, and a denied one."""
    bare = load.run(leg, "-n", "1", "-d", "10", headers=[])
    if bare["calls_total"] or "status 401" not in bare["first_error"]:
        raise BenchError(f"{leg.name} answered a call without token: {bare['first_error'] or 'with its result'}")
    if argument_policy:
        denied = load.run(leg, "-n", "1", "-d", "10", "-r", str(PRIORITY_DENIED))
        if denied["calls_total"] or not denied["errors_by_kind"]["rpc"]:
            raise BenchError(f"{leg.name} did not deny the forbidden argument: {denied['first_error']}")

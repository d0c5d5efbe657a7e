"""What a measurement needs from the machine: pinned processes, their CPU time and memory, and the disk."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PR_SET_PDEATHSIG = 1
# Magic numbers of statfs(2): a ledger on memory makes a durable write look free.
MEMORY_FILESYSTEMS = {0x01021994: "tmpfs", 0x858458F6: "ramfs"}
_libc = ctypes.CDLL(None, use_errno=True)


class BenchError(Exception):
    """Something the benchmark needs is missing or does not work; the text says what to do."""


@dataclass(frozen=True)
class Cores:
    """The core of generator and upstream, and the core of the proxy alone."""

    load: int
    proxy: int

    @classmethod
    def pick(cls) -> Cores:
        allowed = sorted(os.sched_getaffinity(0))
        if len(allowed) < 2:
            raise BenchError(f"found {len(allowed)} usable core, expected 2: the proxy needs one of its own")
        return cls(load=allowed[0], proxy=allowed[1])


@dataclass
class Lab:
    """The processes of one run and its directory. `close` ends every one of them, by process id."""

    directory: Path
    cores: Cores
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, name: str, command: Sequence[str], core: int) -> subprocess.Popen[bytes]:
        """Start a pinned process that dies with this one; its output goes to NAME.log."""

        def pin() -> None:
            # If the benchmark is killed outright nobody runs `close`: the kernel then ends the child.
            _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
            os.sched_setaffinity(0, {core})

        with (self.directory / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=pin,  # noqa: PLW1509 - there is one thread
            )
        self.processes.append(process)
        return process

    def stop(self, process: subprocess.Popen[bytes]) -> None:
        """Ask the process to end, then kill whatever is left of its tree."""
        members = process_tree(process.pid) if process.poll() is None else []
        if members:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=5)
        for pid in members:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()
        self.processes.remove(process)

    def close(self) -> None:
        for process in reversed(self.processes[:]):
            self.stop(process)

    def log_tail(self, name: str, lines: int = 8) -> str:
        path = self.directory / f"{name}.log"
        text = path.read_text(errors="replace") if path.exists() else ""
        return "\n".join("  | " + line[:200] for line in text.splitlines()[-lines:])


def _stat_fields(pid: int) -> list[str]:
    text = Path(f"/proc/{pid}/stat").read_text()
    return text[text.rindex(")") + 2 :].split()  # the name before may hold spaces and brackets


def process_tree(root: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError):
                children.setdefault(int(_stat_fields(int(entry))[1]), []).append(int(entry))
    found = [root]
    for pid in found:
        found.extend(children.get(pid, []))
    return found


def cpu_s(root: int) -> float:
    """User and system time of a process tree, with children it has already waited for."""
    ticks = 0
    for pid in process_tree(root):
        with contextlib.suppress(OSError):
            ticks += sum(int(value) for value in _stat_fields(pid)[11:15])
    return ticks / TICKS_PER_S


def core_busy_s(core: int) -> float:
    """Time the core was not idle, for whomever; steal included."""
    for line in Path("/proc/stat").read_text().splitlines():
        if line.startswith(f"cpu{core} "):
            user, nice, system, _idle, _iowait, irq, softirq, steal = (int(v) for v in line.split()[1:9])
            return (user + nice + system + irq + softirq + steal) / TICKS_PER_S
    raise BenchError(f"/proc/stat has no line for core {core}")


def resident_mb(root: int) -> float:
    """Resident memory of a process tree (VmRSS; pages shared by its members count once for each)."""
    kilobytes = 0
    for pid in process_tree(root):
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                if line.startswith("VmRSS:"):
                    kilobytes += int(line.split()[1])
    return kilobytes / 1024


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for_port(port: int, process: subprocess.Popen[bytes], deadline_s: float) -> bool:
    end = time.monotonic() + deadline_s
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
        time.sleep(0.005)
    return False


def filesystem_magic(path: Path) -> int:
    buffer = ctypes.create_string_buffer(256)  # struct statfs is smaller; f_type is its first word
    if _libc.statfs(os.fsencode(path), buffer):
        raise OSError(ctypes.get_errno(), f"statfs {path}")
    return ctypes.c_ulong.from_buffer(buffer).value & 0xFFFFFFFF


def filesystem_name(path: Path) -> str:
    """The type of the mount the path is on, as /proc/self/mounts spells it."""
    best, name = "", "unknown"
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, mount, kind, *_ = line.split()
        inside = path == Path(mount) or Path(mount) in path.parents
        if inside and len(mount) >= len(best):
            best, name = mount, kind
    return name


def work_directory(asked: Path | None) -> Path:
    """A new directory on a filesystem that is backed by a disk."""
    candidates = [asked] if asked else [Path("/var/tmp"), Path(__file__).resolve().parent, Path("/tmp")]
    refused = []
    for parent in candidates:
        memory = MEMORY_FILESYSTEMS.get(filesystem_magic(parent))
        if memory is None and os.access(parent, os.W_OK):
            return Path(tempfile.mkdtemp(prefix="remit-bench-", dir=parent)).resolve()
        refused.append(f"{parent} ({memory or 'not writable'})")
    raise BenchError(
        f"found no disk-backed directory among {', '.join(refused)}, expected one for the ledger: name one with --dir"
    )


def fdatasync_ms(directory: Path, rounds: int = 300) -> tuple[float, float]:
    """p50 and p99 of appending 512 bytes and waiting for the disk."""
    path = directory / "fdatasync.probe"
    taken = []
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    try:
        for _ in range(rounds):
            start = time.perf_counter()
            os.write(descriptor, b"x" * 512)
            os.fdatasync(descriptor)
            taken.append((time.perf_counter() - start) * 1000)
    finally:
        os.close(descriptor)
        path.unlink()
    cuts = statistics.quantiles(taken, n=100)
    return statistics.median(taken), cuts[98]

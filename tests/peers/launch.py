"""Start the fixture peers as processes of their own, and end them by their process id."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

_ROOT = Path(__file__).parents[2]
_END_S_MAX = 10


@contextlib.contextmanager
def everything(era: Literal["legacy", "modern", "dual"]) -> Iterator[str]:
    """The fixture server, listening; its URL. Raises RuntimeError with what it said when it does not start."""
    command = [sys.executable, "-m", "tests.peers.everything_server", "--era", era]
    process = subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True)
    try:
        if process.stdout is None:
            raise RuntimeError("the fixture server has no stdout")
        port = process.stdout.readline().strip()
        if not port:
            raise RuntimeError(f"`{' '.join(command)}` ended with exit code {process.wait(_END_S_MAX)}; see stderr")
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        process.terminate()
        try:
            process.wait(_END_S_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()

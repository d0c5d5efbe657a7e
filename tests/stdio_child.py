"""A stdio server that does what its tests ask: run as a script, it imports nothing of the project.

Tools: `who` (environment, process ids), `count` (its state), `crash`, `silent`, `noise`, `flood`, `twice`, `steal`,
`ask`, `progress`, `spawn`, `sleep`. `MODE=modern` answers server/discover; `MODE=crash` dies at once; `MODE=mute` reads
and says nothing to server/discover.
"""

import json
import os
import subprocess
import sys
import time

MODE = os.environ.get("MODE", "legacy")
counted = 0
waiting: dict[str, object] = {}


def say(message: dict[str, object]) -> None:
    print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)


def text(value: object) -> dict[str, object]:
    return {"content": [{"type": "text", "text": json.dumps(value)}]}


def call(id: object, name: str, params: dict) -> None:  # noqa: C901
    global counted
    token = params.get("_meta", {}).get("progressToken")
    if name == "who":
        children = {
            "environment": dict(os.environ),
            "pid": os.getpid(),
            "group": os.getpgid(0),
            "session": os.getsid(0),
        }
        say({"id": id, "result": text(children | {"cwd": os.getcwd()})})
    elif name == "count":
        counted += 1
        say({"id": id, "result": text(counted)})
    elif name == "crash":
        os._exit(3)
    elif name == "noise":
        print("a banner\n\n[1,2]\n{broken\n5\n" + json.dumps({"jsonrpc": "2.0", "result": {}}), flush=True)
        say({"id": 1, "result": {"of": "nobody"}})
        say({"id": id, "result": text("calm")})
    elif name == "flood":
        sys.stdout.write("x" * 200_000)
        sys.stdout.flush()
    elif name == "twice":
        say({"id": id, "result": text("first")})
        say({"id": id, "result": text("second")})
    elif name == "steal":
        say({"method": "notifications/progress", "params": {"progressToken": 1, "progress": 1}})
        say({"method": "notifications/message", "params": {"level": "info", "data": "whose"}})
        say({"id": id, "result": text("done")})
    elif name == "ask":
        waiting["id"] = id
        say({"id": "q1", "method": "sampling/createMessage", "params": {}})
    elif name == "progress":
        say({"method": "notifications/progress", "params": {"progressToken": token, "progress": 1}})
        say({"id": id, "result": text("done")})
    elif name == "spawn":
        child = subprocess.Popen(["sleep", "60"])
        say({"id": id, "result": text(child.pid)})
    elif name == "stderr":
        for n in range(500):
            print(f"line {n} {os.environ.get('TOKEN', '')}", file=sys.stderr, flush=True)
        say({"id": id, "result": text("done")})
    elif name == "sleep":
        time.sleep(0.2)
        say({"id": id, "result": text("slept")})
    # silent: no answer


def handle(message: dict) -> None:
    method, id, params = message.get("method"), message.get("id"), message.get("params", {})
    if method is None:
        say({"id": waiting.pop("id"), "result": text(message.get("result"))})
    elif method == "notifications/cancelled":
        say({"method": "notifications/message", "params": {"level": "info", "data": {"cancelled": params}}})
    elif method == "initialize" and MODE != "modern":
        result = {
            "protocolVersion": "2025-11-25",
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "c", "version": "1"},
        }
        say({"id": id, "result": result | {"instructions": json.dumps(params.get("capabilities"))}})
    elif method == "server/discover" and MODE == "modern":
        say(
            {
                "id": id,
                "result": {
                    "supportedVersions": ["2026-07-28"],
                    "capabilities": {"tools": {}},
                    "resultType": "complete",
                },
            }
        )
    elif method == "server/discover" and MODE == "mute":
        pass
    elif method == "tools/list":
        say({"id": id, "result": {"tools": [{"name": "who", "inputSchema": {"type": "object"}}]}})
    elif method == "tools/call":
        call(id, params["name"], params)
    elif id is not None:
        say({"id": id, "error": {"code": -32601, "message": "unknown"}})


if MODE == "crash":
    os._exit(4)
for line in sys.stdin:
    handle(json.loads(line))

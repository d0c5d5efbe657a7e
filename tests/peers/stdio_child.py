"""A stdio server that does what its tests ask: run as a script, it imports nothing of the project.

Its tools are the functions in `TOOLS`. `MODE=modern` answers server/discover; `MODE=crash` dies at once; `MODE=mute`
reads server/discover and says nothing.
"""

import json
import os
import subprocess
import sys

MODE = os.environ.get("MODE", "legacy")
counted: list[object] = []
called: list[object] = []
cancelled: list[object] = []
waiting: dict[str, object] = {}


def say(message: dict[str, object]) -> None:
    print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)


def text(value: object) -> dict[str, object]:
    return {"content": [{"type": "text", "text": json.dumps(value)}]}


def who(id: object, _: dict) -> None:
    found = {"environment": dict(os.environ), "pid": os.getpid(), "group": os.getpgid(0), "session": os.getsid(0)}
    say({"id": id, "result": text(found | {"cwd": os.getcwd()})})


def count(id: object, _: dict) -> None:
    counted.append(id)
    say({"id": id, "result": text(len(counted))})


def noise(id: object, _: dict) -> None:
    print("a banner\n\n[1,2]\n{broken\n5\n" + json.dumps({"jsonrpc": "2.0", "result": {}}), flush=True)
    say({"id": 1, "result": {"of": "nobody"}})
    say({"id": id, "result": text("calm")})


def flood(_: object, __: dict) -> None:
    sys.stdout.write("x" * 200_000)
    sys.stdout.flush()


def twice(id: object, _: dict) -> None:
    say({"id": id, "result": text("first")})
    say({"id": id, "result": text("second")})


def steal(id: object, _: dict) -> None:
    say({"method": "notifications/progress", "params": {"progressToken": 1, "progress": 1}})
    say({"method": "notifications/message", "params": {"level": "info", "data": "whose"}})
    say({"id": id, "result": text("done")})


def ask(id: object, _: dict) -> None:
    waiting["id"] = id
    say({"id": "q1", "method": "sampling/createMessage", "params": {}})


def progress(id: object, params: dict) -> None:
    token = params.get("_meta", {}).get("progressToken")
    say({"method": "notifications/progress", "params": {"progressToken": token, "progress": 1}})
    say({"id": id, "result": text("done")})


def spawn(id: object, _: dict) -> None:
    say({"id": id, "result": text(subprocess.Popen(["sleep", "60"]).pid)})


def stderr(id: object, _: dict) -> None:
    for n in range(500):
        print(f"line {n} {os.environ.get('TOKEN', '')}", file=sys.stderr, flush=True)
    say({"id": id, "result": text("done")})


def cancellations(id: object, _: dict) -> None:
    say({"id": id, "result": text([cancelled, called])})


def crash(_: object, __: dict) -> None:
    os._exit(3)


def silent(_: object, __: dict) -> None:
    return


TOOLS = (who, count, cancellations, noise, flood, twice, steal, ask, progress, spawn, stderr, crash, silent)


def initialize(params: dict) -> dict[str, object]:
    server = {"name": "c", "version": "1"}
    said = json.dumps(params.get("capabilities"))
    return {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, "serverInfo": server, "instructions": said}


def discover(_: dict) -> dict[str, object]:
    return {"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}, "resultType": "complete"}


def tools(_: dict) -> dict[str, object]:
    return {"tools": [{"name": "who", "inputSchema": {"type": "object"}}]}


ANSWERS = {"tools/list": tools} | ({"server/discover": discover} if MODE == "modern" else {"initialize": initialize})


def handle(message: dict) -> None:
    method, id, params = message.get("method"), message.get("id"), message.get("params", {})
    if method is None:
        say({"id": waiting.pop("id"), "result": text(message.get("result"))})
    elif method == "notifications/cancelled":
        cancelled.append(params["requestId"])
    elif method == "tools/call":
        called.append(id)
        next(tool for tool in TOOLS if tool.__name__ == params["name"])(id, params)
    elif method in ANSWERS:
        say({"id": id, "result": ANSWERS[method](params)})
    elif id is not None and not (MODE == "mute" and method == "server/discover"):
        say({"id": id, "error": {"code": -32601, "message": "unknown"}})


if MODE == "crash":
    os._exit(4)
for line in sys.stdin:
    handle(json.loads(line))

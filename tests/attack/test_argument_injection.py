"""CVE-2025-68144 (git server: `--output=` in a ref became an option), CVE-2025-53107, CVE-2025-53967, CVE-2025-54994,
CVE-2025-59834 (servers that build a shell command from an argument): a policy sees the argument and can say what it may
not begin with or contain. Decided by the real engine.
"""

from __future__ import annotations

from pathlib import Path

from remit.core.scope import WholeServer
from tests.attack.scene import Gains, expect_served, rewire
from tests.scenes.mcp import McpScene
from tests.scenes.policy import a_catalog, a_server, a_tool, an_engine, write

SCHEMA = {"type": "object", "properties": {"target": {"type": "string"}}, "required": ["target"]}
PERMIT = '@id("diff")\npermit(principal, action == Action::"git/git_diff", resource);\n'
FORBID = """
@id("no-options-or-shell")
forbid(principal, action == Action::"git/git_diff", resource)
when {
  context.args.target like "-*" || context.args.target like "*;*" || context.args.target like "*|*" ||
  context.args.target like "*$(*" || context.args.target like "*`*"
};
"""
OPTIONS = ["--output=/root/.ssh/authorized_keys", "-o/x", "-", "--", "a; touch /x", "$(touch /x)", "`touch /x`", "a|sh"]


async def arguments_that_become_options(folder: Path) -> Gains:
    catalog = a_catalog(a_server("git", a_tool("git", "git_diff", SCHEMA)))
    engine = await an_engine(write(folder, acme__git=PERMIT + FORBID), catalog)
    scene = McpScene(catalog=catalog)
    rewire(scene, policy=engine)
    token = scene.token("git", scopes=frozenset({WholeServer("git")}))
    for target in OPTIONS:
        await scene.modern("/mcp/git", token, "tools/call", {"name": "git_diff", "arguments": {"target": target}})
    gains = [f"the server was given {arrived.params['arguments']}" for arrived in scene.upstreams.arrived]
    await expect_served(scene, "/mcp/git", token, {"name": "git_diff", "arguments": {"target": "main..feature-1"}})
    return gains


async def test_no_argument_becomes_an_option_or_a_command(tmp_path: Path) -> None:
    assert await arguments_that_become_options(tmp_path) == []

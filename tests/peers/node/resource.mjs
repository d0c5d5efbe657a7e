// The MCP side of the plain OAuth clients: what a 401 tells, and one request of the 2026-07-28 revision.
import { asked } from "./callback.mjs";

const VERSION = "2026-07-28";

export function message(method, params = {}) {
  const _meta = {
    "io.modelcontextprotocol/protocolVersion": VERSION,
    "io.modelcontextprotocol/clientCapabilities": {},
  };
  const headers = {
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
    "mcp-protocol-version": VERSION,
    "mcp-method": method,
    ...(params.name && { "mcp-name": params.name }),
  };
  return [JSON.stringify({ jsonrpc: "2.0", id: 1, method, params: { ...params, _meta } }), headers];
}

/** Where the 401 of the MCP endpoint says that its metadata stands (RFC 9728 section 5.1). */
export async function challenged() {
  const [body, headers] = message("tools/list");
  const answer = await fetch(asked.url, { method: "POST", body, headers });
  await answer.body.cancel();
  if (answer.status !== 401) throw new Error(`expected 401, found ${answer.status}`);
  return new URL(/resource_metadata="([^"]+)"/.exec(answer.headers.get("www-authenticate"))[1]);
}

/** The JSON-RPC result of an answer, which may come as one event of a stream. */
export async function result(answer) {
  const text = await answer.text();
  const data = answer.headers.get("content-type").startsWith("text/event-stream") ? /^data: (.*)$/m.exec(text)[1] : text;
  return JSON.parse(data).result;
}

export const details = [
  { type: "mcp_tool", locations: [asked.url], tool: asked.tool, actions: ["tools/call"], max_calls: 5, purpose: "look" },
];

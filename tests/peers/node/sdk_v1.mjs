// The official TypeScript SDK, version 1, as its examples use it.
import { UnauthorizedError } from "@modelcontextprotocol/sdk/client/auth.js";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { Kept, asked, person, tell } from "./callback.mjs";

const authProvider = new Kept();
const client = new Client({ name: "test", version: "1" });
let transport = new StreamableHTTPClientTransport(new URL(asked.url), { authProvider });
try {
  await client.connect(transport);
  throw new Error("a server that asks nobody");
} catch (error) {
  if (!(error instanceof UnauthorizedError)) throw error;
}
const back = await person(authProvider.sentTo);
if (!authProvider.isState(back.searchParams.get("state"))) throw new Error("not our state");
await transport.finishAuth(back.searchParams.get("code"));
transport = new StreamableHTTPClientTransport(new URL(asked.url), { authProvider });
await client.connect(transport);
const { tools } = await client.listTools();
const called = await client.callTool({ name: asked.tool });
await client.close();
tell({ tools: tools.map((tool) => tool.name), called });

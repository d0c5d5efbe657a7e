// The official TypeScript SDK, version 2, as its documentation uses it.
import { Client, StreamableHTTPClientTransport, UnauthorizedError } from "@modelcontextprotocol/client";
import { Kept, asked, person, tell } from "./callback.mjs";

const authProvider = new Kept();
const connect = async () => {
  const client = new Client({ name: "test", version: "1" }, { versionNegotiation: { mode: "auto" } });
  const transport = new StreamableHTTPClientTransport(new URL(asked.url), { authProvider });
  try {
    await client.connect(transport);
    return { client };
  } catch (error) {
    if (!(error instanceof UnauthorizedError)) throw error;
    return { transport };
  }
};
const { transport } = await connect();
const back = await person(authProvider.sentTo);
if (!authProvider.isState(back.searchParams.get("state"))) throw new Error("not our state");
await transport.finishAuth(back.searchParams);
const { client } = await connect();
const { tools } = await client.listTools();
const called = await client.callTool({ name: asked.tool });
await client.close();
tell({ tools: tools.map((tool) => tool.name), called });

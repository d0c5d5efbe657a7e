// openid-client as a confidential client with a secret: PKCE, state, iss, resource, authorization details, PAR if there is.
import * as client from "openid-client";
import { asked, person, redirectUri, tell } from "./callback.mjs";
import { challenged, details, message, result } from "./resource.mjs";

const { authorization_servers: issuers } = await (await fetch(await challenged())).json();
const config = await client.discovery(
  new URL(issuers[0]),
  asked.client_id,
  undefined,
  client.ClientSecretBasic(asked.secret),
  { algorithm: "oauth2", execute: [client.allowInsecureRequests] },
);
const pkceCodeVerifier = client.randomPKCECodeVerifier();
const expectedState = client.randomState();
const parameters = {
  redirect_uri: redirectUri,
  resource: asked.url,
  code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
  code_challenge_method: "S256",
  state: expectedState,
  authorization_details: JSON.stringify(details),
};
const pushes = config.serverMetadata().pushed_authorization_request_endpoint !== undefined;
const url = pushes
  ? await client.buildAuthorizationUrlWithPAR(config, parameters)
  : client.buildAuthorizationUrl(config, parameters);
const back = await person(url);
const resource = { resource: asked.url };
let tokens = await client.authorizationCodeGrant(config, back, { pkceCodeVerifier, expectedState }, resource);
const first = tokens.access_token;

async function request(method, params) {
  const [body, headers] = message(method, params);
  const { access_token: token } = tokens;
  return client.fetchProtectedResource(config, token, new URL(asked.url), "POST", body, new Headers(headers));
}
const { tools } = await result(await request("tools/list"));
tokens = await client.refreshTokenGrant(config, tokens.refresh_token, resource);
if (tokens.access_token === first) throw new Error("expected a new access token");
const called = await result(await request("tools/call", { name: asked.tool, arguments: {} }));
await client.tokenRevocation(config, tokens.refresh_token);
const after = await request("tools/list").catch((error) => ({ status: error.status ?? error.cause?.status }));
tell({ tools: tools.map((tool) => tool.name), called, granted: tokens.authorization_details, after: after.status });

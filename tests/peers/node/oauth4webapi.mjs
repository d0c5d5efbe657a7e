// oauth4webapi as a confidential client with a key: RFC 9728 discovery, PKCE, state, iss, resource, authorization details,
// PAR if there is, and the token held against the server's keys as a resource server would.
import * as oauth from "oauth4webapi";
import { asked, person, redirectUri, tell } from "./callback.mjs";
import { challenged, details, message, result } from "./resource.mjs";

const loose = { [oauth.allowInsecureRequests]: true };
const place = await challenged();
const found = await fetch(place);
const resourceServer = await oauth.processResourceDiscoveryResponse(new URL(asked.url), found);
const issuer = new URL(resourceServer.authorization_servers[0]);
const discovered = await oauth.discoveryRequest(issuer, { algorithm: "oauth2", ...loose });
const as = await oauth.processDiscoveryResponse(issuer, discovered);
const client = { client_id: asked.client_id };
const key = await crypto.subtle.importKey("jwk", asked.key, { name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]);
const authentication = oauth.PrivateKeyJwt({ key, kid: asked.key.kid });

const verifier = oauth.generateRandomCodeVerifier();
const state = oauth.generateRandomState();
let parameters = new URLSearchParams({
  client_id: client.client_id,
  response_type: "code",
  redirect_uri: redirectUri,
  resource: asked.url,
  code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
  code_challenge_method: "S256",
  state,
  authorization_details: JSON.stringify(details),
});
if (as.pushed_authorization_request_endpoint) {
  const pushed = await oauth.pushedAuthorizationRequest(as, client, authentication, parameters, loose);
  const { request_uri } = await oauth.processPushedAuthorizationResponse(as, client, pushed);
  parameters = new URLSearchParams({ client_id: client.client_id, request_uri });
}
const url = new URL(as.authorization_endpoint);
url.search = parameters.toString();
const answer = oauth.validateAuthResponse(as, client, await person(url), state);

const more = { ...loose, additionalParameters: { resource: asked.url } };
const exchange = [as, client, authentication, answer, redirectUri, verifier, more];
let tokens = await oauth.processAuthorizationCodeResponse(
  as,
  client,
  await oauth.authorizationCodeGrantRequest(...exchange),
);
const request = (method, params) => {
  const [body, headers] = message(method, params);
  return oauth.protectedResourceRequest(tokens.access_token, "POST", new URL(asked.url), new Headers(headers), body, loose);
};
const { tools } = await result(await request("tools/list"));
const refreshed = await oauth.refreshTokenGrantRequest(as, client, authentication, tokens.refresh_token, more);
tokens = await oauth.processRefreshTokenResponse(as, client, refreshed);
const called = await result(await request("tools/call", { name: asked.tool, arguments: {} }));

const presented = new Request(asked.url, { headers: { authorization: `Bearer ${tokens.access_token}` } });
const claims = await oauth.validateJwtAccessToken(as, presented, asked.url, loose);
const elsewhere = await oauth.validateJwtAccessToken(as, presented, `${asked.url}/other`, loose).catch((error) => error.code);

const revoked = await oauth.revocationRequest(as, client, authentication, tokens.refresh_token, loose);
await oauth.processRevocationResponse(revoked);
const after = await request("tools/list").catch((error) => error);
tell({
  tools: tools.map((tool) => tool.name),
  called,
  granted: tokens.authorization_details,
  after: after.status,
  claims,
  elsewhere,
});

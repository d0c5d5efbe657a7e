// The loopback end of a login, as a client on somebody's desk has one. What a driver has to tell is a line of JSON.
import { createServer } from "node:http";

export const asked = JSON.parse(process.argv[2]);
export const redirectUri = `http://127.0.0.1:${asked.port}/callback`;

export function tell(what) {
  process.stdout.write(`${JSON.stringify(what)}\n`);
}

/** Sends the person to `url`; the address they are sent back to. */
export function person(url) {
  return new Promise((resolve) => {
    const server = createServer((request, answer) => {
      answer.writeHead(200, { "content-type": "text/plain", connection: "close" }).end("Back at the client.");
      server.close();
      resolve(new URL(request.url, redirectUri));
    });
    server.listen(asked.port, "127.0.0.1", () => tell({ go: String(url) }));
  });
}

/** What an OAuth client provider of the MCP SDKs keeps. Without a client id it registers, or has a document that says
 * what it is. */
export class Kept {
  redirectUrl = redirectUri;
  clientMetadata = {
    client_name: "a test's client",
    redirect_uris: [redirectUri],
    token_endpoint_auth_method: "none",
  };
  clientMetadataUrl = asked.document || undefined;
  #tokens;
  #verifier;
  #state;
  #information = asked.client_id ? { client_id: asked.client_id } : undefined;
  clientInformation = () => this.#information;
  saveClientInformation = (information) => void (this.#information = information);
  tokens = () => this.#tokens;
  saveTokens = (tokens) => void (this.#tokens = tokens);
  state = () => (this.#state = crypto.randomUUID());
  isState = (found) => found === this.#state;
  codeVerifier = () => this.#verifier;
  saveCodeVerifier = (verifier) => void (this.#verifier = verifier);
  redirectToAuthorization = (url) => void (this.sentTo = url);
}

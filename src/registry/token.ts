/** Getting an access token from a registry's token server: distribution's token and OAuth 2 protocols. */
import * as v from "valibot";
import { TsboxError } from "../error.ts";
import type { Credentials } from "./credentials.ts";
import { printable } from "./failure.ts";
import { follow } from "./redirect.ts";
import { failureOf } from "./refusal.ts";
import type { Answer, Transport } from "./transport.ts";

/** What a bearer challenge asks for. */
export interface TokenRequest {
  readonly realm: URL;
  readonly service: string | undefined;
  readonly scope: string | undefined;
}

export interface Token {
  readonly text: string;
  /** As `Date.now()` counts. */
  readonly expires: number;
}

const TOKEN_LIMIT = 1024 * 1024;
const CLIENT = "tsbox";
/** The specification's lifetime of a token that does not say its own. */
const DEFAULT_LIFETIME = 60;
/** Seconds before its end in which a token is not used any more: the request has to arrive with it. */
const MARGIN = 5;

const answerSchema = () =>
  v.object({
    token: v.nullish(v.string()),
    access_token: v.nullish(v.string()),
    expires_in: v.nullish(v.number()),
  });

/**
 * The realm of a challenge as a URL to which a login may be sent.
 *
 * @throws TsboxError `invalid`; `denied` for plain HTTP to anywhere that it is not allowed to
 */
export function realmOf(realm: string, registry: string, transport: Pick<Transport, "mayBePlain">): URL {
  const fail = (code: "invalid" | "denied", reason: string) =>
    new TsboxError(
      code,
      `cannot log in to ${registry}: its token server ${JSON.stringify(printable(realm))} ${reason}`,
    );
  if (!URL.canParse(realm)) throw fail("invalid", "is not a URL");
  const url = new URL(realm);
  if (url.protocol !== "https:" && !(url.protocol === "http:" && transport.mayBePlain(url))) {
    throw fail("denied", "is not https");
  }
  url.username = "";
  url.password = "";
  url.hash = "";
  return url;
}

/**
 * @param credentials none for an anonymous token
 * @throws TsboxError `auth` when the credentials are refused
 */
export async function requestToken(
  transport: Transport,
  request: TokenRequest,
  credentials: Credentials | undefined,
  registry: string,
): Promise<Token> {
  const answer = await (credentials?.kind === "identity"
    ? refresh(transport, request, credentials.token)
    : ask(transport, request, credentials));
  const asked = Date.now();
  if (answer.status !== 200) throw await refused(answer, registry, credentials);
  const bytes = await answer.body.bytes(TOKEN_LIMIT);
  const fail = (reason: string) =>
    new TsboxError("auth", `cannot log in to ${registry}: the token of ${answer.url.host} ${reason}`);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw fail("is not JSON"); // no cause: it would quote a token
  }
  const result = v.safeParse(answerSchema(), value);
  if (!result.success) throw fail("has fields of the wrong type");
  const text = result.output.token || result.output.access_token;
  if (!text) throw fail("is missing in its answer");
  // it becomes a header
  if (!/^[\x21-\x7e]+$/.test(text)) throw fail("has characters that no header may have");
  const lifetime = Math.max(result.output.expires_in ?? DEFAULT_LIFETIME, DEFAULT_LIFETIME);
  return { text, expires: asked + (lifetime - MARGIN) * 1000 };
}

function ask(
  transport: Transport,
  { realm, service, scope }: TokenRequest,
  credentials: Credentials | undefined,
): Promise<Answer> {
  const url = new URL(realm);
  if (service !== undefined) url.searchParams.set("service", service);
  // several scopes are several parameters
  for (const one of scope?.split(" ") ?? []) if (one !== "") url.searchParams.append("scope", one);
  if (credentials?.kind !== "password") return follow(transport, { method: "GET", url });
  url.searchParams.set("client_id", CLIENT);
  url.searchParams.set("account", credentials.username);
  return follow(transport, { method: "GET", url, headers: { Authorization: basic(credentials) } });
}

/** OAuth 2 (RFC 6749 section 6). A redirect is not followed: the token in the body is for this server alone. */
function refresh(transport: Transport, { realm, service, scope }: TokenRequest, token: string): Promise<Answer> {
  const form = new URLSearchParams({ grant_type: "refresh_token", refresh_token: token, client_id: CLIENT });
  if (service !== undefined) form.set("service", service);
  if (scope !== undefined) form.set("scope", scope);
  const headers = { "Content-Type": "application/x-www-form-urlencoded" };
  return transport.send({ method: "POST", url: realm, headers, body: form.toString() });
}

/** RFC 7617, with the user's name and password in UTF-8. */
export function basic({ username, password }: { readonly username: string; readonly password: string }): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}

async function refused(answer: Answer, registry: string, credentials: Credentials | undefined): Promise<TsboxError> {
  const { status, url } = answer;
  // RFC 6749 section 5.2 has 400 for a refresh token that is not valid (any more)
  if (status !== 400 && status !== 401 && status !== 403) return failureOf(answer, `a token from ${url.host}`);
  await answer.body.discard();
  const reason =
    credentials === undefined
      ? `${url.host} gives no token without a login`
      : credentials.kind === "identity"
        ? `${url.host} does not accept the stored identity token; log in again`
        : `wrong user name or password`;
  return new TsboxError("auth", `cannot log in to ${registry}: ${reason}`, { context: { registry, status } });
}

/** Answers that are not what was asked for, as one sentence each: distribution-spec, "Error Codes". */
import { TsboxError } from "../error.ts";
import { networkError, printable, redacted } from "./failure.ts";
import { retryAfter } from "./retry.ts";
import type { Answer } from "./transport.ts";

const EXCERPT = 16 * 1024;
/** 408, 425 and 429 ask to come back; of the server's own failures 501 and 505 do not pass. */
const PASSING = [408, 425, 429, 500, 502, 503, 504];

interface RegistryFailure {
  readonly code: string;
  readonly message: string;
}

/** The first of `errors` in a body, cleaned and shortened; undefined when the body is something else. */
export function parseRegistryFailure(text: string): RegistryFailure | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const errors = (value as { errors?: unknown } | null)?.errors; // cast: looked at before it is used
  const first: unknown = Array.isArray(errors) ? errors[0] : undefined;
  if (typeof first !== "object" || first === null) return undefined;
  const { code, message } = first as { code?: unknown; message?: unknown }; // cast: likewise
  return {
    code: typeof code === "string" ? printable(code, 60) : "",
    message: typeof message === "string" ? printable(message) : "",
  };
}

/**
 * Turns an answer of any status but 2xx into an error; reads its body.
 *
 * @param what was to be had: `cannot get <what>: ...`
 * @param missing what is said instead of "it does not exist" for 404
 * @param forbidden what a 403 means that is about the login to the registry: ghcr.io, GitLab and Harbor answer so where others
 *   have 401. Not given for storage behind a redirect, which refuses for reasons of its own
 * @returns TsboxError `not-found`, `auth`, `denied`, `network` (429 and 5xx, which may pass) or `invalid`
 */
export async function failureOf(
  answer: Answer,
  what: string,
  missing = "it does not exist there",
  forbidden?: string,
): Promise<TsboxError> {
  const { status, url, headers } = answer;
  const failure = parseRegistryFailure(await answer.body.excerpt(EXCERPT));
  const said = failure?.message || failure?.code;
  const says = said ? ` (${url.host} says: ${said})` : "";
  const context = { status, url: redacted(url), code: failure?.code };
  if (PASSING.includes(status)) {
    const reason = status === 429 ? "has had too many requests" : `has a problem of its own (status ${status})`;
    return networkError(`cannot get ${what}: ${url.host} ${reason}${says}`, {
      transient: true,
      url,
      retryAfter: retryAfter(headers.get("Retry-After")),
    });
  }
  if (status === 404 || status === 410) {
    return new TsboxError("not-found", `cannot get ${what}: ${missing}${says}`, { context });
  }
  if (status === 401)
    return new TsboxError("auth", `cannot get ${what}: ${url.host} wants a login${says}`, { context });
  if (status === 403 && forbidden !== undefined)
    return new TsboxError("auth", `cannot get ${what}: ${forbidden}${says}`, { context });
  if (status === 403) return new TsboxError("denied", `cannot get ${what}: ${url.host} refuses it${says}`, { context });
  return new TsboxError("invalid", `cannot get ${what}: ${url.host} answers with status ${status}${says}`, { context });
}

/** What goes wrong between tsbox and a server, in words. Neither passwords nor the query of a URL get into a message. */
import { TsboxError } from "../error.ts";

/** A URL as messages may show it: signatures stand in queries, passwords before the host. */
export function redacted(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`;
}

/** Text of a server, fit for one line of a terminal. */
export function printable(text: string, limit = 300): string {
  const line = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, " ").trim();
  return line.length > limit ? `${line.slice(0, limit)}...` : line;
}

/** @param transient whether the same request may succeed a moment later */
export function networkError(
  message: string,
  {
    transient,
    url,
    cause,
    retryAfter,
  }: { transient: boolean; url: URL; cause?: unknown; retryAfter?: number | undefined },
): TsboxError {
  return new TsboxError("network", message, { context: { transient, url: redacted(url), retryAfter }, cause });
}

/** Whether a failure is one that passes: {@link networkError} said so. */
export function isTransient(error: unknown): error is TsboxError {
  return error instanceof TsboxError && error.context.transient === true;
}

/** The same failure, which nobody is to try again. */
export function lasting(error: TsboxError, message = error.message): TsboxError {
  return new TsboxError(error.code, message, { context: { ...error.context, transient: false }, cause: error.cause });
}

/** The code of Bun's fetch (`ECONNREFUSED`, `EPROTO`, `CERT_HAS_EXPIRED`), or of what caused one of ours. */
export function codeOf(error: unknown): string {
  if (error instanceof TsboxError) return codeOf(error.cause);
  const code = (error as { code?: unknown } | null | undefined)?.code; // cast: any object may have one
  return typeof code === "string" ? code : "";
}

/** What fetch threw, without its text: that has the whole URL, signature and all. */
function withoutURL(error: unknown): Error {
  const code = codeOf(error);
  return Object.assign(new Error(`fetch failed: ${code || "unknown reason"}`), { code });
}

const REASONS: Record<string, string> = {
  ECONNREFUSED: "the connection was refused",
  ENOTFOUND: "there is no host of this name",
  EAI_AGAIN: "its name cannot be looked up at the moment",
  ECONNRESET: "the connection was cut",
  EPIPE: "the connection was cut",
  ETIMEDOUT: "the connection timed out",
  EHOSTUNREACH: "there is no route to this host",
  ENETUNREACH: "there is no route to its network",
  EPROTO: "the TLS handshake failed: it does not speak TLS, or wants a client certificate",
  ERR_PROXY_TUNNEL:
    "the proxy refuses: it wants another user name and password in its URL, or does not allow this host",
  Malformed_HTTP_Response: "its answer is not HTTP",
};

/** What a refusal to trust a certificate is called: OpenSSL's X509_V_ERR names, and Node's for the host name. */
const CERTIFICATE = /^(CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|ERR_TLS_CERT|INVALID_(CA|PURPOSE)|HOSTNAME_MISMATCH)/;

/** Refusals that another attempt would only repeat. */
const LASTING = ["EPROTO", "ERR_PROXY_TUNNEL"];

const CERTIFICATE_REASONS: Record<string, string> = {
  CERT_HAS_EXPIRED: "it has expired",
  CERT_NOT_YET_VALID: "it is not valid yet",
  ERR_TLS_CERT_ALTNAME_INVALID: "it is for another host name",
};

/**
 * Turns what `fetch` rejected with into a sentence; what is one already passes through.
 *
 * @param proxy the proxy's URL when there is one, because then it may be what failed
 */
export function connectionError(url: URL, error: unknown, proxy?: string): TsboxError {
  if (error instanceof TsboxError) return error;
  const code = codeOf(error);
  const cause = withoutURL(error);
  if (CERTIFICATE.test(code)) {
    const why = CERTIFICATE_REASONS[code] ?? "no authority that is trusted here has signed it";
    const remedy =
      code in CERTIFICATE_REASONS
        ? "--tls-verify=false takes it all the same"
        : `put the authority's certificate into ~/.config/containers/certs.d/${url.host}/ca.crt, or use --tls-verify=false`;
    return networkError(`cannot trust the certificate of ${url.host}: ${why}; ${remedy}`, {
      transient: false,
      url,
      cause,
    });
  }
  const reason =
    REASONS[code] ?? (code === "" ? "the connection failed" : `the connection failed (${printable(code)})`);
  const way = proxy === undefined ? "" : ` through the proxy ${new URL(proxy).host}`;
  return networkError(`cannot reach ${url.host}${way}: ${reason}`, { transient: !LASTING.includes(code), url, cause });
}

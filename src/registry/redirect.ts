/** Redirects, followed by hand: a registry sends blobs from storage that must not see its login. */
import { TsboxError } from "../error.ts";
import { redacted } from "./failure.ts";
import type { Answer, Request, Transport } from "./transport.ts";

const REDIRECTS = [301, 302, 303, 307, 308];
const MOST = 10;

/**
 * Sends a request and follows where it is sent. Authorization is dropped for good as soon as host, port or scheme change
 * (CVE-2020-15157), and HTTPS is not left for plain HTTP, where anybody could answer.
 *
 * @param request without a body: what was to be written to one server is not given to another
 * @throws TsboxError `network`; `denied` for a redirect that must not be followed; `invalid` for one that leads nowhere
 */
export async function follow(
  transport: Pick<Transport, "send" | "verifies">,
  request: Omit<Request, "body"> & { readonly method: "GET" | "HEAD" },
): Promise<Answer> {
  let { url } = request;
  let headers = { ...request.headers };
  for (let count = 0; count <= MOST; count++) {
    const answer = await transport.send({ method: request.method, url, headers });
    if (!REDIRECTS.includes(answer.status)) return answer;
    await answer.body.discard();
    const next = target(answer, transport);
    if (next.origin !== url.origin) {
      headers = Object.fromEntries(Object.entries(headers).filter(([name]) => name.toLowerCase() !== "authorization"));
    }
    url = next;
  }
  throw new TsboxError("invalid", `cannot follow ${redacted(request.url)}: it redirects more than ${MOST} times`);
}

function target({ url, headers }: Answer, transport: Pick<Transport, "verifies">): URL {
  const location = headers.get("Location");
  const fail = (code: "invalid" | "denied", reason: string) =>
    new TsboxError(code, `cannot follow the redirect of ${redacted(url)}: ${reason}`);
  if (location === null || !URL.canParse(location, url.href)) throw fail("invalid", "it does not say where to");
  const next = new URL(location, url);
  if (next.protocol !== "https:" && next.protocol !== "http:") {
    throw fail("denied", `${JSON.stringify(next.protocol)} is neither https nor http`);
  }
  if (next.protocol === "http:" && url.protocol === "https:" && transport.verifies) {
    throw fail("denied", `it leads from https to plain http at ${next.host}`);
  }
  // fetch would make a login of them
  next.username = "";
  next.password = "";
  next.hash = "";
  return next;
}

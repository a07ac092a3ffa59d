/** Credential helpers: programs that keep passwords, by the protocol of docker-credential-helpers. */
import * as v from "valibot";
import { TsboxError } from "../error.ts";
import type { Credentials } from "./credentials.ts";
import type { Environment } from "./proxy.ts";

const NAME = /^[A-Za-z0-9_-]+$/;
const OUTPUT_LIMIT = 64 * 1024;
/** What every helper writes, and exits with 1, when it knows nothing of a server. */
const UNKNOWN = /credentials not found in native keychain/i;

const answer = () =>
  v.object({ Username: v.string(), Secret: v.string() }, "is not an object with Username and Secret");

async function readCapped(stream: ReadableStream<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream) {
    length += chunk.length;
    if (length > OUTPUT_LIMIT) throw new Error(`it wrote more than ${OUTPUT_LIMIT} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** One line of what a program said, without characters that a terminal would act on. */
function firstLine(text: string): string {
  return (text.trim().split("\n")[0] ?? "").replace(/[\x00-\x1f\x7f-\x9f]/g, " ").slice(0, 200);
}

/**
 * Asks `docker-credential-NAME get` for the credentials of a server. The name comes from a file, so it is checked: it
 * becomes part of a program's name, and no shell ever sees it. The server's name goes to its standard input.
 *
 * @param timeout milliseconds, after which the program is killed
 * @returns undefined when the helper has none for this server
 * @throws TsboxError `auth` when the helper is missing, fails, is slow or writes something else
 */
export async function askHelper(
  name: string,
  server: string,
  { env, timeout }: { readonly env: Environment; readonly timeout: number },
): Promise<Credentials | undefined> {
  const fail = (reason: string, cause?: unknown) =>
    new TsboxError("auth", `cannot get credentials for ${server} from docker-credential-${name}: ${reason}`, { cause });
  if (!NAME.test(name)) {
    throw new TsboxError("invalid", `cannot use credential helper ${JSON.stringify(name)}: it is not a helper's name`);
  }
  const path = Bun.which(`docker-credential-${name}`, { PATH: env.PATH ?? "" });
  if (path === null) throw fail("there is no such program in the PATH");
  const child = Bun.spawn([path, "get"], {
    env: { ...env },
    stdin: new TextEncoder().encode(`${server}\n`),
    stdout: "pipe",
    stderr: "pipe",
    // what a killed helper leaves behind may hold the pipes open, so nothing below waits for their end alone
    killSignal: "SIGKILL",
  });
  const expired = Promise.withResolvers<never>();
  const timer = setTimeout(() => expired.reject(fail(`it did not answer within ${timeout / 1000} s`)), timeout);
  try {
    const done = Promise.all([readCapped(child.stdout), readCapped(child.stderr), child.exited]);
    const [stdout, stderr, status] = await Promise.race([done, expired.promise]);
    if (status !== 0) {
      if (UNKNOWN.test(stdout) || UNKNOWN.test(stderr)) return undefined;
      throw fail(firstLine(stdout) || firstLine(stderr) || `it exited with ${status}`);
    }
    return parseAnswer(stdout, fail);
  } catch (error) {
    throw error instanceof TsboxError ? error : fail(String(error instanceof Error ? error.message : error), error);
  } finally {
    clearTimeout(timer);
    child.kill();
  }
}

function parseAnswer(stdout: string, fail: (reason: string) => TsboxError): Credentials | undefined {
  let value: unknown;
  try {
    value = JSON.parse(stdout);
  } catch {
    throw fail("what it wrote is not JSON"); // no cause: its message would repeat the secret
  }
  const result = v.safeParse(answer(), value);
  if (!result.success) throw fail("what it wrote has no Username and Secret");
  const { Username: username, Secret: secret } = result.output;
  if (secret === "") return undefined;
  // by agreement of all helpers this name says that the secret is an identity token
  return username === "<token>"
    ? { kind: "identity", token: secret }
    : { kind: "password", username, password: secret };
}

/** Authorities and client certificates: containers-certs.d(5), and which authorities this machine trusts. */
import { readdir, readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { TsboxError } from "../error.ts";
import { reasonOf } from "../linux/errno.ts";
import type { Environment } from "./proxy.ts";

export interface Certificates {
  /** PEM of authorities to trust besides the machine's. */
  readonly authorities: readonly string[];
  /** PEM of a certificate and its key, to show who we are. */
  readonly client: { readonly certificate: string; readonly key: string } | undefined;
}

const NONE: Certificates = { authorities: [], client: undefined };

/** Where Go's programs, podman and skopeo among them, look for the authorities that the machine trusts. */
const SYSTEM_BUNDLES = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/pki/tls/cacert.pem",
  "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
  "/etc/ssl/cert.pem",
];

/** What is missing or not ours to read is passed over, as podman does for the folders of other people. */
function isAbsent(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code; // cast: what node:fs rejects with
  return code === "ENOENT" || code === "ENOTDIR" || code === "EACCES";
}

function unreadable(path: string, cause: unknown): TsboxError {
  const { code } = cause as NodeJS.ErrnoException; // cast: what node:fs rejects with
  return new TsboxError(
    code === "ENOENT" ? "not-found" : "io",
    `cannot read certificates: ${path}: ${reasonOf(cause)}`,
    {
      cause,
    },
  );
}

/**
 * The authorities of this machine, as PEM. The system's set decides rather than the one inside Bun, because administrators
 * add their own authority there.
 *
 * @returns undefined where there is none, so that Bun's own set holds
 */
export async function systemAuthorities(env: Environment): Promise<string | undefined> {
  const named = env.SSL_CERT_FILE;
  if (named) return readFile(named, "utf8").catch((cause) => Promise.reject(unreadable(named, cause)));
  for (const path of SYSTEM_BUNDLES) {
    try {
      return await readFile(path, "utf8");
    } catch (error) {
      if (!isAbsent(error)) throw unreadable(path, error);
    }
  }
  return undefined;
}

/** The `certs.d` folders of the user and of the system, in the order in which they count. */
export function certFolders(env: Environment): string[] {
  const home = env.XDG_CONFIG_HOME || join(env.HOME || homedir(), ".config");
  return [join(home, "containers/certs.d"), "/etc/containers/certs.d", "/etc/docker/certs.d"];
}

/**
 * What the first folder of `certs.d` for a host says; nothing when there is none.
 *
 * @param host `HOST[:PORT]` as in a reference or URL
 */
export async function certificatesOf(host: string, folders: readonly string[]): Promise<Certificates> {
  // a host of a redirect comes from outside and becomes part of a path here
  if (!/^[A-Za-z0-9[][A-Za-z0-9.:\]_-]*$/.test(host)) return NONE;
  for (const parent of folders) {
    const folder = join(parent, host);
    const names = await readdir(folder).catch((error) => {
      if (isAbsent(error)) return undefined;
      throw unreadable(folder, error);
    });
    if (names !== undefined) return readFolder(folder, names);
  }
  return NONE;
}

/** What a folder that somebody named says: `--cert-dir`. */
export async function certificatesIn(folder: string): Promise<Certificates> {
  const names = await readdir(folder).catch((cause) => Promise.reject(unreadable(folder, cause)));
  return readFolder(folder, names);
}

async function readFolder(folder: string, names: readonly string[]): Promise<Certificates> {
  const read = async (name: string, contents: RegExp): Promise<string> => {
    const path = join(folder, name);
    const text = await readFile(path, "utf8").catch((cause) => Promise.reject(unreadable(path, cause)));
    if (contents.test(text)) return text;
    throw new TsboxError("invalid", `cannot use certificates: ${path} is not PEM of what its name promises`);
  };
  const sorted = [...names].sort();
  const stems = (ending: string) =>
    sorted.filter((name) => name.endsWith(ending)).map((name) => name.slice(0, -ending.length));
  const [certificates, keys] = [stems(".cert"), stems(".key")];
  for (const stem of new Set([...certificates, ...keys])) {
    const missing = !certificates.includes(stem) ? "cert" : !keys.includes(stem) ? "key" : undefined;
    if (missing === undefined) continue;
    const there = missing === "key" ? "cert" : "key";
    const hint = there === "cert" ? "; an authority's certificate is named *.crt" : "";
    throw new TsboxError(
      "invalid",
      `cannot use certificates: ${join(folder, `${stem}.${there}`)} has no ${stem}.${missing} beside it${hint}`,
    );
  }
  const authorities = await Promise.all(
    stems(".crt").map((stem) => read(`${stem}.crt`, /-----BEGIN CERTIFICATE-----/)),
  );
  const [first] = certificates;
  if (first === undefined) return { authorities, client: undefined };
  const certificate = await read(`${first}.cert`, /-----BEGIN CERTIFICATE-----/);
  const key = await read(`${first}.key`, /-----BEGIN [A-Z ]*PRIVATE KEY-----/);
  return { authorities, client: { certificate, key } };
}

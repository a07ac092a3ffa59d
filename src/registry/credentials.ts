/** With what to log in to a registry: what was given, else what the files and helpers of the user say. */
import { type AuthFile, authFilePaths, entryCredentials, HUB_KEY, readAuthFile } from "./auth-file.ts";
import { askHelper } from "./credential-helper.ts";
import type { Environment } from "./proxy.ts";

export type Credentials =
  | { readonly kind: "password"; readonly username: string; readonly password: string }
  /** Exchanged for access tokens at the token server: an OAuth 2 refresh token. */
  | { readonly kind: "identity"; readonly token: string }
  /** Sent to the registry as it is. */
  | { readonly kind: "bearer"; readonly token: string };

export interface CredentialOptions {
  /** The only file to look in; otherwise `$REGISTRY_AUTH_FILE`, or the usual ones. */
  readonly authFile?: string | undefined;
  readonly env: Environment;
  /** Milliseconds for one credential helper. */
  readonly timeout?: number | undefined;
}

const HELPER_TIMEOUT = 30_000;

/** The names that stand for a repository, longest first: containers-auth.json(5). Never a part of a path's component. */
export function credentialKeys(registry: string, repository: string): string[] {
  const parts = repository.split("/");
  const prefixes = parts.map((_, index) => parts.slice(0, parts.length - index).join("/"));
  return [...prefixes.map((prefix) => `${registry}/${prefix}`), registry];
}

/** `https://quay.io/v1/` and `http://quay.io` were keys of old versions of Docker; only the host counts in them. */
function hostOfOldKey(key: string): string | undefined {
  const match = /^https?:\/\/([^/]+)(?:\/(?:v1|v2)?\/?)?$/.exec(key);
  const host = match?.[1] ?? (/^[^/]+$/.test(key) ? key : undefined);
  return host === "index.docker.io" || host === "registry-1.docker.io" ? "docker.io" : host;
}

/**
 * Looks in each file in turn; the first that knows the registry decides. Within a file a more specific name wins, and for one
 * name its helper before its entry, and the general helper (`credsStore`) last.
 *
 * @param of a host with port as in a reference (`docker.io` for Docker Hub) and a repository
 * @returns undefined when nothing is known, so that the request is anonymous
 * @throws TsboxError for a file that is broken and a helper that fails
 */
export async function findCredentials(
  of: { readonly registry: string; readonly repository: string },
  { authFile, env, timeout = HELPER_TIMEOUT }: CredentialOptions,
): Promise<Credentials | undefined> {
  for (const location of authFilePaths(env, authFile)) {
    const file = await readAuthFile(location);
    const found = file && (await searchFile(file, location.path, of, { env, timeout }));
    if (found !== undefined) return found;
  }
  return undefined;
}

async function searchFile(
  file: AuthFile,
  path: string,
  { registry, repository }: { readonly registry: string; readonly repository: string },
  helper: { readonly env: Environment; readonly timeout: number },
): Promise<Credentials | undefined> {
  const server = registry === "docker.io" ? HUB_KEY : registry;
  const auths = Object.entries(file.auths ?? {});
  const helpers = Object.entries(file.credHelpers ?? {});
  for (const key of credentialKeys(registry, repository)) {
    const isHost = key === registry;
    const matches = ([name]: readonly [string, unknown]) => name === key || (isHost && hostOfOldKey(name) === registry);
    const program = helpers.find(matches)?.[1];
    const kept = program && (await askHelper(program, server, helper));
    if (kept) return kept;
    // an exact name before an old one that means the same
    const entries = auths.filter(matches).sort(([a], [b]) => Number(b === key) - Number(a === key));
    for (const [name, entry] of entries) {
      const written = entryCredentials(entry, name, path);
      if (written !== undefined) return written;
    }
  }
  return file.credsStore ? askHelper(file.credsStore, server, helper) : undefined;
}

/** The files that `docker login` and `podman login` write: containers-auth.json(5), Docker's config.json. */
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import * as v from "valibot";
import { TsboxError } from "../error.ts";
import { reasonOf } from "../linux/errno.ts";
import type { Credentials } from "./credentials.ts";
import type { Environment } from "./proxy.ts";

/** Under which `docker login` has always filed Docker Hub. */
export const HUB_KEY = "https://index.docker.io/v1/";

const FILE_LIMIT = 4 * 1024 * 1024;

const fileSchema = () => {
  const text = v.optional(v.string("is not a text"));
  const entry = v.looseObject(
    { auth: text, username: text, password: text, identitytoken: text, registrytoken: text },
    "is not an object",
  );
  const names = v.record(v.string(), v.string("is not a text"), "is not an object");
  return v.looseObject(
    {
      auths: v.nullish(v.record(v.string(), entry, "is not an object")),
      credHelpers: v.nullish(names),
      credsStore: text,
    },
    "is not an object",
  );
};

export type AuthFile = v.InferOutput<ReturnType<typeof fileSchema>>;
export type AuthEntry = NonNullable<AuthFile["auths"]>[string];

/** @param required whether somebody named this file, so that it must be there */
export interface AuthFilePath {
  readonly path: string;
  readonly required: boolean;
}

/**
 * Where credentials are looked for, in order. A file named by flag or variable is the only one, as for podman and skopeo.
 */
export function authFilePaths(env: Environment, flag: string | undefined): AuthFilePath[] {
  const named = flag ?? (env.REGISTRY_AUTH_FILE || undefined);
  if (named !== undefined) return [{ path: named, required: true }];
  const home = env.HOME || homedir();
  const runtime = env.XDG_RUNTIME_DIR || `/run/containers/${process.getuid?.() ?? 0}`;
  // podman's folder below /run/containers has no second "containers"
  const inRuntime = env.XDG_RUNTIME_DIR ? `${runtime}/containers/auth.json` : `${runtime}/auth.json`;
  return [
    inRuntime,
    `${env.XDG_CONFIG_HOME || `${home}/.config`}/containers/auth.json`,
    `${env.DOCKER_CONFIG || `${home}/.docker`}/config.json`,
  ].map((path) => ({ path, required: false }));
}

/**
 * @returns undefined for a file that is not there and need not be
 * @throws TsboxError `not-found`, `io` or `invalid`. No message repeats what is in the file
 */
export async function readAuthFile({ path, required }: AuthFilePath): Promise<AuthFile | undefined> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code; // cast: what node:fs rejects with
    // root's podman makes /run/containers for itself alone: what a user cannot reach there is not theirs
    if ((code === "ENOENT" || code === "ENOTDIR" || code === "EACCES") && !required) return undefined;
    const kind = code === "ENOENT" ? "not-found" : "io";
    throw new TsboxError(kind, `cannot read credentials: ${path}: ${reasonOf(cause)}`, { cause });
  }
  const invalid = (reason: string) => new TsboxError("invalid", `cannot read credentials: ${path}: ${reason}`);
  if (bytes.length > FILE_LIMIT) throw invalid(`it is larger than ${FILE_LIMIT} bytes`);
  // podman treats an empty file as one without entries
  if (bytes.toString().trim() === "") return {};
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString());
  } catch {
    throw invalid("it is not JSON"); // no cause: its message would quote the file
  }
  const result = v.safeParse(fileSchema(), value, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw invalid(`${v.getDotPath(issue) ?? "it"} ${issue.message}`);
}

/**
 * What an entry of `auths` says, or undefined for the empty ones that Docker leaves where a helper keeps the secret.
 *
 * @throws TsboxError `invalid` for an `auth` that is not base64 of `user:password`
 */
export function entryCredentials(entry: AuthEntry, key: string, path: string): Credentials | undefined {
  if (entry.identitytoken) return { kind: "identity", token: entry.identitytoken };
  if (entry.registrytoken) return { kind: "bearer", token: entry.registrytoken };
  if (entry.auth) {
    // some versions of docker padded the password with zero bytes
    const text = Buffer.from(entry.auth, "base64").toString().replace(/\0+$/, "");
    const colon = text.indexOf(":");
    if (colon < 0) {
      throw new TsboxError(
        "invalid",
        `cannot read credentials: ${path}: auth of ${key} is not base64 of user:password`,
      );
    }
    return { kind: "password", username: text.slice(0, colon), password: text.slice(colon + 1) };
  }
  if (entry.username !== undefined && entry.password !== undefined && entry.username !== "") {
    return { kind: "password", username: entry.username, password: entry.password };
  }
  return undefined;
}

/** What a container that is about to start gets of its secrets. */
import { TsboxError } from "../../error.ts";
import { readText } from "../../linux/read-text.ts";
import type { SecretFile } from "../../runtime/index.ts";
import { SECRETS_FOLDER, type SecretRequest } from "../spec/secret-flag.ts";
import { requireSecret, secretData } from "./secret.ts";

export interface PreparedSecrets {
  /** For the runtime, which has native copy them. */
  readonly files: readonly SecretFile[];
  /** `NAME=value` for the program, and for nothing that is written down. */
  readonly env: readonly string[];
}

/**
 * @param hidden leave out values: the plan is to be printed
 * @throws TsboxError `not-found` for a secret that there is not, or not any more
 */
export function prepareSecrets(store: string, requests: readonly SecretRequest[], hidden: boolean): PreparedSecrets {
  const files: SecretFile[] = [];
  const env: string[] = [];
  const taken = new Set<string>();
  for (const { secret: text, type, target, uid, gid, mode, flag } of requests) {
    const secret = requireSecret(store, text, true);
    const source = secretData(store, secret.name);
    if (type === "env") {
      const value = hidden ? "..." : readText(source);
      if (value.includes("\0"))
        throw new TsboxError("usage", `cannot use ${flag}: a variable cannot have a NUL byte in it`);
      env.push(`${target ?? secret.name}=${value}`);
      continue;
    }
    const path = target ?? `${SECRETS_FOLDER}/${secret.name}`;
    if (taken.has(path)) throw new TsboxError("usage", `cannot use ${flag}: there is another secret at ${path}`);
    taken.add(path);
    files.push({ name: secret.name, source, target: path, uid, gid, mode });
  }
  return { files, env };
}

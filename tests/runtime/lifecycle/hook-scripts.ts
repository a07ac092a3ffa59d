/** Hooks that write down what they were given. */
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import type { BundleConfig } from "../../support/bundle.ts";

export type HookKind = "prestart" | "createRuntime" | "createContainer" | "startContainer" | "poststart" | "poststop";

export interface Hook {
  readonly path: string;
  readonly args?: readonly string[];
  readonly env?: readonly string[];
  readonly timeout?: number;
}

/** One line of what {@link recorder} writes. */
export interface Call {
  readonly name: string;
  readonly argv: string;
  readonly env: string;
  readonly state: { readonly status: string; readonly pid?: number; readonly [field: string]: unknown };
  /** Inode of the hook's own mount and user namespaces, and of the root folder that it sees. */
  readonly namespaces: string;
}

/** Writes a script that appends a line to `log` (as the hook sees it) and ends with `status`. */
export function recorder(file: string, log: string, status = 0): string {
  const lines = [
    "#!/bin/sh",
    "state=$(cat)",
    "own=$(readlink /proc/self/ns/mnt),$(readlink /proc/self/ns/user),$(readlink /proc/self/ns/uts)",
    "variables=$(env | tr '\\n' ' ')",
    `arguments=$(printf '[%s]' "$0" "$@")`,
    `printf '%s\\t%s\\t%s\\t%s\\t%s\\n' "$1" "$arguments" "$variables" "$own" "$state" >> ${log}`,
    ...(status === 0 ? [] : [`echo "it says why $1" >&2`]),
    `exit ${status}`,
  ];
  writeFileSync(file, `${lines.join("\n")}\n`);
  chmodSync(file, 0o755);
  return file;
}

export function calls(log: string): Call[] {
  if (!existsSync(log)) return [];
  return readFileSync(log, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [name = "", argv = "", env = "", namespaces = "", state = ""] = line.split("\t");
      return { name, argv, env, namespaces, state: JSON.parse(state) };
    });
}

export function setHooks(config: BundleConfig, hooks: { readonly [Kind in HookKind]?: readonly Hook[] }): void {
  config.hooks = hooks;
}

/** libseccomp's answer to a profile, by a small C program, `libseccomp.c`. */
import { existsSync } from "node:fs";
import type { LinuxSeccomp, LinuxSeccompArg } from "../../../src/oci/index.ts";
import { parseAction } from "../../../src/runtime/seccomp/action.ts";
import type { Architecture } from "../../../src/runtime/seccomp/architecture.ts";
import type { Requirement } from "../../support/skip.ts";
import { type TemporaryFolder, temporaryFolder } from "../../support/tmp.ts";

/** libseccomp's tokens: AUDIT_ARCH_*, but x32 has one of its own. seccomp.h */
export const TOKENS: Readonly<Record<string, number>> = {
  SCMP_ARCH_X86_64: 0xc000003e,
  SCMP_ARCH_X86: 0x40000003,
  SCMP_ARCH_X32: 0x4000003e,
  SCMP_ARCH_AARCH64: 0xc00000b7,
  SCMP_ARCH_ARM: 0x40000028,
};

export const NATIVE: Readonly<Record<Architecture, string>> = {
  x86_64: "SCMP_ARCH_X86_64",
  aarch64: "SCMP_ARCH_AARCH64",
};

export const libseccomp: Requirement = {
  what: "a C compiler and libseccomp-dev",
  inCI: true,
  met: () => Bun.which("cc") !== null && existsSync("/usr/include/seccomp.h"),
};

/** libseccomp 2.5 never comes to an end with some rules of several conditions. */
export class Endless extends Error {}

let folder: TemporaryFolder | undefined;

function tool(): string {
  if (folder === undefined) {
    folder = temporaryFolder();
    const source = new URL("libseccomp.c", import.meta.url).pathname;
    const command = ["cc", "-O1", "-Wall", "-Wextra", "-Werror", "-o", folder.join("tool"), source, "-lseccomp"];
    const result = Bun.spawnSync(command);
    if (!result.success) throw new Error(result.stderr.toString());
  }
  return folder.join("tool");
}

/** To be called when the tests are done. */
export function removeTool(): void {
  folder?.[Symbol.dispose]();
  folder = undefined;
}

function run(lines: readonly string[]): { exitCode: number; stdout: Uint8Array } {
  const stdin = new TextEncoder().encode(`${lines.join("\n")}\n`);
  const result = Bun.spawnSync([tool()], { stdin, timeout: 3000, killSignal: "SIGKILL" });
  if (result.exitedDueToTimeout) throw new Endless();
  if (result.exitCode !== 0 && result.exitCode !== 17) throw new Error(result.stderr.toString());
  return result;
}

/** The number of a call for an ABI; negative for one that it does not have, -1 for a name that libseccomp does not know. */
export function resolveNumbers(names: readonly string[], token: string): number[] {
  const { stdout } = run(names.map((name) => `number ${TOKENS[token]} ${name}`));
  return new TextDecoder().decode(stdout).trim().split("\n").map(Number);
}

/** @returns libseccomp's program, or undefined when it refuses the rules because they contradict each other */
export function libseccompProgram(config: LinuxSeccomp, arch: Architecture): Uint8Array | undefined {
  const native = NATIVE[arch];
  const standard = parseAction(config.defaultAction, config.defaultErrnoRet, "", "");
  const others = (config.architectures ?? []).filter((token) => token !== native && token in TOKENS);
  const lines = [`base ${TOKENS[native]}`, `default ${standard}`, ...others.map((token) => `also ${TOKENS[token]}`)];
  for (const { names, action, errnoRet, args } of config.syscalls ?? []) {
    const value = parseAction(action, errnoRet, "", "");
    if (value === standard) continue;
    for (const name of names)
      for (const conditions of asRunc(args ?? []))
        lines.push(["rule", value, name, ...conditions.map(argument)].join(" "));
  }
  const { exitCode, stdout } = run(lines);
  return exitCode === 17 ? undefined : stdout;
}

/** runc makes several rules of one that looks at an argument twice. */
function asRunc(args: readonly LinuxSeccompArg[]): readonly (readonly LinuxSeccompArg[])[] {
  const twice = args.some(({ index }, at) => args.findIndex((other) => other.index === index) !== at);
  return twice ? args.map((arg) => [arg]) : [args];
}

function argument({ index, op, value, valueTwo }: LinuxSeccompArg): string {
  return `${index} ${op.replace("SCMP_CMP_", "")} ${value} ${valueTwo ?? 0}`;
}

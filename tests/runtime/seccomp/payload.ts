/** One system call under a filter, made by a static C program, `payload.c`, so that the kernel itself decides. */
import { writeFileSync } from "node:fs";
import type { CompiledSeccomp } from "../../../src/runtime/seccomp/compile.ts";
import type { Requirement } from "../../support/skip.ts";
import { type TemporaryFolder, temporaryFolder } from "../../support/tmp.ts";

export type Abi = "native" | "i386";

export const compiler: Requirement = { what: "a C compiler", inCI: true, met: () => Bun.which("cc") !== null };

/** The kernel runs 32-bit programs. */
export const i386: Requirement = {
  what: "a kernel that runs i386 programs (IA32_EMULATION)",
  inCI: false,
  met: () => process.arch === "x64" && compiler.met() && Number(call(undefined, "i386", I386_GETPID)) > 0,
};
const I386_GETPID = 20;

let folder: TemporaryFolder | undefined;
let filters = 0;

function build(): TemporaryFolder {
  if (folder !== undefined) return folder;
  folder = temporaryFolder();
  const source = new URL("payload.c", import.meta.url).pathname;
  const command = ["cc", "-O1", "-static", "-Wall", "-Wextra", "-Werror", "-o", folder.join("payload"), source];
  const result = Bun.spawnSync(command);
  if (!result.success) throw new Error(result.stderr.toString());
  return folder;
}

/** The program, for those who run it themselves. */
export function payloadPath(): string {
  return build().join("payload");
}

/** To be called when the tests are done. */
export function removePayload(): void {
  folder?.[Symbol.dispose]();
  folder = undefined;
}

/**
 * @param args numbers, or "low" for the address of the numbers 38 (AF_ALG), 5 and 0
 * @returns what the call returned, -errno included, or "killed by 31"
 */
export function call(
  filter: CompiledSeccomp | undefined,
  abi: Abi,
  number: number,
  ...args: (number | bigint | "low")[]
): string {
  const { join } = build();
  let file = "-";
  if (filter !== undefined) {
    file = join(`${filters++}.bpf`);
    writeFileSync(file, filter.program);
  }
  const words = [file, filter?.flags ?? 0, abi, number, ...args].map(String);
  const result = Bun.spawnSync([join("payload"), ...words]);
  if (!result.success) throw new Error(`the kernel does not take the filter: ${result.stderr}`);
  return result.stdout.toString().trim();
}

/**
 * Writes `src/runtime/seccomp/syscalls.gen.ts`: the system calls of the ABIs that an x86-64 or arm64 kernel serves, by name,
 * as the kernel's own headers number them. `--check` compares instead of writing, and fails when they differ.
 *
 * Headers of different Debian releases end at different calls, so from `HAND_KEPT_FROM` on the table below is used instead.
 * All architectures give a new call the same number since 424, which makes that table short.
 * Source: arch/x86/entry/syscalls/syscall_{32,64}.tbl, arch/arm/tools/syscall.tbl and scripts/syscall.tbl of Linux.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const OUTPUT = new URL("../src/runtime/seccomp/syscalls.gen.ts", import.meta.url).pathname;

const HAND_KEPT_FROM = 451;
const HAND_KEPT =
  `cachestat fchmodat2 map_shadow_stack futex_wake futex_wait futex_requeue statmount listmount lsm_get_self_attr
  lsm_set_self_attr lsm_list_modules mseal setxattrat getxattrat listxattrat removexattrat open_tree_attr file_getattr
  file_setattr listns rseq_slice_yield`.split(/\s+/);

/** Two later calls that x86-64 put into a hole below 424. */
const UPROBES = { uretprobe: 335, uprobe: 336 };

/** The kernel's own additions to arm's EABI, which its header names differently. uapi/asm/unistd.h */
const ARM_PRIVATE = /^__ARM_NR_(breakpoint|cacheflush|usr26|usr32|set_tls|get_tls)$/;

const X32_SYSCALL_BIT = 0x40000000;

type Abi = {
  readonly name: string;
  readonly doc: string;
  readonly header: string;
  /** Where Debian puts the header, natively and for cross compilers. */
  readonly folders: readonly string[];
  readonly defines?: readonly string[];
  readonly base?: number;
  readonly extra?: Readonly<Record<string, number>>;
  /** Of the hand-kept calls those that it does not have. */
  readonly absent?: readonly string[];
};

const X86 = ["/usr/include/x86_64-linux-gnu", "/usr/x86_64-linux-gnu/include"];
const ABIS: readonly Abi[] = [
  { name: "X86_64", doc: "x86-64.", header: "asm/unistd_64.h", folders: X86, extra: UPROBES },
  { name: "X86", doc: "i386.", header: "asm/unistd_32.h", folders: X86 },
  {
    name: "X32",
    doc: "x32, without its bit 30.",
    header: "asm/unistd_x32.h",
    folders: X86,
    defines: ["__X32_SYSCALL_BIT=0x40000000"],
    base: X32_SYSCALL_BIT,
    extra: UPROBES,
    absent: ["map_shadow_stack"],
  },
  {
    name: "AARCH64",
    doc: "arm64.",
    header: "asm/unistd.h",
    folders: ["/usr/include/aarch64-linux-gnu", "/usr/aarch64-linux-gnu/include"],
  },
  {
    name: "ARM",
    doc: "arm, EABI, with the calls that are the kernel's own (0xf0001 and on).",
    header: "asm/unistd.h",
    folders: ["/usr/include/arm-linux-gnueabihf", "/usr/arm-linux-gnueabihf/include"],
    defines: ["__ARM_EABI__"],
  },
];

/** Debian keeps `asm/` of the machine's own architecture apart from `asm-generic/`, which is the same for all. */
const GENERIC = "/usr/include";

function macros({ name, header, folders, defines = [] }: Abi): Map<string, string> {
  const folder = folders.find((path) => existsSync(join(path, header)));
  if (folder === undefined) throw new Error(`no ${header} for ${name} in ${folders.join(" or ")}`);
  const flags = ["-E", "-dM", "-nostdinc", "-undef", `-I${folder}`, `-I${GENERIC}`, ...defines.map((d) => `-D${d}`)];
  const result = Bun.spawnSync(["cc", ...flags, "-include", header, "-x", "c", "/dev/null"]);
  if (!result.success) throw new Error(result.stderr.toString());
  const lines = result.stdout.toString().matchAll(/^#define (\w+) (.+)$/gm);
  return new Map([...lines].map(([, key = "", value = ""]) => [key, value]));
}

/** `(__NR_SYSCALL_BASE+ 3)`, `__NR3264_fcntl` and the like: names and sums. */
function evaluate(text: string, names: Map<string, string>): number {
  const terms = text.replace(/[()\s]/g, "").split("+");
  return terms.reduce((sum, term) => {
    if (/^(0x[0-9a-f]+|\d+)$/i.test(term)) return sum + Number(term);
    const value = names.get(term);
    if (value === undefined) throw new Error(`${text} has no value`);
    return sum + evaluate(value, names);
  }, 0);
}

const NOT_A_CALL = /^(syscalls|arch_specific_syscall|SYSCALL_BASE|OABI_SYSCALL_BASE|SYSCALL_MASK)$/;

function numbers(abi: Abi): [name: string, number: number][] {
  const names = macros(abi);
  const found = new Map<string, number>(Object.entries(abi.extra ?? {}));
  for (const [macro, value] of names) {
    const name = /^__NR_(\w+)$/.exec(macro)?.[1] ?? ARM_PRIVATE.exec(macro)?.[1];
    if (name === undefined || NOT_A_CALL.test(name)) continue;
    const number = evaluate(value, names) - (abi.base ?? 0);
    // x32's own numbers (512 and on) and arm's private ones are older than the hand-kept ones
    if (number < HAND_KEPT_FROM || number >= 512) found.set(name, number);
  }
  for (const [index, name] of HAND_KEPT.entries()) {
    if (!abi.absent?.includes(name)) found.set(name, HAND_KEPT_FROM + index);
  }
  return [...found].sort(([a, x], [b, y]) => x - y || (a < b ? -1 : 1));
}

/** Names in the order of their numbers; a number stands before a name that does not follow its predecessor. */
function encode(rows: readonly [string, number][]): string {
  let next = 0;
  const words = rows.map(([name, number]) => {
    const word = number === next ? name : `${number} ${name}`;
    next = number + 1;
    return word;
  });
  return words.join(" ");
}

const text = [
  "// Generated by scripts/generate-syscalls.ts from the kernel's headers. Do not edit.",
  "// Names in the order of their numbers; a number stands before a name that does not follow its predecessor.\n",
  ...ABIS.map((abi) => `/** ${abi.doc} */\nexport const ${abi.name} =\n  "${encode(numbers(abi))}";\n`),
].join("\n");

if (process.argv.includes("--check")) {
  if (readFileSync(OUTPUT, "utf8") !== text) {
    console.error(
      "src/runtime/seccomp/syscalls.gen.ts is not what the kernel's headers say: run bun scripts/generate-syscalls.ts",
    );
    process.exit(1);
  }
} else {
  writeFileSync(OUTPUT, text);
}

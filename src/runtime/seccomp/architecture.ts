/** The ABIs that a kernel serves, and their system calls. */
import { AUDIT_ARCH_AARCH64, AUDIT_ARCH_ARM, AUDIT_ARCH_I386, AUDIT_ARCH_X86_64 } from "../../linux/abi.gen.ts";
import { fieldError } from "./action.ts";
import { AARCH64, ARM, X32, X86, X86_64 } from "./syscalls.gen.ts";

/** What the kernel is built for. */
export type Architecture = "x86_64" | "aarch64";

/** Of the kernel that tsbox runs on. */
export function hostArchitecture(): Architecture {
  return process.arch === "arm64" ? "aarch64" : "x86_64";
}

export interface Abi {
  /** Its name in profiles. */
  readonly token: string;
  /** `arch` in `struct seccomp_data`. */
  readonly audit: number;
  /** Whether arguments are compared as 64-bit values. */
  readonly wide: boolean;
  /** Added to each number: x32 has the audit architecture of x86-64 and is told apart by bit 30. */
  readonly base: number;
  /** Has socketcall and ipc, each of which makes many calls. */
  readonly multiplexed: boolean;
  readonly table: string;
}

export const X32_BIT = 0x40000000;

/** Numbers from here on are arm's private calls, which say nothing of how new a profile is. */
export const ARM_PRIVATE = 0xf0000;

const narrow = { wide: false, base: 0, multiplexed: false };
const ABIS: Readonly<Record<Architecture, readonly [Abi, ...Abi[]]>> = {
  x86_64: [
    { ...narrow, token: "SCMP_ARCH_X86_64", audit: AUDIT_ARCH_X86_64, wide: true, table: X86_64 },
    { ...narrow, token: "SCMP_ARCH_X86", audit: AUDIT_ARCH_I386, multiplexed: true, table: X86 },
    { ...narrow, token: "SCMP_ARCH_X32", audit: AUDIT_ARCH_X86_64, base: X32_BIT, table: X32 },
  ],
  aarch64: [
    { ...narrow, token: "SCMP_ARCH_AARCH64", audit: AUDIT_ARCH_AARCH64, wide: true, table: AARCH64 },
    { ...narrow, token: "SCMP_ARCH_ARM", audit: AUDIT_ARCH_ARM, table: ARM },
  ],
};

/** Of the specification and of libseccomp; none of these can run on the kernels that tsbox runs on. */
const FOREIGN = new Set(
  `NATIVE MIPS MIPS64 MIPS64N32 MIPSEL MIPSEL64 MIPSEL64N32 PPC PPC64 PPC64LE S390 S390X PARISC PARISC64 RISCV64 LOONGARCH64
  M68K SH SHEB`
    .split(/\s+/)
    .map((name) => `SCMP_ARCH_${name}`),
);

/**
 * The ABIs that a filter is made for: the kernel's own always, as with libseccomp, and those of `tokens` that it serves.
 * @throws TsboxError `invalid` for an unknown name
 */
export function chooseAbis(arch: Architecture, tokens: readonly string[]): readonly Abi[] {
  const abis = ABIS[arch];
  for (const [index, token] of tokens.entries()) {
    const known = FOREIGN.has(token) || Object.values(ABIS).some((all) => all.some((abi) => abi.token === token));
    if (!known) throw fieldError(`linux.seccomp.architectures[${index}]`, `${token} is not an architecture`);
  }
  return abis.filter((abi, index) => index === 0 || tokens.includes(abi.token));
}

const tables = new Map<Abi, ReadonlyMap<string, number>>();

/** System calls of an ABI by name, without `base`. Decoded when first asked for. */
export function syscallNumbers(abi: Abi): ReadonlyMap<string, number> {
  const known = tables.get(abi);
  if (known !== undefined) return known;
  const numbers = new Map<string, number>();
  let next = 0;
  for (const word of abi.table.split(" ")) {
    const first = word.charCodeAt(0);
    if (first >= 0x30 && first <= 0x39) next = Number(word);
    else numbers.set(word, next++);
  }
  tables.set(abi, numbers);
  return numbers;
}

export interface MultiplexedCall {
  readonly through: "socketcall" | "ipc";
  /** The first argument. */
  readonly call: number;
}

/** In the order of their numbers, from 1 on; a dot is a hole. linux/net.h, linux/ipc.h */
const MULTIPLEXED = {
  socketcall: `socket bind connect listen accept getsockname getpeername socketpair send recv sendto recvfrom shutdown setsockopt
    getsockopt sendmsg recvmsg accept4 recvmmsg sendmmsg`,
  ipc: `semop semget semctl semtimedop . . . . . . msgsnd msgrcv msgget msgctl . . . . . . shmat shmdt shmget shmctl`,
} as const;

let multiplexed: ReadonlyMap<string, MultiplexedCall> | undefined;

/** How a call is also made on i386: through a multiplexer. */
export function multiplexedCall(name: string): MultiplexedCall | undefined {
  multiplexed ??= new Map(
    (["socketcall", "ipc"] as const).flatMap((through) =>
      MULTIPLEXED[through]
        .split(/\s+/)
        .map((name, index) => [name, { through, call: index + 1 }] as const)
        .filter(([name]) => name !== "."),
    ),
  );
  return multiplexed.get(name);
}

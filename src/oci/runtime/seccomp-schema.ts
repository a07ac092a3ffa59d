/** `linux.seccomp` (config-linux.md, "Seccomp"). */
import * as v from "valibot";
import { between, exactUint64, list, object, oneOf, text, texts, uint32 } from "./schema-values.ts";

export const ACTIONS = [
  "SCMP_ACT_KILL",
  "SCMP_ACT_KILL_PROCESS",
  "SCMP_ACT_KILL_THREAD",
  "SCMP_ACT_TRAP",
  "SCMP_ACT_ERRNO",
  "SCMP_ACT_TRACE",
  "SCMP_ACT_ALLOW",
  "SCMP_ACT_LOG",
  "SCMP_ACT_NOTIFY",
] as const;

export const OPERATORS = [
  "SCMP_CMP_NE",
  "SCMP_CMP_LT",
  "SCMP_CMP_LE",
  "SCMP_CMP_EQ",
  "SCMP_CMP_GE",
  "SCMP_CMP_GT",
  "SCMP_CMP_MASKED_EQ",
] as const;

export const FLAGS = [
  "SECCOMP_FILTER_FLAG_TSYNC",
  "SECCOMP_FILTER_FLAG_LOG",
  "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
  "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
] as const;

export const ARCHITECTURES = (
  "X86 X86_64 X32 ARM AARCH64 LOONGARCH64 M68K MIPS MIPS64 MIPS64N32 MIPSEL MIPSEL64 MIPSEL64N32 " +
  "PPC PPC64 PPC64LE S390 S390X SH SHEB PARISC PARISC64 RISCV64"
)
  .split(" ")
  .map((name) => `SCMP_ARCH_${name}`);

export const seccompAction = oneOf(ACTIONS);
export const seccompOperator = oneOf(OPERATORS);
export const seccompFlag = oneOf(FLAGS);
export const seccompArchitecture = oneOf(ARCHITECTURES);

const argument = object({
  // a system call has six arguments (seccomp(2), struct seccomp_data)
  index: between(0, 5),
  value: exactUint64,
  valueTwo: v.optional(exactUint64),
  op: seccompOperator,
});

const syscall = object({
  names: v.pipe(texts, v.minLength(1, "must not be empty")),
  action: seccompAction,
  errnoRet: v.optional(uint32),
  args: v.optional(list(argument)),
});

export const seccomp = v.pipe(
  object({
    defaultAction: seccompAction,
    defaultErrnoRet: v.optional(uint32),
    architectures: v.optional(list(seccompArchitecture)),
    flags: v.optional(list(seccompFlag)),
    listenerPath: v.optional(text),
    listenerMetadata: v.optional(text),
    syscalls: v.optional(list(syscall)),
  }),
  v.check(
    ({ listenerPath, listenerMetadata }) => !listenerMetadata || Boolean(listenerPath),
    "listenerMetadata must not be set without listenerPath",
  ),
);

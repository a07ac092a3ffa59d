/** What may stand for a flag's value or an operand, told from the flag's name and from what the help calls the value. */
import type { FlagDefinition } from "../args.ts";

/** Things with names, which `names.ts` looks up. */
export type Kind = "container" | "image" | "network" | "volume" | "pod" | "secret" | "command";

export type Values =
  | { readonly words: readonly string[]; readonly kind?: Kind }
  | { readonly kind: Kind }
  | { readonly files: "any" | "folder" };

const KINDS: Readonly<Record<string, Kind>> = {
  CONTAINER: "container",
  IMAGE: "image",
  NETWORK: "network",
  VOLUME: "volume",
  POD: "pod",
  SECRET: "secret",
};

const SIGNALS = "HUP INT QUIT KILL USR1 USR2 TERM STOP CONT WINCH".split(" ");

const CAPABILITIES =
  `ALL AUDIT_CONTROL AUDIT_READ AUDIT_WRITE BLOCK_SUSPEND BPF CHECKPOINT_RESTORE CHOWN DAC_OVERRIDE DAC_READ_SEARCH
  FOWNER FSETID IPC_LOCK IPC_OWNER KILL LEASE LINUX_IMMUTABLE MAC_ADMIN MAC_OVERRIDE MKNOD NET_ADMIN NET_BIND_SERVICE NET_BROADCAST
  NET_RAW PERFMON SETFCAP SETGID SETPCAP SETUID SYSLOG SYS_ADMIN SYS_BOOT SYS_CHROOT SYS_MODULE SYS_NICE SYS_PACCT SYS_PTRACE
  SYS_RAWIO SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG WAKE_ALARM`.split(/\s+/);

export const LOG_LEVELS = ["debug", "info", "warn", "error"];

/** By a flag's long name: what its hint does not say. */
const FLAGS: Readonly<Record<string, Values>> = {
  pull: { words: ["missing", "always", "never", "newer"] },
  restart: { words: ["no", "on-failure", "always", "unless-stopped"] },
  "log-driver": { words: ["json-file", "journald", "none"] },
  "log-level": { words: LOG_LEVELS },
  "log-format": { words: ["text", "json"] },
  "cgroup-manager": { words: ["cgroupfs", "systemd", "disabled"] },
  "storage-driver": { words: ["overlay", "fuse-overlayfs", "copy"] },
  userns: { words: ["auto", "keep-id", "subuid", "single", "host"] },
  network: { words: ["pasta", "slirp4netns", "host", "none", "container:"], kind: "network" },
  pid: { words: ["private", "host", "container:"] },
  "security-opt": { words: ["seccomp=", "no-new-privileges=false", "mask=", "unmask="] },
  mount: { words: ["type=bind,", "type=volume,", "type=tmpfs,"] },
  platform: { words: ["linux/amd64", "linux/arm64"] },
  format: { words: ["json", "table"] },
  volume: { kind: "volume" },
  "volumes-from": { kind: "container" },
  pod: { kind: "pod" },
  secret: { kind: "secret" },
};

/** Undefined when nothing is known of it. */
export function valuesOfFlag(name: string, flag: FlagDefinition): Values | undefined {
  if (Object.hasOwn(FLAGS, name)) return FLAGS[name];
  return valuesOfNoun(flag.valueHint ?? "");
}

/** @param noun `CONTAINER`, `FILE`, `CONTAINER:PATH`; a choice of small words, `bash|zsh`, is what it says */
export function valuesOfNoun(noun: string): Values | undefined {
  if (/^[a-z][a-z-]*(\|[a-z][a-z-]*)+$/.test(noun)) return { words: noun.split("|") };
  if (Object.hasOwn(KINDS, noun)) return { kind: KINDS[noun] as Kind }; // cast: looked up the line before
  if (noun === "SIGNAL") return { words: SIGNALS };
  if (noun === "CAPABILITY") return { words: CAPABILITIES };
  if (noun === "FOLDER" || noun === "DIR") return { files: "folder" };
  if (noun === "FILE" || noun === "PATH" || noun === "ARG" || noun === "PROGRAM") return { files: "any" };
  if (noun === "CONTAINER:PATH") return { kind: "container" };
  return undefined;
}

/**
 * The operand at a place, counted from 0: for `IMAGE [COMMAND [ARG...]]` it is IMAGE, COMMAND, ARG, ARG, and so on.
 */
export function operandAt(operands: string, index: number): string | undefined {
  const nouns = operands.split(" ").filter((noun) => noun !== "");
  const noun = nouns[index] ?? (nouns.at(-1)?.includes("...") ? nouns.at(-1) : undefined);
  return noun?.match(/[^[\].]+/)?.[0];
}

/** Whether everything from the first operand on belongs to the container: flags there are not tsbox's. */
export function stopsAtOperand(operands: string): boolean {
  return /\bARG\b/.test(operands);
}

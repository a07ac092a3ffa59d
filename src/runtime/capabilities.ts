/** Capability names as bits. capabilities(7), linux/capability.h. */
import { TsboxError } from "../error.ts";
import { readShortText } from "../linux/read-text.ts";

/** In the order of their numbers. */
const NAMES =
  `CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST
  NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE
  SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND
  AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE`.split(/\s+/);

const NUMBERS = new Map(NAMES.map((name, number) => [`CAP_${name}`, number]));

/** All capabilities that tsbox knows, `CAP_CHOWN` first. */
export const ALL_CAPABILITIES: readonly string[] = [...NUMBERS.keys()];

/**
 * The set as the kernel's bit mask.
 * @param field for messages: `process.capabilities.bounding`
 * @param unknown told of names that there are not, which are then left out; without it they are errors
 * @throws TsboxError `invalid` for an unknown name
 */
export function capabilityMask(
  names: readonly string[] | undefined,
  field: string,
  unknown?: (message: string) => void,
): bigint {
  let mask = 0n;
  for (const name of names ?? []) {
    const number = NUMBERS.get(name);
    if (number !== undefined) mask |= 1n << BigInt(number);
    else if (unknown === undefined)
      throw new TsboxError("invalid", `cannot run: ${field}: ${name} is not a capability`);
    else unknown(`${field}: ${name} is not a capability`);
  }
  return mask;
}

/** What this process may hand on: its permitted set (capabilities(7); proc(5), "CapPrm"). */
export function ownCapabilities(): bigint {
  const text = /^CapPrm:\s*([0-9a-f]+)$/m.exec(readShortText("/proc/self/status") ?? "")?.[1];
  return text === undefined ? (1n << 64n) - 1n : BigInt(`0x${text}`);
}

/** Names of a mask's capabilities, for messages. */
export function capabilityNames(mask: bigint): string[] {
  return ALL_CAPABILITIES.filter((_, number) => (mask >> BigInt(number)) & 1n);
}

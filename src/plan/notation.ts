/** How numbers of a plan are written for people: by the names that man pages give them. */
import { CONSTANTS } from "../linux/abi-names.gen.ts";

type Table = readonly (readonly [name: string, value: number])[];

/** Constants of one family in order of value, larger ones first, so that composites win over their parts. */
function family(pattern: RegExp): Table {
  return Object.entries(CONSTANTS)
    .filter(([name, value]) => value !== 0 && pattern.test(name))
    .sort((a, b) => b[1] - a[1]);
}

const FLAG_FAMILIES: Record<string, RegExp> = {
  open: /^O_(?!RDONLY)/,
  resolve: /^RESOLVE_/,
  at: /^AT_(?!FDCWD|EACCESS)/,
  mount: /^MS_/,
  attr: /^MOUNT_ATTR_(?!_)/,
  clone: /^CLONE_/,
  open_tree: /^(OPEN_TREE_CLONE|AT_RECURSIVE|AT_EMPTY_PATH)$/,
  flock: /^LOCK_/,
  umount: /^MNT_/,
};

const VALUE_FAMILIES: Record<string, RegExp> = {
  fsconfig: /^FSCONFIG_/,
  signal: /^SIG[A-Z]/,
  prctl: /^PR_/,
  rlimit: /^RLIMIT_/,
  fs: /_MAGIC$/,
  type: /^S_IF(?!MT)/,
};

function flags(value: bigint, pattern: RegExp): string {
  let rest = Number(value);
  const names: string[] = [];
  for (const [name, bits] of family(pattern)) {
    if ((rest & bits) !== bits) continue;
    names.push(name);
    rest &= ~bits;
  }
  if (rest !== 0) names.push(`0x${(rest >>> 0).toString(16)}`);
  return names.length === 0 ? "0" : names.join("|");
}

function value(number: bigint, pattern: RegExp): string {
  return family(pattern).find(([, candidate]) => BigInt(candidate) === number)?.[0] ?? String(number);
}

/** A number in the notation that native/plan.h names for its argument. */
export function writeNumber(number: bigint, notation: string | undefined): string {
  if (notation === undefined) return String(number);
  if (notation === "octal") return `0${number.toString(8)}`;
  if (notation === "hex" || notation === "caps") return `0x${number.toString(16)}`;
  if (notation === "dev") return `${number >> 32n}:${number & 0xffffffffn}`;
  const flagPattern = FLAG_FAMILIES[notation];
  if (flagPattern !== undefined) return flags(number, flagPattern);
  const valuePattern = VALUE_FAMILIES[notation];
  return valuePattern === undefined ? String(number) : value(number, valuePattern);
}

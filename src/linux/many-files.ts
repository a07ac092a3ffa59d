/** Looking into many small files at once: for listings, whose time is system calls and the crossings into machine code that make them. */
import { LOCK_NB, LOCK_SH, O_CLOEXEC, O_RDONLY, O_RDWR, SYS } from "./abi.gen.ts";
import { E } from "./errno.ts";
import { address, OPERATION, syscalls } from "./syscall.ts";

/** A file is opened, looked at and closed. */
const CALLS = 3;
const { words: WORDS, flags: FLAGS, args: ARGS, result: RESULT, useLast, isLast } = OPERATION;
const STRIDE = CALLS * WORDS;

/** Operations of `count` files: all alike but for their paths, which {@link setAddress} puts in. */
function operationsFor(
  count: number,
  directory: number,
  flags: number,
  look: readonly [nr: number, ...args: number[]],
) {
  const operations = new Uint32Array(count * STRIDE);
  const set = (call: number, flag: number, [nr = 0, ...args]: readonly number[]) => {
    const at = call * WORDS;
    operations[at] = nr;
    operations[at + FLAGS] = flag;
    for (const [i, value] of args.entries()) {
      const word = at + (ARGS[i] ?? 0);
      operations[word] = value;
      // the sign of AT_FDCWD
      operations[word + 1] = value < 0 ? 0xffffffff : 0;
    }
  };
  set(0, isLast, [SYS.openat, directory, 0, flags | O_CLOEXEC]);
  set(1, useLast, look);
  set(2, useLast, [SYS.close]);
  for (let done = 1; done < count; done *= 2) operations.copyWithin(done * STRIDE, 0, done * STRIDE);
  return operations;
}

/** Puts an address into a call of a file. */
function setAddress(operations: Uint32Array, at: number, value: number): void {
  operations[at] = value;
  operations[at + 1] = value / 0x100000000;
}

const PATH = ARGS[1];
const BUFFER = WORDS + ARGS[1];

/** Puts the paths in. @returns what must stay alive until the calls are made */
function setPaths(operations: Uint32Array, paths: readonly string[]): Uint8Array {
  const bytes = Buffer.from(`${paths.join("\0")}\0`);
  const base = address(bytes);
  let offset = 0;
  const length = paths.reduce((sum, path) => sum + path.length + 1, 0);
  // what is not ASCII has more bytes than characters
  const sizeOf = length === bytes.length ? (path: string) => path.length : Buffer.byteLength;
  for (const [i, path] of paths.entries()) {
    setAddress(operations, i * STRIDE + PATH, base + offset);
    offset += sizeOf(path) + 1;
  }
  return bytes;
}

/** The result of a file's call, as a signed number. */
function resultOf(operations: Uint32Array, file: number, call: number): number {
  return (operations[file * STRIDE + call * WORDS + RESULT] ?? 0) | 0;
}

/**
 * The texts of short files.
 *
 * @param directory descriptor that the paths start at, or AT_FDCWD
 * @param paths without NUL
 * @param most bytes; of a longer file the text is cut off there, and has exactly that many
 * @returns undefined for a file that cannot be opened or read
 */
export function readTexts(directory: number, paths: readonly string[], most: number): (string | undefined)[] {
  if (paths.length === 0) return [];
  const operations = operationsFor(paths.length, directory, O_RDONLY, [SYS.read, 0, 0, most]);
  const buffer = Buffer.allocUnsafeSlow(paths.length * most);
  const base = address(buffer);
  for (let i = 0; i < paths.length; i++) setAddress(operations, i * STRIDE + BUFFER, base + i * most);
  const bytes = setPaths(operations, paths);
  syscalls(operations, paths.length * CALLS);
  void bytes;
  return paths.map((_, i) => {
    const size = resultOf(operations, i, 1);
    return size < 0 ? undefined : buffer.toString("utf8", i * most, i * most + size);
  });
}

/**
 * Which files somebody holds an exclusive flock(2) on.
 * @param directory and `paths` as of {@link readTexts}
 */
export function lockedFiles(directory: number, paths: readonly string[]): boolean[] {
  if (paths.length === 0) return [];
  const operations = operationsFor(paths.length, directory, O_RDWR, [SYS.flock, 0, LOCK_SH | LOCK_NB]);
  const bytes = setPaths(operations, paths);
  syscalls(operations, paths.length * CALLS);
  void bytes;
  return paths.map((_, i) => resultOf(operations, i, 1) === -E.EAGAIN);
}

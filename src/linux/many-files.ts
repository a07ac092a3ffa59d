/** Looking into many small files at once: for listings, whose time is system calls and the crossings into machine code that make them. */
import { LOCK_NB, LOCK_SH, O_CLOEXEC, O_RDONLY, O_RDWR, SYS } from "./abi.gen.ts";
import { E } from "./errno.ts";
import { address, OPERATION, syscallRounds } from "./syscall.ts";

/** What is looked at in each folder. */
export interface Look {
  /** Of the file in the folder; ASCII. */
  readonly name: string;
  /** Bytes that are read at most; 0: nothing is read, but whether somebody has an exclusive flock(2) on the file. */
  readonly most: number;
}

/** What was seen, by the indexes of folder and look. */
export interface Looks {
  /** Undefined for a file that cannot be opened or read; of a long one only the beginning, of which {@link Looks.isWhole} tells. */
  text(folder: number, look: number): string | undefined;
  /** Whether a text is all of its file: there was room for more. */
  isWhole(folder: number, look: number): boolean;
  isLocked(folder: number, look: number): boolean;
}

/** A file is opened, looked at and closed. */
const CALLS = 3;
const { words: WORDS, flags: FLAGS, args: ARGS, step: STEP, result: RESULT, useLast, isLast, addResult } = OPERATION;

/**
 * Looks at the same files of many folders, folder by folder and in the order given.
 *
 * @param directory descriptor at which the folders' paths begin, or AT_FDCWD
 * @param folders paths without NUL, of one length in bytes: {@link padPaths}
 */
export function lookInto(directory: number, folders: readonly string[], looks: readonly Look[]): Looks {
  const count = folders.length;
  const operations = new Uint32Array(looks.length * CALLS * WORDS);
  const results = new Int32Array(Math.max(count * looks.length, 1));
  // room for the largest of all; what is not written to is no memory
  const buffers = looks.map(({ most }) => Buffer.allocUnsafeSlow(Math.max(count * most, 1)));
  const paths = looks.map(({ name }) => Buffer.from(`${folders.join(`/${name}\0`)}/${name}\0`));
  for (const [i, { most }] of looks.entries()) {
    const at = i * CALLS * WORDS;
    const [path, buffer] = [paths[i], buffers[i]];
    if (path === undefined || buffer === undefined) continue;
    const flags = (most > 0 ? O_RDONLY : O_RDWR) | O_CLOEXEC;
    put(operations, at, [SYS.openat, isLast, directory, address(path), flags]);
    operations[at + STEP] = path.length / count;
    const read = [SYS.read, useLast | addResult, 0, address(buffer), most];
    put(operations, at + WORDS, most > 0 ? read : [SYS.flock, useLast, 0, LOCK_SH | LOCK_NB]);
    putWide(operations, at + WORDS + RESULT, address(results) + 4 * i * count);
    put(operations, at + 2 * WORDS, [SYS.close, useLast]);
  }
  if (count > 0) syscallRounds(operations, count);
  // the kernel has read them only now
  paths.length = 0;
  const result = (folder: number, look: number) => results[look * count + folder] ?? 0;
  const ends = buffers.map((_, look) => {
    let end = 0;
    return folders.map((_, folder) => {
      end += Math.max(result(folder, look), 0);
      return end;
    });
  });
  return {
    text: (folder, look) => {
      const size = result(folder, look);
      const end = ends[look]?.[folder] ?? 0;
      return size < 0 ? undefined : buffers[look]?.toString("utf8", end - size, end);
    },
    isWhole: (folder, look) => result(folder, look) < (looks[look]?.most ?? 0),
    isLocked: (folder, look) => result(folder, look) === -E.EAGAIN,
  };
}

/** Absolute paths of one length: more slashes at the start mean the same. */
export function padPaths(paths: readonly string[]): string[] {
  const sizes = paths.map((path) => Buffer.byteLength(path));
  const longest = Math.max(0, ...sizes);
  return paths.map((path, i) => "/".repeat(longest - (sizes[i] ?? 0)) + path);
}

function put(operations: Uint32Array, at: number, [nr = 0, flags = 0, ...args]: readonly number[]): void {
  operations[at] = nr;
  operations[at + FLAGS] = flags;
  for (const [i, value] of args.entries()) putWide(operations, at + (ARGS[i] ?? 0), value);
}

/** A number of 64 bits, the sign of AT_FDCWD too. */
function putWide(operations: Uint32Array, at: number, value: number): void {
  operations[at] = value;
  operations[at + 1] = Math.floor(value / 0x100000000);
}

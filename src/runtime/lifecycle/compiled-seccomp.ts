/**
 * Filters of `linux.seccomp`, compiled once: engines give every container the same profile, whose compilation takes longer than all
 * the rest of `create`. Kept in the state root, which only its owner may write to, under the digest of the profile and of the tsbox
 * that compiled it.
 */
import { AT_FDCWD, O_CLOEXEC, O_CREAT, O_EXCL, O_NOFOLLOW, O_RDONLY, O_WRONLY, SYS } from "../../linux/abi.gen.ts";
import { statFd, statIfPresent, statPath } from "../../linux/stat.ts";
import { cstring, syscall } from "../../linux/syscall.ts";
import type { LinuxSeccomp } from "../../oci/index.ts";
import type { CompiledSeccomp } from "../seccomp/index.ts";

/** No container can have this id. */
const FOLDER = "seccomp:compiled";
/** A filter has at most 4096 instructions of 8 bytes (BPF_MAXINSNS); before them stand the flags. */
const LARGEST = 8 + 4096 * 8;
/** Profiles are few; whoever makes up a new one for each container gets rid of all the old ones now and then. */
const MOST = 100;

/** @throws TsboxError as the compiler does */
export async function compiledSeccomp(root: string, seccomp: LinuxSeccomp): Promise<CompiledSeccomp> {
  // who listens belongs to the container, not to the filter
  if (seccomp.listenerPath !== undefined || !isExact(seccomp)) return await compile(seccomp);
  const folder = `${root}/${FOLDER}`;
  const path = `${folder}/${keyOf(seccomp)}`;
  const found = read(path);
  if (found !== undefined) return found;
  const compiled = await compile(seccomp);
  write(folder, path, compiled);
  return compiled;
}

async function compile(seccomp: LinuxSeccomp): Promise<CompiledSeccomp> {
  return await (await import("../seccomp/index.ts")).compileSeccomp(seccomp);
}

/** JSON has no bigints; a profile that needs them is rare enough to be compiled each time. */
function isExact({ syscalls }: LinuxSeccomp): boolean {
  return !syscalls?.some(({ args }) =>
    args?.some(({ value, valueTwo }) => typeof value === "bigint" || typeof valueTwo === "bigint"),
  );
}

function keyOf(seccomp: LinuxSeccomp): string {
  const program = statPath(process.execPath);
  const maker = `${process.arch} ${program.ino} ${program.size} ${program.mtime.join(".")}`;
  return new Bun.CryptoHasher("sha256").update(`${maker}\n${JSON.stringify(seccomp)}`).digest("hex");
}

/** Only a file that nobody else could have written: the filter is what keeps a container in. */
function read(path: string): CompiledSeccomp | undefined {
  const fd = syscall(SYS.openat, AT_FDCWD, cstring(path), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return undefined;
  const stat = statFd(fd);
  const buffer = new Uint8Array(LARGEST + 1);
  const size = syscall(SYS.read, fd, buffer, buffer.length);
  syscall(SYS.close, fd);
  const own = stat.isFile && stat.uid === process.geteuid?.() && (stat.mode & 0o022) === 0;
  if (!own || size < 16 || size > LARGEST || size % 8 !== 0 || size !== stat.size) return undefined;
  return { flags: new DataView(buffer.buffer).getUint32(0, true), program: buffer.slice(8, size) };
}

/** What cannot be kept is compiled again the next time. */
function write(folder: string, path: string, { flags, program }: CompiledSeccomp): void {
  if (statIfPresent(folder) === undefined) syscall(SYS.mkdirat, AT_FDCWD, cstring(folder), 0o700);
  tidy(folder);
  const temporary = `${path}.${process.pid}`;
  const fd = syscall(SYS.openat, AT_FDCWD, cstring(temporary), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600);
  if (fd < 0) return;
  const content = new Uint8Array(8 + program.length);
  new DataView(content.buffer).setUint32(0, flags, true);
  content.set(program, 8);
  const written = syscall(SYS.write, fd, content, content.length);
  syscall(SYS.close, fd);
  if (
    written !== content.length ||
    syscall(SYS.renameat2, AT_FDCWD, cstring(temporary), AT_FDCWD, cstring(path), 0) < 0
  )
    syscall(SYS.unlinkat, AT_FDCWD, cstring(temporary), 0);
}

function tidy(folder: string): void {
  const fs = process.getBuiltinModule("node:fs");
  try {
    const names = fs.readdirSync(folder);
    if (names.length < MOST) return;
    for (const name of names) syscall(SYS.unlinkat, AT_FDCWD, cstring(`${folder}/${name}`), 0);
  } catch {
    // it is not there, or another tsbox tidies it just now
  }
}

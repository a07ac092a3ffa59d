/** What is left when unpacking ends before its time: no worker, and one sentence. */
import { describe, expect } from "bun:test";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { descendants } from "../../support/descendants.ts";
import { native, requires, userNamespaces } from "../../support/skip.ts";
import { type TarEntry, writeTar } from "../../support/tar.ts";
import { temporaryFolder } from "../../support/tmp.ts";

const test = requires(native, userNamespaces);
const PROGRAM = fileURLToPath(new URL("unpack-program.ts", import.meta.url));
const MEGABYTE = 1024 * 1024;

/** @throws Error when it is not so after half a minute */
async function until(what: string, isSo: () => boolean): Promise<void> {
  for (const end = Date.now() + 30_000; !isSo(); await Bun.sleep(10))
    if (Date.now() > end) throw new Error(`not so after half a minute: ${what}`);
}

function isAlive(pid: number): boolean {
  try {
    // its state, behind its name (proc(5))
    return !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
  } catch {
    return false;
  }
}

for (const signal of ["SIGKILL", "SIGTERM", "SIGINT"] as const) {
  test(`a worker ends when its parent ends by ${signal}`, async () => {
    using folder = temporaryFolder();
    const [blob, tree] = [folder.join("blob"), folder.join("tree")];
    mkdirSync(tree);
    writeFileSync(blob, writeTar([{ path: "first" }, { path: "big", data: Buffer.alloc(8 * MEGABYTE) }]));
    await using parent = Bun.spawn([process.execPath, PROGRAM, blob, tree, String(2 * MEGABYTE)], { stdout: "ignore" });
    const workers = () => descendants(parent.pid).filter(({ command }) => command.includes("__unpack"));
    // it has begun, and waits for more of the blob
    await until("the first file is there", () => existsSync(`${tree}/first`));
    const found = workers();
    expect(found.map(({ pid }) => isAlive(pid))).toContain(true);
    parent.kill(signal);
    await parent.exited;
    await until("the workers are gone", () => !found.some(({ pid }) => isAlive(pid)));
    expect(existsSync(`${tree}/first`)).toBe(true);
  });
}

/** Unpacks where there is only so much room. */
async function inSmallDisk(
  options: string,
  archive: readonly TarEntry[],
): Promise<{ code?: string; message?: string }> {
  using folder = temporaryFolder();
  const [blob, disk] = [folder.join("blob"), folder.join("disk")];
  const tar = writeTar(archive);
  writeFileSync(blob, tar);
  mkdirSync(disk);
  const script = 'mount -t tmpfs -o "$1" tmpfs "$2" && shift 2 && exec "$@"';
  const command = [process.execPath, PROGRAM, blob, disk, String(tar.length)];
  const child = Bun.spawn(["unshare", "-Urm", "sh", "-c", script, "sh", options, disk, ...command], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [said, log] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  if (said === "") throw new Error(log);
  return JSON.parse(said);
}

describe("a full disk is one sentence that names the entry:", () => {
  test("no room for data", async () => {
    const { code, message } = await inSmallDisk("size=1m", [
      { path: "folder/small", data: "x" },
      { path: "folder/big", data: Buffer.alloc(2 * MEGABYTE, "x") },
    ]);
    expect(code).toBe("no-space");
    expect(message).toMatch(/^cannot unpack "folder\/big": write: [^\n]+$/);
  });

  test("no room for another file", async () => {
    const many = Array.from({ length: 50 }, (_, i) => ({ path: `file${i}` }));
    const { code, message } = await inSmallDisk("size=1m,nr_inodes=20", many);
    expect(code).toBe("no-space");
    expect(message).toMatch(/^cannot unpack "file\d+": open: [^\n]+$/);
  });

  test("no room for another folder, or a link", async () => {
    for (const type of ["directory", "symlink"] as const) {
      const many = Array.from({ length: 50 }, (_, i): TarEntry => ({ path: `entry${i}`, type, target: "x" }));
      const { code, message } = await inSmallDisk("size=1m,nr_inodes=20", many);
      expect(code).toBe("no-space");
      expect(message).toMatch(/^cannot unpack "entry\d+": (mkdir|symlink): [^\n]+$/);
    }
  });
});

/**
 * What a container costs that was created and waits for start: one small process. Measured beside it on Linux 6.12 (PSS,
 * root reads crun's): tsbox 64 kB, crun 1.8 690 kB, runc 1.1 7900 kB. So the bound is absolute, far below theirs.
 */
import { expect } from "bun:test";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { Box, test } from "./box.ts";
import { processesOf } from "./leftovers.ts";

const PAGE = Number(Bun.spawnSync(["getconf", "PAGESIZE"]).stdout.toString());
/** 160 kB with the usual pages. */
const PAGES = 40;

/** Bytes: its share of what is mapped, and the whole of files that have no name any more (memfds), mapped or not. */
function memoryOf(pid: number): { readonly pss: number; readonly files: number } {
  const pss = 1024 * Number(/^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1]);
  const sizes = new Map<number, number>();
  for (const entry of [...readdirSync(`/proc/${pid}/fd`).map((name) => `fd/${name}`), "exe"]) {
    const stat = statSync(`/proc/${pid}/${entry}`);
    if (stat.isFile() && stat.nlink === 0) sizes.set(stat.ino, stat.blocks * 512);
  }
  return { pss, files: [...sizes.values()].reduce((sum, size) => sum + size, 0) };
}

test("a created container takes one process and little memory", async () => {
  using it = new Box();
  const bundle = it.bundle({ args: ["sleep", "1000"] });
  for (const id of ["a", "b", "c"]) await it.ok(["create", "--bundle", bundle, id]);
  const containers = await it.list();
  expect(processesOf(it.path(""))).toHaveLength(containers.length);
  for (const { pid } of containers) {
    const { pss, files } = memoryOf(pid);
    // the program and the plan are there
    expect(files).toBeGreaterThan(2 * PAGE);
    expect(pss + files).toBeWithin(4 * PAGE, PAGES * PAGE);
  }
});

/** The disk that has the store is full: one sentence each, nothing half made, and what runs runs on. */
import { expect } from "bun:test";
import { join } from "node:path";
import { ROOT } from "../../scripts/build-native.ts";
import { busybox } from "../support/busybox-image.ts";
import { executable, program, requires, root } from "../support/skip.ts";
import type { Seen } from "./support/full-disk-steps.ts";

const test = requires(executable, busybox, root, program("unshare"));

test("whatever cannot be written is told and taken back", async () => {
  const steps = [join(ROOT, "node_modules/.bin/bun"), join(ROOT, "tests/root/support/full-disk-steps.ts")];
  const child = Bun.spawn(["unshare", "-m", "--propagation", "private", ...steps], { stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  expect({ exitCode: child.exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  const seen: Seen = JSON.parse(stdout);
  for (const [what, { exitCode, stderr }] of Object.entries(seen.refused)) {
    expect([what, exitCode === 1 || exitCode === 125]).toEqual([what, true]);
    // one line, which says what could not be done and why
    expect([what, stderr]).toEqual([what, expect.stringMatching(/^tsbox: cannot [^\n]*no space (is )?left[^\n]*\n$/)]);
  }
  expect(seen.after).toEqual([...seen.before]);
  expect(seen.done).toEqual({
    ps: "box running\nwriter running\n",
    exec: "alive\n",
    files: "/root:\nchange\n\n/vol:\n",
    stop: "writer\n",
  });
  // whole lines from the first on, and what is missing is said
  const lines = seen.logs.stdout.trimEnd().split("\n");
  expect(lines).toEqual(lines.map((_, i) => `line ${i}`));
  expect(seen.logs.stderr).toMatch(/^tsbox: \d+ bytes of output were lost: no space left on device\n$/);
  for (const [what, exitCode] of Object.entries(seen.later)) expect([what, exitCode]).toEqual([what, 0]);
});

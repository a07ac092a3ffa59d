import { expect } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../scripts/build-native.ts";
import { enterPlan, PlanBuilder } from "../../src/plan/index.ts";
import { program, requires } from "../support/skip.ts";
import { temporaryFolder } from "../support/tmp.ts";

const test = requires(program("gcc"));

const mapping = {
  kind: "subuid",
  name: "test",
  uids: [
    { container: 0, host: 1000, count: 1 },
    { container: 1, host: 100000, count: 65536 },
  ],
  gids: [{ container: 0, host: 1000, count: 1 }],
} as const;

// named after what it is of a kind with: a length overflow in the message that configures a container
test("CVE-2021-43784: no mutation of a plan makes the decoder read or accept anything outside the block", () => {
  using temporary = temporaryFolder();
  const folder = temporary.path;
  const binary = join(folder, "fuzz");
  const compiled = Bun.spawnSync([
    ...["gcc", "-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
    ...["-o", binary, join(ROOT, "tests/native/fuzz-decode.c"), join(ROOT, "native/decode.c")],
  ]);
  expect(compiled.stderr.toString()).toBe("");
  const seed = join(folder, "plan");
  writeFileSync(seed, enterPlan({ mapping, argv: ["/bin/sh", "-c", "true"], env: ["A=b"] }, 2));
  const run = Bun.spawnSync([binary, seed, "200000"]);
  expect(run.stderr.toString()).toBe("");
  const [accepted, sound] = run.stdout.toString().trim().split(" ").map(Number);
  // many mutations hit only text, which stays sound; the unmutated plan is accepted
  expect(accepted).toBeGreaterThan(1000);
  expect(sound).toBe(0);
});

test("a plan that jumps backward or clones an earlier program is refused", () => {
  using temporary = temporaryFolder();
  const folder = temporary.path;
  const backward = new PlanBuilder();
  const program = backward.program("main");
  program.add("jump", [], { to: { at: 0 } });
  const path = join(folder, "backward");
  writeFileSync(path, backward.encode());
  const native = join(ROOT, "dist/native", `tsbox-native-${process.arch}`);
  const run = (file: string) => Bun.spawnSync(["sh", "-c", `exec "$0" 3 3<"$1"`, native, file]).exitCode;
  expect(run(path)).toBe(125);

  const looping = new PlanBuilder();
  const main = looping.program("main");
  main.add("clone", [main, 0, main.slot(), null, 0, 0]);
  const loop = join(folder, "loop");
  writeFileSync(loop, looping.encode());
  expect(run(loop)).toBe(125);

  const sound = new PlanBuilder();
  sound.program("main").add("exit", [7]);
  const good = join(folder, "good");
  writeFileSync(good, sound.encode());
  expect(run(good)).toBe(7);
});

import { expect, test } from "bun:test";
import { decodePlan } from "../../src/plan/decode.ts";
import { encode, PlanBuilder, RECOVER_MISSING } from "../../src/plan/index.ts";

test("what is written is what is read back", () => {
  const plan = new PlanBuilder();
  const main = plan.program("main");
  const child = plan.program("child", main);
  const [slot, end] = [main.slot(), main.label()];
  main.add("openat2", [slot, null, "/ünïcödé/path", 0o200000, -1, 8], {
    note: "open it",
    recover: RECOVER_MISSING,
    to: end,
  });
  main.add("clone", [child, 0x20000000, slot, null, 1, 9]);
  main.place(end);
  main.add("mount", [null, "/", null, 1n << 40n, "a=b"]);
  child.add("execve", [["/bin/true"], ["true", "", "x"], []]);
  child.add("sethostname", [encode("box")]);
  const [first, second] = decodePlan(plan.encode());
  expect(first?.ops.map(({ name, note, recover, to }) => ({ name, note, recover, to }))).toEqual([
    { name: "openat2", note: "open it", recover: RECOVER_MISSING, to: 2 },
    { name: "clone", note: undefined, recover: 0, to: 2 },
    { name: "mount", note: undefined, recover: 0, to: 3 },
  ]);
  const values = first?.ops.map((op) => op.args.map(({ value }) => value.value));
  expect(values).toEqual([
    [4, null, "/ünïcödé/path", 0o200000n, 0xffffffffffffffffn, 8n],
    ["child", 0x20000000n, 4, null, 1n, 9n],
    [null, "/", null, 1n << 40n, "a=b"],
  ]);
  expect(second?.ops[0]?.args.map(({ value }) => value.value)).toEqual([["/bin/true"], ["true", "", "x"], []]);
  expect(second?.ops[1]?.args[0]?.value.value).toEqual(encode("box"));
});

test("a NUL byte in a string is an error, because it would end the string early", () => {
  const plan = new PlanBuilder();
  plan.program("main").add("chdir", ["/a\0b"]);
  expect(() => plan.encode()).toThrow("NUL byte");
});

test("a label that was never placed is an error", () => {
  const plan = new PlanBuilder();
  const main = plan.program("main");
  main.add("jump", [], { to: main.label() });
  expect(() => plan.encode()).toThrow("has no target");
});

test("a program has 60 slots of its own and no more", () => {
  const main = new PlanBuilder().program("main");
  for (let i = 0; i < 60; i++) main.slot();
  expect(() => main.slot()).toThrow("no slot left");
});

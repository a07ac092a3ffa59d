/** Processes that die with the one that started them. */
import { expect } from "bun:test";
import { CLONE_NEWPID, CLONE_NEWUSER, SIGKILL } from "../../src/linux/abi.gen.ts";
import { PlanBuilder, RECOVER_OTHER } from "../../src/plan/index.ts";
import { spawnNative } from "../../src/plan/launch.ts";
import { native, requires, userNamespaces } from "../support/skip.ts";

const test = requires(native, userNamespaces);

/** A process that ends as soon as it has started another, which would speak a while after that. */
function parentThatEnds(flags: number): Uint8Array {
  const plan = new PlanBuilder();
  const parent = plan.program("parent");
  const [ours, theirs, pidfd] = [parent.slot(), parent.slot(), parent.slot()];
  const child = plan.program("child", parent);
  // on one processor a new process has its turn when the parent's is over
  parent.add("sched_setaffinity", [Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0)]);
  parent.add("socketpair", [ours, theirs]);
  parent.add("clone", [child, flags, pidfd, null, 0, SIGKILL]);
  parent.add("exit", [0]);
  child.add("close", [ours]);
  const gone = child.label();
  child.add("recv_ready", [theirs], { recover: RECOVER_OTHER, to: gone });
  child.place(gone);
  child.add("reset_signals", []);
  child.add("execve", [["/bin/sh"], ["sh", "-c", "sleep 5; echo survived"], []]);
  return plan.encode();
}

for (const [where, flags] of [
  ["its own", CLONE_NEWUSER | CLONE_NEWPID],
  ["its parent's", 0],
] as const) {
  test(`a process of ${where} pid namespace does not outlive a parent that ended before it ran`, async () => {
    const plan = parentThatEnds(flags);
    const outputs = Array.from({ length: 30 }, async () => {
      const child = spawnNative(plan, { stdio: ["ignore", "pipe", "inherit"] });
      return await new Response(child.stdout as ReadableStream).text(); // cast: asked for as a pipe
    });
    expect(new Set(await Promise.all(outputs))).toEqual(new Set([""]));
  });
}

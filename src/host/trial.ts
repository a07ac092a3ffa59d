/** Trying things in a real user namespace: the native program carries out a few operations and says which one failed. */
import type { IdMapping } from "../idmap/index.ts";
import { CLONE_NEWNS, CLONE_NEWUSER, MS_REC, MS_SLAVE, SIGKILL } from "../linux/abi.gen.ts";
import { errnoName } from "../linux/errno.ts";
import {
  addIdMapping,
  encode,
  FAILED_ERRNO,
  FAILED_OP,
  PlanBuilder,
  type Program,
  STDERR,
  STDOUT,
  spawnNative,
} from "../plan/index.ts";

export type TrialResult =
  | { readonly ok: true }
  /** `step` is the note of the operation that failed; `log` what helper programs said. */
  | { readonly ok: false; readonly step: string; readonly errno: string; readonly log: string };

const READY = 1;

/**
 * Makes a user namespace with the mapping, a mount namespace in it, and carries out what `steps` adds as its root.
 * Nothing of it remains: mounts end with the namespace.
 *
 * @throws SyscallError when the native program cannot be started at all
 */
export async function tryInNamespace(
  mapping: IdMapping,
  steps: (inside: Program) => void = () => {},
): Promise<TrialResult> {
  const plan = new PlanBuilder();
  const outside = plan.program("outside");
  const [ours, theirs, child] = [outside.slot(), outside.slot(), outside.slot()];
  const inside = plan.program("inside", outside);
  const user = mapping.kind === "none" ? 0 : CLONE_NEWUSER;
  outside.add("socketpair", [ours, theirs], { note: "make a socket pair" });
  outside.add("clone", [inside, CLONE_NEWNS | user, child, null, 1, SIGKILL], { note: "make a user namespace" });
  outside.add("close", [theirs]);
  addIdMapping(plan, outside, mapping, STDERR);
  outside.add("send", [ours, READY]);
  outside.add("wait_success", [child], { note: "wait for the trial" });
  outside.add("exit", [0]);
  inside.add("close", [ours]);
  inside.add("recv", [theirs, READY], { note: "wait for the id mapping" });
  if (mapping.kind !== "none") {
    inside.add("setresgid", [mapping.gids[0]?.container ?? 0], { note: "become a group of the user namespace" });
    inside.add("setresuid", [mapping.uids[0]?.container ?? 0], { note: "become a user of the user namespace" });
  }
  inside.add("mount", [null, "/", null, MS_REC | MS_SLAVE, null], { note: "make the mounts private" });
  steps(inside);
  inside.add("exit", [0]);
  const failure = plan.program("failure");
  failure.add("write", [STDOUT, encode(`${FAILED_OP} ${FAILED_ERRNO}\n`)], { expand: true });
  failure.add("exit", [1]);
  plan.failureProgram = failure;
  return await run(plan);
}

async function run(plan: PlanBuilder): Promise<TrialResult> {
  const process = spawnNative(plan.encode(), { stdio: ["ignore", "pipe", "pipe"] });
  // casts: both were asked for as pipes
  const [output, log, status] = await Promise.all([
    new Response(process.stdout as ReadableStream<Uint8Array>).text(),
    new Response(process.stderr as ReadableStream<Uint8Array>).text(),
    process.exited,
  ]);
  if (status === 0) return { ok: true };
  const [index = -1, errno = 0] = output.trim().split(" ").map(Number);
  const ops = plan.programs.flatMap((program) => program.ops);
  return { ok: false, step: ops[index]?.options.note ?? "run the trial", errno: errnoName(errno), log: log.trim() };
}

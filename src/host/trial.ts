/** Trying things in a real user namespace: the native program carries out a few operations and says which one failed. */
import type { IdMapping } from "../idmap/index.ts";
import { CLONE_NEWNS, CLONE_NEWUSER, MFD_CLOEXEC, MS_REC, MS_SLAVE, O_WRONLY, SIGKILL, SYS } from "../linux/abi.gen.ts";
import { check, errnoName } from "../linux/errno.ts";
import { cstring, syscall } from "../linux/syscall.ts";
import {
  addIdMapping,
  encode,
  FAILED_ERRNO,
  FAILED_OP,
  PlanBuilder,
  type Program,
  STDERR,
  spawnNative,
} from "../plan/index.ts";

export type TrialResult =
  | { readonly ok: true }
  /** `step` is the note of the operation that failed; `log` what helper programs said. */
  | { readonly ok: false; readonly step: string; readonly errno: string; readonly log: string };

const READY = 1;
/** Where the native program finds the first extra descriptor of `spawnNative`. */
const REPORT_FD = 4;

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
  const numbers = encode(`${FAILED_OP} ${FAILED_ERRNO}\n`);
  failure.add("write_file", [null, `/proc/self/fd/${REPORT_FD}`, numbers, O_WRONLY], { expand: true });
  failure.add("exit", [1]);
  plan.failureProgram = failure;
  return await run(plan);
}

async function run(plan: PlanBuilder): Promise<TrialResult> {
  // a memfd rather than a pipe of Bun's, which is a socket and cannot be opened by name
  const report = check("memfd_create", syscall(SYS.memfd_create, cstring("trial"), MFD_CLOEXEC));
  try {
    const process = spawnNative(plan.encode(), { stdio: ["ignore", "ignore", "pipe", report] });
    // cast: it was asked for as a pipe
    const log = await new Response(process.stderr as ReadableStream<Uint8Array>).text();
    if ((await process.exited) === 0) return { ok: true };
    const buffer = new Uint8Array(64);
    const length = check("pread64", syscall(SYS.pread64, report, buffer, buffer.length, 0));
    const [index = -1, errno = 0] = new TextDecoder().decode(buffer.subarray(0, length)).trim().split(" ").map(Number);
    const ops = plan.programs.flatMap((program) => program.ops);
    return { ok: false, step: ops[index]?.options.note ?? "run the trial", errno: errnoName(errno), log: log.trim() };
  } finally {
    syscall(SYS.close, report);
  }
}

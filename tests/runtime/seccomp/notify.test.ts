/** SCMP_ACT_NOTIFY: the native program loads the filter, hands its descriptor over, and a real listener answers. */
import { afterAll, describe, expect } from "bun:test";
import { writeFileSync } from "node:fs";
import { nativePath } from "../../../scripts/build-native.ts";
import {
  PR_SET_NO_NEW_PRIVS,
  SECCOMP_FILTER_FLAG_TSYNC,
  SECCOMP_FILTER_FLAG_TSYNC_ESRCH,
} from "../../../src/linux/abi.gen.ts";
import type { LinuxSeccomp, LinuxSyscall, RuntimeState } from "../../../src/oci/index.ts";
import { PlanBuilder } from "../../../src/plan/index.ts";
import { compileSeccomp } from "../../../src/runtime/seccomp/compile.ts";
import { addListener } from "../../../src/runtime/seccomp/listener.ts";
import { requires } from "../../support/skip.ts";
import { temporaryFolder } from "../../support/tmp.ts";
import { removeListener, startListener } from "./listener.ts";
import { compiler, payloadPath, removePayload } from "./payload.ts";

const test = requires(compiler);
afterAll(() => {
  removePayload();
  removeListener();
});

/** umask(2) */
const UMASK = process.arch === "arm64" ? 166 : 95;
const notify = (...names: string[]): LinuxSyscall => ({ names, action: "SCMP_ACT_NOTIFY" });
const kill = (...names: string[]): LinuxSyscall => ({ names, action: "SCMP_ACT_KILL_PROCESS" });
const state: RuntimeState = { ociVersion: "1.0.2", id: "box", status: "creating", bundle: "/b", annotations: {} };

interface Setting {
  readonly seccomp: Omit<LinuxSeccomp, "defaultAction" | "listenerPath"> & { defaultAction?: string };
  readonly socket: string;
  readonly argv: readonly string[];
  readonly state?: RuntimeState;
}

/** A process that stands for the container's first one, whose pid the state names, and one that becomes `argv` under the filter. */
function plan({ seccomp, socket, argv, state: given = state }: Setting): Uint8Array {
  const filter = compileSeccomp({ defaultAction: "SCMP_ACT_ALLOW", listenerPath: socket, ...seccomp });
  const builder = new PlanBuilder();
  const outside = builder.program("outside");
  const [ours, theirs, first, second] = [outside.slot(), outside.slot(), outside.slot(), outside.slot()];
  const listener = addListener(outside, filter, given);
  if (listener === undefined) throw new Error("the filter asks nobody");
  const subject = builder.program("subject", outside);
  const inside = builder.program("inside", outside);
  outside.add("socketpair", [ours, theirs]);
  outside.add("clone", [subject, 0, first, null, 1, 9]);
  outside.add("clone", [inside, 0, second, null, 0, 9]);
  outside.add("close", [listener.socket]);
  outside.add("close", [theirs]);
  outside.add("wait", [second]);
  outside.add("kill", [first, 9]);
  outside.add("exit", [256]);
  subject.add("close", [ours]).add("close", [listener.socket]).add("recv", [theirs, 1]);
  inside.add("prctl", [PR_SET_NO_NEW_PRIVS, 1, 0]);
  const alone = filter.flags & ~(SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_TSYNC_ESRCH);
  inside.add("seccomp_notify", [alone, filter.program, listener.socket, listener.state], {
    expand: true,
    note: "load it",
  });
  inside.add("reset_signals", []);
  inside.add("execve", [[argv[0] ?? ""], argv, ["PATH=/usr/bin:/bin"]], { note: "run it" });
  return builder.encode();
}

interface Outcome {
  readonly stdout: string;
  readonly exitCode: number;
}

function run(file: string, bytes: Uint8Array): Promise<Outcome> {
  writeFileSync(file, bytes);
  const child = Bun.spawn(
    ["sh", "-c", `exec "$0" 3 3<"$1"`, nativePath(process.arch === "arm64" ? "arm64" : "x64"), file],
    {
      stdio: ["ignore", "pipe", "pipe"],
      timeout: 20_000,
      killSignal: "SIGKILL",
    },
  );
  return Promise.all([new Response(child.stdout).text(), child.exited]).then(([stdout, exitCode]) => ({
    stdout: stdout.trim(),
    exitCode,
  }));
}

/** What the payload's umask(18) returned, and what the listener saw. */
async function ask(seccomp: Setting["seccomp"], answer: number | "continue", more: Partial<Setting> = {}, seconds = 0) {
  using folder = temporaryFolder();
  const socket = folder.join("socket");
  await using listener = await startListener(socket, answer, seconds);
  const argv = more.argv ?? [payloadPath(), "-", "0", "native", String(UMASK), "18"];
  const outcome = await run(folder.join("plan"), plan({ seccomp, socket, ...more, argv }));
  const [first = "", ...rest] = outcome.exitCode === 125 ? [] : await listener.lines;
  return { ...outcome, state: first === "" ? undefined : JSON.parse(first.slice("state ".length)), rest };
}

describe("a listener", () => {
  test("gets the descriptor with the state, and its answer is what the call returns", async () => {
    const { stdout, exitCode, state, rest } = await ask(
      { syscalls: [notify("umask")], listenerMetadata: "meta" },
      4711,
    );
    expect([stdout, exitCode]).toEqual(["4711", 0]);
    expect(rest).toEqual(["descriptors 1", `asked ${UMASK} 18`, "end"]);
    expect(state).toEqual({
      ociVersion: "1.3.0",
      fds: ["seccompFd"],
      pid: expect.any(Number),
      metadata: "meta",
      state: { ociVersion: "1.0.2", id: "box", status: "creating", pid: state.pid, bundle: "/b", annotations: {} },
    });
    expect(state.pid).toBeGreaterThan(1);
    expect(state.pid).toBeLessThan(2 ** 22);
  });

  test("may answer with an error, or let the kernel carry the call out", async () => {
    expect((await ask({ syscalls: [notify("umask")] }, -71)).stdout).toBe("-71");
    const { stdout, rest } = await ask({ syscalls: [notify("umask")] }, "continue");
    expect(Number(stdout)).toBeWithin(0, 0o1000);
    expect(rest).toContain(`asked ${UMASK} 18`);
  });

  test("may be asked about every call, execve included, and is when the default action says so", async () => {
    const EXECVE = process.arch === "arm64" ? 221 : 59;
    for (const seccomp of [{ defaultAction: "SCMP_ACT_NOTIFY" }, { syscalls: [notify("execve", "write", "umask")] }]) {
      const { stdout, rest } = await ask(seccomp, "continue");
      expect(Number(stdout)).toBeWithin(0, 0o1000);
      expect(rest.filter((line) => line.startsWith(`asked ${EXECVE} `))).toHaveLength(1);
    }
  });

  test("takes the flags, TSYNC too, without the thread that speaks to it coming under the filter", async () => {
    const flags = ["TSYNC", "LOG", "SPEC_ALLOW", "WAIT_KILLABLE_RECV"].map((name) => `SECCOMP_FILTER_FLAG_${name}`);
    const syscalls = [notify("umask"), kill("sendmsg", "nanosleep")];
    expect((await ask({ flags, syscalls }, 4711)).stdout).toBe("4711");
  });

  test("gets a state of any length, though the connection takes less at once", async () => {
    const long = { ...state, annotations: { long: "ä".repeat(1_000_000), "\u0001": "\u0002 \u0000" } };
    const result = await ask({ syscalls: [notify("umask")] }, 4711, { state: long }, 1);
    expect([result.stdout, result.rest[0]]).toEqual(["4711", "descriptors 1"]);
    expect(result.state.state).toEqual({ ...long, pid: result.state.pid });
  });
});

describe("handing over", () => {
  test("needs no call under the filter but those of the plan that come later", async () => {
    // what sending, waiting and ending would take
    const names = "sendmsg sendto sendmmsg nanosleep clock_nanosleep futex wait4 waitid clone3 exit close".split(" ");
    const { stdout } = await ask({ syscalls: [notify("umask"), kill(...names)] }, 4711, {
      argv: [payloadPath(), "-", "0", "direct", String(UMASK), "18"],
    });
    expect(stdout).toBe("4711");
  });

  test("leaves no process, no thread and no descriptor behind", async () => {
    const script =
      "ls /proc/$$/task | wc -l; ls /proc/$$/fd; read -r children < /proc/$$/task/$$/children; echo $children.";
    const { stdout } = await ask({ syscalls: [notify("umask")] }, 0, { argv: ["/bin/sh", "-c", script] });
    expect(stdout).toBe("1\n0\n1\n2\n.");
  });

  test("fails when nobody listens", async () => {
    using folder = temporaryFolder();
    const setting = { seccomp: { syscalls: [notify("umask")] }, socket: folder.join("nobody"), argv: ["/bin/true"] };
    expect((await run(folder.join("plan"), plan(setting))).exitCode).toBe(125);
  });

  test("fails when the listener goes away, though the filter would kill whoever reports it", async () => {
    using folder = temporaryFolder();
    const socket = folder.join("socket");
    using server = Bun.listen({ unix: socket, socket: { open: (connection) => connection.terminate(), data() {} } });
    expect(server.unix).toBe(socket);
    const long = { ...state, annotations: { long: "x".repeat(1_000_000) } };
    const seccomp = { syscalls: [notify("umask"), kill("write", "exit_group")] };
    const outcome = await run(folder.join("plan"), plan({ seccomp, socket, argv: ["/bin/true"], state: long }));
    expect(outcome).toEqual({ stdout: "", exitCode: 125 });
  });
});

/** `--security-opt seccomp=FILE`: a program in a real container tries what the profile refuses. */
import { afterAll, describe, expect } from "bun:test";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { SYS } from "../../src/linux/abi.gen.ts";
import { type LinuxSyscall, parseRuntimeConfig, type RuntimeConfig } from "../../src/oci/index.ts";
import { defaultProfile } from "../../src/runtime/seccomp/profile.ts";
import { removeListener, startListener } from "../runtime/seccomp/listener.ts";
import { compiler, i386, payloadPath, removePayload } from "../runtime/seccomp/payload.ts";
import { busybox } from "../support/busybox-image.ts";
import { crunRuns, runcRuns } from "../support/peers.ts";
import { executable, requires, subordinateIds, unprivileged, userNamespaces } from "../support/skip.ts";
import { box } from "./images.ts";

const it = box();
afterAll(() => {
  removePayload();
  removeListener();
});

const container = [compiler, executable, busybox, userNamespaces, subordinateIds];
const test = requires(...container);
const SIGSYS = 31;
/** umask(2) */
const UMASK = process.arch === "arm64" ? 166 : 95;
/** Newer than every call, for years. */
const UNKNOWN = 5000;

/** A profile with these rules, as a file. */
function profile(name: string, json: object): string {
  const file = it.person.folder.join(`${name}.json`);
  writeFileSync(file, JSON.stringify(json));
  return file;
}

const allowing = (...syscalls: LinuxSyscall[]) => ({ defaultAction: "SCMP_ACT_ALLOW", syscalls });

/** The call is made by the container's first process itself, without a child. */
async function attempt(json: object, number: number, ...args: number[]) {
  const file = profile("profile", json);
  return await it.run(
    ["--security-opt", `seccomp=${file}`, "-v", `${payloadPath()}:/payload:ro`],
    ["/payload", "-", "0", "direct", String(number), ...args.map(String)],
  );
}

describe("a profile of a file", () => {
  test("gives a refused call the errno that it names", async () => {
    for (const [errnoRet, printed] of [
      [71, "-71"],
      [undefined, "-1"],
      [0, "0"],
    ] as const) {
      const rule = { names: ["umask"], action: "SCMP_ACT_ERRNO", ...(errnoRet === undefined ? {} : { errnoRet }) };
      const { stdout, exitCode } = await attempt(allowing(rule), UMASK, 0o22);
      expect([stdout.trim(), exitCode]).toEqual([printed, 0]);
    }
  });

  test("looks at arguments", async () => {
    const args = [{ index: 0, op: "SCMP_CMP_EQ", value: 7 }];
    const rule = { names: ["umask"], action: "SCMP_ACT_ERRNO", errnoRet: 71, args };
    expect((await attempt(allowing(rule), UMASK, 7)).stdout.trim()).toBe("-71");
    expect((await attempt(allowing(rule), UMASK, 6)).stdout.trim()).toBe("18");
  });

  test("ends the program where it says so, with the status of SIGSYS", async () => {
    for (const action of ["KILL", "KILL_THREAD", "KILL_PROCESS", "TRAP"]) {
      const { stdout, exitCode } = await attempt(
        allowing({ names: ["umask"], action: `SCMP_ACT_${action}` }),
        UMASK,
        0o22,
      );
      expect([action, stdout, exitCode]).toEqual([action, "", 128 + SIGSYS]);
    }
  });

  test("lets a call pass that is only logged, and asks for a tracer that is not there", async () => {
    const flags = ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"];
    const logged = await attempt({ ...allowing({ names: ["umask"], action: "SCMP_ACT_LOG" }), flags }, UMASK, 0o22);
    expect([logged.stdout.trim(), logged.exitCode]).toEqual(["18", 0]);
    const traced = await attempt(allowing({ names: ["umask"], action: "SCMP_ACT_TRACE" }), UMASK, 0o22);
    expect([traced.stdout.trim(), traced.exitCode]).toEqual(["-38", 0]);
  });

  test("has a default for all that it does not name, and calls newer than it do not exist", async () => {
    // what a static program takes, and what a shell would not do without
    const names =
      `execve brk arch_prctl set_tid_address set_robust_list rseq prlimit64 readlinkat readlink getrandom mprotect
      mmap munmap newfstatat fstat write writev exit_group setsid rt_sigaction rt_sigprocmask close_range dup3 fcntl prctl
      wait4 clone close read openat ioctl statx`.split(/\s+/);
    const json = {
      defaultAction: "SCMP_ACT_ERRNO",
      defaultErrnoRet: 95,
      syscalls: [{ names, action: "SCMP_ACT_ALLOW" }],
    };
    expect((await attempt(json, UMASK, 0o22)).stdout.trim()).toBe("-95");
    expect((await attempt(json, UNKNOWN)).stdout.trim()).toBe("-38");
  });

  test("passes over unknown calls, and architectures of other machines", async () => {
    const rule = { names: ["no_such_call", "umask"], action: "SCMP_ACT_ERRNO", errnoRet: 71 };
    const architectures = ["SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64", "SCMP_ARCH_S390X", "SCMP_ARCH_LOONGARCH64"];
    expect((await attempt({ ...allowing(rule), architectures }, UMASK, 0o22)).stdout.trim()).toBe("-71");
  });

  test("with a mistake is one error that names the file or the field, and nothing runs", async () => {
    for (const [json, message] of [
      [{ defaultAction: "SCMP_ACT_DENY" }, "linux.seccomp.defaultAction: SCMP_ACT_DENY is not an action"],
      [allowing({ names: ["umask"], action: "SCMP_ACT_FORBID" }), "linux.seccomp.syscalls[0].action"],
      [{ ...allowing(), architectures: ["SCMP_ARCH_PDP11"] }, "linux.seccomp.architectures[0]"],
      [{ ...allowing(), flags: ["FAST"] }, "linux.seccomp.flags[0]"],
      [allowing({ names: ["umask"], action: "SCMP_ACT_NOTIFY" }), "linux.seccomp.listenerPath"],
    ] as const) {
      const { stdout, stderr, exitCode } = await attempt(json, UMASK);
      expect([stdout, exitCode, stderr.trim().split("\n")]).toEqual(["", 125, [expect.stringContaining(message)]]);
    }
  });
});

describe("a listener", () => {
  const notify = { names: ["umask"], action: "SCMP_ACT_NOTIFY" };
  const listening = (socket: string, ...more: LinuxSyscall[]) =>
    profile("listening", { ...allowing(notify, ...more), listenerPath: socket, listenerMetadata: "meta" });

  test("answers the container's calls, and is told who asks", async () => {
    // longer than a socket's address may be
    const folder = it.person.folder.join("x".repeat(90));
    mkdirSync(folder);
    const socket = `${folder}/agent.sock`;
    await using listener = await startListener(socket, 4711);
    // what handing over takes may be forbidden
    const kill = { names: ["sendmsg", "wait4", "nanosleep", "close"], action: "SCMP_ACT_KILL_PROCESS" };
    const flags = ["--security-opt", `seccomp=${listening(socket, kill)}`, "-v", `${payloadPath()}:/payload:ro`];
    const annotated = [...flags, "--annotation", "who=\u0001 me", "--cidfile", it.person.folder.join("cid")];
    const output = await it.output(annotated, ["/payload", "-", "0", "direct", String(UMASK), "18"]);
    expect(output).toBe("4711");
    const [first = "", ...rest] = await listener.lines;
    expect(rest).toEqual(["descriptors 1", `asked ${UMASK} 18`, "end"]);
    const state = JSON.parse(first.slice("state ".length));
    const id = readFileSync(it.person.folder.join("cid"), "utf8");
    expect(state).toMatchObject({ ociVersion: "1.3.0", fds: ["seccompFd"], metadata: "meta" });
    expect(state.state).toMatchObject({ id, status: "creating", pid: state.pid, annotations: { who: "\u0001 me" } });
    expect(state.state.bundle).toEndWith(`/${id}`);
    expect(state.pid).toBeGreaterThan(1);
  });

  test("leaves nothing behind in the container, with and without an init process", async () => {
    for (const init of [[], ["--init"]]) {
      const socket = it.person.folder.join(`leaves${init.length}.sock`);
      await using _listener = await startListener(socket, 0);
      const script =
        "cd /proc; for pid in 1 $$; do ls $pid/task | wc -l; ls $pid/fd; done; grep -l ^State:.Z */status; true";
      const flags = [...init, "--security-opt", `seccomp=${listening(socket)}`];
      const descriptors = "1\n0\n1\n2\n";
      expect(await it.output(flags, ["sh", "-c", script])).toBe(`${descriptors}${descriptors}`.trim());
    }
  });

  test("that is not there is one error that names the field, and nothing runs", async () => {
    const socket = it.person.folder.join("nobody.sock");
    const { stdout, stderr, exitCode } = await it.run(["--security-opt", `seccomp=${listening(socket)}`], ["true"]);
    expect([stdout, exitCode, stderr.trim().split("\n")]).toEqual([
      "",
      125,
      [expect.stringContaining(`linux.seccomp.listenerPath ${socket}`)],
    ]);
  });
});

describe("config.json", () => {
  /** Of a container that has run without an image, its root being `root`. */
  async function kept(name: string, flags: readonly string[]): Promise<{ root: string; config: RuntimeConfig }> {
    const root = it.person.folder.join(name);
    mkdirSync(root);
    copyFileSync(payloadPath(), `${root}/payload`);
    const cid = it.person.folder.join(`${name}.cid`);
    const all = ["run", "--network=none", "--cidfile", cid, ...flags, "--rootfs", root];
    await it.person.ok([...all, "/payload", "-", "0", "direct", String(SYS.mount)]);
    const id = readFileSync(cid, "utf8");
    const text = readFileSync(`${it.person.storage}/containers/${id}/config.json`, "utf8");
    return { root, config: await parseRuntimeConfig(text) };
  }

  test("has the profile, as the capabilities resolve it, and in full", async () => {
    const { config } = await kept("plain", []);
    const bounding = new Set(config.process?.capabilities?.bounding);
    expect(config.linux?.seccomp).toEqual(defaultProfile(bounding));
    const admin = await kept("admin", ["--cap-add", "SYS_ADMIN"]);
    expect(admin.config.linux?.seccomp).toEqual(defaultProfile(new Set([...bounding, "CAP_SYS_ADMIN"])));
    const value = 0xffff_ffff_ffff_fff7n;
    const args = [{ index: 0, op: "SCMP_CMP_EQ", value }];
    // JSON.stringify writes no bigint
    const json = JSON.stringify(allowing({ names: ["umask"], action: "SCMP_ACT_ERRNO", errnoRet: 71 }));
    const file = it.person.folder.join("exact.json");
    writeFileSync(
      file,
      json.replace('"errnoRet"', `"args":[{"index":0,"op":"SCMP_CMP_EQ","value":${value}}],"errnoRet"`),
    );
    const exact = await kept("exact", ["--security-opt", `seccomp=${file}`]);
    expect(exact.config.linux?.seccomp?.syscalls?.[0]?.args).toEqual(args);
    expect((await kept("open", ["--security-opt", "seccomp=unconfined"])).config.linux?.seccomp).toBeUndefined();
  });

  for (const [runtime, needs] of [
    ["crun --cgroup-manager=disabled", crunRuns],
    ["runc", runcRuns],
  ] as const) {
    requires(
      ...container,
      needs,
      unprivileged,
    )(`makes ${runtime} refuse what tsbox does`, async () => {
      const name = runtime.replaceAll(/[ =]/g, "-");
      for (const [suffix, flags, result] of [
        ["default", [], "-1"],
        ["open", ["--security-opt", "seccomp=unconfined"], "-14"],
      ] as const) {
        const { config } = await kept(`${name}-${suffix}`, flags);
        const bundle = it.person.folder.join(`${name}-${suffix}-bundle`);
        mkdirSync(bundle);
        // runc sets no groups in a user namespace that it makes itself
        const { additionalGids: _, ...user } = config.process?.user ?? { uid: 0, gid: 0 };
        writeFileSync(`${bundle}/config.json`, JSON.stringify({ ...config, process: { ...config.process, user } }));
        const id = `tsbox-test-${process.pid}-${suffix}`;
        const command = [...runtime.split(" "), "--root", `${bundle}/state`, "run", "--bundle", bundle, id];
        const env = { ...process.env, XDG_RUNTIME_DIR: bundle };
        const { stdout, stderr } = Bun.spawnSync(command, { env, stdin: "ignore" });
        expect([`${stdout}`.trim(), `${stderr}`]).toEqual([result, expect.not.stringContaining("level=error")]);
      }
    });
  }
});

describe("without a profile", () => {
  const direct = (flags: string[], number: number, ...args: number[]) =>
    it.output(
      [...flags, "-v", `${payloadPath()}:/payload:ro`],
      ["/payload", "-", "0", "direct", ...[number, ...args].map(String)],
    );
  const [EPERM, ENOSYS, EFAULT] = ["-1", "-38", "-14"];

  test("the default one refuses what reaches into the kernel, and capabilities open it", async () => {
    expect(await direct([], SYS.mount)).toBe(EPERM);
    expect(await direct([], SYS.clone3)).toBe(ENOSYS);
    expect(await direct(["--cap-add", "SYS_ADMIN"], SYS.mount)).toBe(EFAULT);
  });

  test("seccomp=unconfined and --privileged leave it out", async () => {
    const command = ["grep", "^Seccomp:", "/proc/self/status"];
    const filtered = async (...flags: string[]) => (await it.output(flags, command)).split("\t")[1];
    expect(await filtered()).toBe("2");
    const outer = /^Seccomp:\t(\d)/m.exec(await Bun.file("/proc/self/status").text())?.[1];
    expect(await filtered("--security-opt", "seccomp=unconfined")).toBe(outer);
    expect(await filtered("--privileged")).toBe(outer);
  });
});

requires(...container, i386)(
  "i386 calls are judged by their own numbers, and end the program where it is not named",
  async () => {
    const file = profile("i386", {
      ...allowing({ names: ["umask"], action: "SCMP_ACT_ERRNO", errnoRet: 71 }),
      architectures: ["SCMP_ARCH_X86"],
    });
    const none = profile("none", allowing({ names: ["umask"], action: "SCMP_ACT_ERRNO", errnoRet: 71 }));
    const I386_UMASK = "60";
    const run = (path: string) =>
      it.output(
        ["--security-opt", `seccomp=${path}`, "-v", `${payloadPath()}:/payload:ro`],
        ["/payload", "-", "0", "i386", I386_UMASK, "18"],
      );
    expect(await run(file)).toBe("-71");
    expect(await run(none)).toBe(`killed by ${SIGSYS}`);
  },
);

/** Hooks of all six kinds: when, where and with what they run. runtime-spec config.md, "POSIX-platform Hooks" */
import { expect } from "bun:test";
import { readlinkSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { box, test, until } from "./box.ts";
import { calls, type Hook, type HookKind, recorder, setHooks } from "./hook-scripts.ts";

const it = box();
const ORDER: readonly HookKind[] = [
  "prestart",
  "createRuntime",
  "createContainer",
  "startContainer",
  "poststart",
  "poststop",
];
/** Variables that a shell makes itself, busybox its PATH too. */
const OF_THE_SHELL = /^(PWD|SHLVL|_|OLDPWD)=|^PATH=\/sbin:\/usr\/sbin:\/bin:\/usr\/bin$/;
const annotations = { "org.example.note": "of the hooks' container" };

/** A bundle whose hooks, two of each kind, all append to one file: in the container it is /tmp/calls. */
function recorded(
  args: readonly string[] = ["sleep", "1000"],
  change: (hooks: Record<string, Hook[]>) => void = () => {},
) {
  const bundle = it.bundle({
    args,
    edit: (config) => {
      config.annotations = annotations;
      config.mounts.push({ destination: "/sys-hooks", type: "tmpfs", source: "tmpfs" });
    },
  });
  const log = join(bundle, "rootfs/tmp/calls");
  const host = recorder(join(bundle, "hook"), log);
  recorder(join(bundle, "rootfs/hook"), "/tmp/calls");
  const hooks = Object.fromEntries(
    ORDER.map((kind) => [
      kind,
      [1, 2].map((number) => ({
        path: kind === "startContainer" ? "/hook" : host,
        args: ["zeroth", `${kind}-${number}`, "a b", "", '"$HOME"'],
        env: [`KIND=${kind}`, "EMPTY=", "TWO=a=b c"],
      })),
    ]),
  );
  change(hooks);
  const config = JSON.parse(it.read(join(bundle, "config.json").slice(it.path("").length)));
  setHooks(config, hooks);
  writeFileSync(join(bundle, "config.json"), JSON.stringify(config));
  return { bundle, calls: () => calls(log), log };
}

const both = (...kinds: readonly HookKind[]) => kinds.flatMap((kind) => [`${kind}-1`, `${kind}-2`]);

test("each kind runs in its step, in order, with its arguments, environment and state", async () => {
  const { bundle, calls } = recorded();
  const id = it.id();
  await it.ok(["create", "--bundle", bundle, id], { env: { HOME: "/somewhere", SECRET: "of the caller" } });
  const { pid } = await it.state(id);
  const names = () => calls().map(({ name }) => name);
  expect(names()).toEqual(both("prestart", "createRuntime", "createContainer"));
  await it.ok(["start", id]);
  expect(names()).toEqual(both("prestart", "createRuntime", "createContainer", "startContainer", "poststart"));
  const namespaces = ["mnt", "user", "uts"].map((name) => readlinkSync(`/proc/${pid}/ns/${name}`)).join(",");
  const host = ["mnt", "user", "uts"].map((name) => readlinkSync(`/proc/self/ns/${name}`)).join(",");
  await it.ok(["kill", id, "KILL"]);
  await it.becomes(id, "stopped");
  expect(names()).not.toContain("poststop-1");
  await it.ok(["delete", id]);
  expect(names()).toEqual(both(...ORDER));
  const status: Record<string, string> = { startContainer: "created", poststart: "running", poststop: "stopped" };
  for (const { name, argv, env, state, ...call } of calls()) {
    const [kind = ""] = name.split("-");
    // the kernel puts the script in the place of argv[0]
    const script = kind === "startContainer" ? "/hook" : join(bundle, "hook");
    expect(argv).toBe(`[${script}][${name}][a b][]["$HOME"]`);
    expect(
      env
        .trim()
        .split(" ")
        .filter((word) => !OF_THE_SHELL.test(word)),
    ).toEqual([`KIND=${kind}`, "EMPTY=", "TWO=a=b", "c"]);
    const expected = { ociVersion: "1.0.2", id, bundle, annotations, status: status[kind] ?? "creating" };
    const inside = kind === "createContainer" || kind === "startContainer";
    // runtime.md, "State": hooks in the container's namespaces are told the pid that the container sees
    const process = kind === "poststop" ? {} : { pid: inside ? 1 : pid };
    expect([name, state]).toEqual([name, { ...expected, ...process }]);
    expect([name, call.namespaces]).toEqual([name, inside ? namespaces : host]);
  }
});

test("run calls them all, in the foreground and detached", async () => {
  const foreground = recorded(["true"]);
  await it.ok(["run", "--bundle", foreground.bundle, it.id()]);
  expect(foreground.calls().map(({ name }) => name)).toEqual(both(...ORDER));
  const detached = recorded();
  const id = it.id();
  await it.ok(["run", "--detach", "--bundle", detached.bundle, id]);
  expect(detached.calls().map(({ name }) => name)).toEqual(both(...ORDER).slice(0, -2));
  await it.ok(["delete", "--force", id]);
  expect(detached.calls().map(({ name }) => name)).toEqual(both(...ORDER));
});

test("createContainer finds its program on the host, startContainer in the container", async () => {
  const { bundle, calls } = recorded();
  rmSync(join(bundle, "rootfs/hook"));
  const id = it.id();
  await it.ok(["create", "--bundle", bundle, id]);
  expect(calls().map(({ name }) => name)).toContain("createContainer-2");
  expect(await it.fails(["start", id])).toContain("cannot run the startContainer hook /hook");
});

test("mounts are there for createContainer, before the root is changed", async () => {
  const bundle = it.bundle({
    edit: (config) => {
      config.mounts.push({ destination: "/mounted", type: "tmpfs", source: "tmpfs" });
      // the container's mounts, seen from the host's root
      const script = "cut -d' ' -f5 /proc/self/mountinfo > $0/seen; exit 0";
      setHooks(config, { createContainer: [{ path: "/bin/sh", args: ["sh", "-c", script, it.path("")] }] });
    },
  });
  const id = it.id();
  await it.ok(["create", "--bundle", bundle, id]);
  expect(it.read("seen").split("\n")).toContain(`${bundle}/rootfs/mounted`);
  await it.ok(["delete", "--force", id]);
});

test("a hook without args has its path as argv[0]; one that does not read its input is no failure", async () => {
  const bundle = it.bundle({
    edit: (config) => {
      // longer than a pipe holds
      config.annotations = { long: "x".repeat(200_000) };
      setHooks(config, {
        prestart: [{ path: "/bin/true" }],
        createRuntime: [{ path: "/bin/sh", args: ["sh", "-c", `head -c 10 > ${it.path("head")}`] }],
        createContainer: [{ path: "/bin/sh", args: ["sh", "-c", `wc -c > ${it.path("count")}`] }],
        poststart: [{ path: "/bin/true" }],
        poststop: [{ path: "/bin/sh", args: ["sh", "-c", `wc -c > ${it.path("last")}`] }],
      });
    },
  });
  const id = it.id();
  await it.ok(["create", "--bundle", bundle, id]);
  expect(it.read("head")).toBe('{"ociVersi');
  expect(Number(it.read("count"))).toBeGreaterThan(200_000);
  await it.ok(["start", id]);
  await it.becomes(id, "stopped");
  await it.ok(["delete", id]);
  expect(Number(it.read("last"))).toBeGreaterThan(200_000);
});

test("what hooks print is not in the output of tsbox or the container", async () => {
  const hook = { path: "/bin/sh", args: ["sh", "-c", "echo said; echo complained >&2"] };
  const bundle = it.bundle({
    args: ["echo", "the program"],
    edit: (config) => setHooks(config, Object.fromEntries(ORDER.map((kind) => [kind, [hook]]))),
  });
  expect(await it.run(["run", "--bundle", bundle, it.id()])).toEqual({
    exitCode: 0,
    stdout: "the program\n",
    stderr: "",
  });
});

test("hooks hold no descriptor of tsbox's, and signals do as they do elsewhere", async () => {
  const script = `ls -l /proc/self/fd | grep -v -e total -e /proc/ > ${it.path("fds")}; grep -E 'Sig(Blk|Ign)' /proc/self/status > ${it.path("signals")}; exit 0`;
  const bundle = it.bundle({
    edit: (config) => setHooks(config, { createRuntime: [{ path: "/bin/sh", args: ["sh", "-c", script] }] }),
  });
  const id = it.id();
  await it.ok(["create", "--bundle", bundle, id]);
  await until(() => it.read("signals") !== "", "the hook");
  expect(it.read("signals")).toBe("SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
  const numbers = [...it.read("fds").matchAll(/ (\d+) -> /g)].map(([, number]) => number);
  expect(numbers.filter((number) => Number(number) > 2)).toEqual([]);
  await it.ok(["delete", "--force", id]);
});

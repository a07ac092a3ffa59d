import { expect, test } from "bun:test";
import type { RuntimeConfig } from "../../src/oci/index.ts";
import type { CompileOptions } from "../../src/runtime/index.ts";
import { explainForeground } from "../support/explain-foreground.ts";

const mapping = {
  kind: "subuid",
  name: "test",
  uids: [
    { container: 0, host: 1000, count: 1 },
    { container: 1, host: 100000, count: 65536 },
  ],
  gids: [
    { container: 0, host: 1000, count: 1 },
    { container: 1, host: 100000, count: 65536 },
  ],
} as const;

const minimal: RuntimeConfig = {
  ociVersion: "1.3.0",
  process: { user: { uid: 0, gid: 0 }, args: ["true"], env: ["PATH=/bin"], cwd: "/", noNewPrivileges: true },
  root: { path: "rootfs" },
  mounts: [{ destination: "/proc", type: "proc", source: "proc" }],
  linux: { namespaces: [{ type: "pid" }, { type: "mount" }] },
};

const networked: RuntimeConfig = {
  ...minimal,
  linux: { namespaces: [{ type: "pid" }, { type: "mount" }, { type: "network" }] },
};

const compile = (config: RuntimeConfig, options: Partial<CompileOptions> = {}): Promise<string> =>
  explainForeground(config, { mapping, ...options });

/** The operations of one program, by name. */
function operations(text: string, program: string): string[] {
  const block = text.split(`${program}:\n`)[1]?.split("\n\n")[0] ?? "";
  return block.split("\n").map((line) => line.trim().split(/\s+/)[1] ?? "");
}

const withProcess = (changes: object): RuntimeConfig => ({
  ...minimal,
  process: { ...minimal.process, ...changes } as never,
});

test("the same container compiles to the same plan, byte for byte", async () => {
  expect(await compile(minimal)).toBe(await compile(minimal));
});

test("ids are mapped before the first process does anything that takes them", async () => {
  const text = await compile(networked);
  const inside = operations(text, "inside");
  expect(inside.slice(0, inside.indexOf("recv_identity"))).toEqual(["close", "unshare", "send", "loopback_up"]);
  const outside = operations(text, "outside");
  expect(outside.indexOf("send_subject")).toBeGreaterThan(outside.lastIndexOf("wait_success"));
});

test("the supervisor goes on when the first process has made the namespaces that it makes while its ids are mapped", async () => {
  const outside = operations(await compile(minimal), "outside");
  expect(outside.indexOf("recv")).toBe(outside.indexOf("send_subject") - 1);
});

test("namespaces are made with the process where no helper maps its ids", async () => {
  const text = await compile(networked, { mapping: { ...mapping, kind: "single" } });
  const inside = operations(text, "inside");
  expect(inside.slice(0, 2)).toEqual(["close", "recv_identity"]);
  expect(inside.filter((name) => name === "loopback_up")).toHaveLength(1);
  expect(text).toMatch(/ clone .*flags=[^ ]*CLONE_NEWNET/);
});

test("the old root is gone before anything of the process is set", async () => {
  const inside = operations(await compile(minimal), "inside");
  expect(inside.indexOf("umount2")).toBeGreaterThan(inside.indexOf("pivot_root"));
  expect(inside.indexOf("capset")).toBeGreaterThan(inside.indexOf("umount2"));
});

test("descriptors are closed, privileges gone and the filter on before the program runs", async () => {
  const seccomp = { program: new Uint8Array(8), flags: 0 };
  const inside = operations(await compile(minimal, { seccomp }), "inside");
  const [close, caps, filter, exec] = ["close_others", "capset", "seccomp", "execve"].map((name) =>
    inside.lastIndexOf(name),
  );
  expect([close, caps, filter].every((at) => at !== undefined && at > 0 && at < (exec ?? 0))).toBeTrue();
  expect(inside.at(-1)).toBe("execve");
});

test("without no_new_privs the filter is loaded last too, with CAP_SYS_ADMIN, which is given up before the program runs", async () => {
  const seccomp = { program: new Uint8Array(8), flags: 0 };
  const text = await compile(withProcess({ noNewPrivileges: false, capabilities: {} }), { seccomp });
  expect(operations(text, "inside").slice(-3)).toEqual(["seccomp", "capset", "execve"]);
  const [before, after, ...more] = text.split("\n").filter((line) => line.includes(" capset "));
  expect(before).toContain("effective=0x200000 permitted=0x200000 inheritable=0x0");
  expect(after).toContain("effective=0x0 permitted=0x0 inheritable=0x0");
  expect(more).toEqual([]);
});

test("a user who is not mapped is refused by number", async () => {
  await expect(compile(withProcess({ user: { uid: 70000, gid: 0 } }))).rejects.toThrow("uid 70000");
});

test.each([
  // compileForeground is for containers of images, which have none
  ["hooks", { hooks: { poststart: [{ path: "/bin/true" }] } }],
  ["linux.timeOffsets", { linux: { ...minimal.linux, timeOffsets: { monotonic: { secs: 1 } } } }],
])("%s is refused by name", async (field, changes) => {
  await expect(compile({ ...minimal, ...changes } as RuntimeConfig)).rejects.toThrow(field);
});

test.each(["/proc/self/attr", "/proc/sys/kernel", "/proc"])(
  "CVE-2019-16884: nothing may be bound over %s",
  (destination) => {
    const mounts = [{ destination, type: "bind", source: "/tmp", options: ["bind"] }];
    expect(compile({ ...minimal, mounts })).rejects.toThrow("mounts[0]");
  },
);

test("a mount over the root is refused", async () => {
  await expect(compile({ ...minimal, mounts: [{ destination: "/./", type: "tmpfs" }] })).rejects.toThrow(
    "cannot mount over the root",
  );
});

test("strings of users cannot smuggle placeholders of plans", async () => {
  const text = await compile(withProcess({ args: ["sh", "\x01\x02"] }));
  expect(text).toContain(JSON.stringify("\x01\x02"));
  expect(text).not.toContain('"sh", "{pid}');
});

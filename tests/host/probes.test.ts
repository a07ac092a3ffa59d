import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import {
  fileSystemName,
  mountTrialOverlay,
  probeCgroups,
  probeDevice,
  probeIds,
  probeKernel,
  probeMemfdExec,
  probeNamespaces,
  probeOverlay,
  probeProgram,
  probeStorage,
  probeUserNamespace,
  readSecurityModules,
  tryInNamespace,
} from "../../src/host/index.ts";
import { versionIn } from "../../src/host/programs.ts";
import { chooseMapping } from "../../src/idmap/index.ts";
import { writeHostFiles } from "../support/made-up-host.ts";
import { native, program, requires, subordinateIds, unprivileged, userNamespaces } from "../support/skip.ts";
import { temporaryFolder } from "../support/tmp.ts";

describe("kernel", () => {
  test.each([
    ["5.12.0", true],
    ["5.11.22-generic", false],
    ["6.1.0-13-amd64", true],
    ["4.18.0-553.el8.x86_64", false],
    ["10.0", true],
    ["", false],
  ])("%j is enough: %p", (release, ok) => {
    using folder = temporaryFolder();
    const probe = probeKernel(writeHostFiles(folder.path, { "/proc/sys/kernel/osrelease": `${release}\n` }));
    expect(probe.ok).toBe(ok);
    expect(probe.value.release).toBe(release);
  });
  test("this machine's is read", () => {
    expect(probeKernel().value.release).toBe(readFileSync("/proc/sys/kernel/osrelease", "utf8").trim());
  });
  test("missing namespaces are named", () => {
    const probe = probeNamespaces((path) => !path.endsWith("/time") && !path.endsWith("/cgroup"));
    expect(probe.ok).toBe(false);
    expect(probe.why).toBe("the kernel has no cgroup and no time namespaces");
  });
  test("vm.memfd_noexec forbids only at 2", () => {
    for (const [value, ok] of [
      ["0", true],
      ["1", true],
      ["2", false],
    ] as const) {
      using folder = temporaryFolder();
      expect(probeMemfdExec(writeHostFiles(folder.path, { "/proc/sys/vm/memfd_noexec": `${value}\n` })).ok).toBe(ok);
    }
  });
});

describe("programs and devices", () => {
  test.each([
    ["slirp4netns version 1.2.0\ncommit: 656\n", "slirp4netns", "1.2.0"],
    [
      "fusermount3 version: 3.14.0\nfuse-overlayfs: version 1.10\nFUSE library version 3.14.0\n",
      "fuse-overlayfs",
      "1.10",
    ],
    ["pasta 0.0~git20250503.587980c-2\nCopyright Red Hat\n", "pasta", "0.0~git20250503.587980c-2"],
    ["pasta unknown version\nCopyright Red Hat\n", "pasta", "unknown version"],
    ["", "x", "unknown version"],
  ])("the version in %j of %s is %s", (text, name, version) => {
    expect(versionIn(text, name)).toBe(version);
  });
  test("a program that is not there is named with its package", async () => {
    const probe = await probeProgram("tsbox-no-such-program");
    expect(probe).toMatchObject({ ok: false, why: "tsbox-no-such-program is not installed" });
    expect(probe.remedy).toContain("apt-get install tsbox-no-such-program");
  });
  test("a device is really opened", () => {
    expect(probeDevice("/dev/null", "null").ok).toBe(true);
    expect(probeDevice("/dev/tsbox-none", "tun")).toMatchObject({
      ok: false,
      why: "/dev/tsbox-none: no such file or directory",
      remedy: "an administrator runs: modprobe tun (in a container: --device /dev/tsbox-none)",
    });
  });
});

describe("storage", () => {
  test("the file system is the one that stat(1) names, found through folders that are not there yet", () => {
    using folder = temporaryFolder();
    const { value } = probeStorage(`${folder.path}/not/yet`);
    const { stdout } = Bun.spawnSync(["stat", "-f", "-c", "%t", folder.path]);
    expect(value.path).toBe(folder.path);
    expect(value.type).toBe(fileSystemName(Number.parseInt(stdout.toString(), 16)));
    expect(readdirSync(folder.path)).toEqual([]);
  });
  test("file systems have names, and unknown ones their number", () => {
    expect([0xef53, 0x6969, 0x0bd00bd0, 0x47504653, 0x1234].map(fileSystemName)).toEqual([
      "ext4",
      "nfs",
      "lustre",
      "gpfs",
      "0x1234",
    ]);
  });
});

test("a host without systemd's user manager and without cgroup v2 or a delegation says so", () => {
  const probe = probeCgroups({ XDG_RUNTIME_DIR: "/nonexistent" });
  expect(probe.value.userManager).toBe(false);
  if (!probe.ok) expect(probe.remedy).toMatch(/^(an administrator|log in)/);
});
test("security modules are read from where the kernel shows them", () => {
  using folder = temporaryFolder();
  writeHostFiles(folder.path, { "/sys/fs/selinux/enforce": "1", "/proc/sys/kernel/yama/ptrace_scope": "2\n" });
  expect(readSecurityModules(folder.path)).toMatchObject({ selinux: "enforcing", apparmor: false, yama: 2 });
});

describe("user namespaces", () => {
  const real = requires(native, userNamespaces);
  real("are really made", async () => {
    expect(await probeUserNamespace()).toEqual({ ok: true, value: true });
  });
  requires(
    native,
    userNamespaces,
    subordinateIds,
    unprivileged,
  )("get all subordinate ids", async () => {
    const probe = await probeIds();
    expect(probe.ok).toBe(true);
    expect(probe.value.count).toBeGreaterThanOrEqual(65536);
    expect(probe.value.mapping.kind).toBe("subuid");
  });
  real("a failed step is named with the kernel's answer", async () => {
    const result = await tryInNamespace(chooseMapping({ mode: "single" }).mapping, (inside) =>
      inside.add("chdir", ["/tsbox-none"], { note: "enter /tsbox-none" }),
    );
    expect(result).toMatchObject({ ok: false, step: "enter /tsbox-none", errno: "ENOENT" });
  });
  requires(
    native,
    userNamespaces,
    unprivileged,
  )("a mapping that newuidmap refuses is told with its words", async () => {
    const mapping = chooseMapping({ mode: "single" }).mapping;
    const foreign = { ...mapping, kind: "subuid" as const, uids: [{ container: 0, host: 1, count: 5 }] };
    expect(await tryInNamespace(foreign)).toMatchObject({
      ok: false,
      step: "map user ids with newuidmap",
      log: expect.stringContaining("newuidmap"),
    });
  });
  test("a refusal is explained", async () => {
    const probe = await probeUserNamespace(async () => ({
      ok: false,
      step: "make a user namespace",
      errno: "ENOSPC",
      log: "",
    }));
    expect(probe.ok).toBe(false);
    expect(probe.why).toStartWith("cannot make a user namespace: ");
    expect(probe.remedy).toContain("user.max_user_namespaces");
  });
});

describe("overlay", () => {
  requires(native, userNamespaces)("the trial mounts, writes through, and leaves nothing", async () => {
    using folder = temporaryFolder();
    const result = await mountTrialOverlay(`${folder.path}/store`, chooseMapping().mapping);
    expect(result).toEqual({ ok: true });
    expect(readdirSync(`${folder.path}/store/tmp`)).toEqual([]);
    expect(statSync(`${folder.path}/store`).mode & 0o777).toBe(0o700);
    expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(folder.path);
  });
  test("the answer is remembered per kernel, and asked again with fresh", async () => {
    using folder = temporaryFolder();
    let asked = 0;
    const tryOverlay = async () => {
      asked++;
      return { ok: false, step: "mount an overlay", errno: "EPERM", log: "" } as const;
    };
    const first = await probeOverlay(folder.path, { tryOverlay });
    const second = await probeOverlay(folder.path, { tryOverlay });
    expect(first.why).toStartWith("cannot mount an overlay: the kernel does not allow");
    expect(second).toEqual(first);
    expect(asked).toBe(1);
    await probeOverlay(folder.path, { tryOverlay, fresh: true });
    expect(asked).toBe(2);
    const cache = `${folder.path}/host-probes.json`;
    writeFileSync(cache, readFileSync(cache, "utf8").replace(/"kernel":"[^"]*"/, '"kernel":"1.0"'));
    await probeOverlay(folder.path, { tryOverlay });
    expect(asked).toBe(3);
  });
  test("a damaged memory is no memory", async () => {
    for (const text of ["{", "null", '{"kernel":1}', '{"kernel":"x","answers":{"a":1}}']) {
      using folder = temporaryFolder();
      writeFileSync(`${folder.path}/host-probes.json`, text);
      expect((await probeOverlay(folder.path, { tryOverlay: async () => ({ ok: true }) })).ok).toBe(true);
    }
  });
});

requires(
  native,
  userNamespaces,
  program("setpriv"),
)("no_new_privs is noticed, because newuidmap would be powerless", () => {
  const script = `import { chooseMapping } from "${import.meta.dir}/../../src/idmap/index.ts";
    console.log(JSON.stringify(chooseMapping({ mode: "auto" }, { uid: 1000, gid: 1000 }).reason))`;
  const { stdout } = Bun.spawnSync(["setpriv", "--no-new-privs", process.execPath, "-e", script]);
  expect(JSON.parse(stdout.toString()).code).toMatch(/^no-/);
});

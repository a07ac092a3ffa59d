/** What a program of a bundle's container must not have of its caller or its host: rights, groups, keys, variables. */
import { expect } from "bun:test";
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../scripts/build-native.ts";
import { box, needs, test } from "../runtime/lifecycle/box.ts";
import type { BundleConfig } from "../support/bundle.ts";
import { type Requirement, requires, subordinateIds } from "../support/skip.ts";
import { withSubordinateIds } from "./support/subordinate-ids.ts";

const it = box();
const sh = (script: string) => ["sh", "-c", script];
const testMapped = requires(...needs, subordinateIds);
const keyrings: Requirement = { what: "a kernel with keyrings", inCI: false, met: () => existsSync("/proc/keys") };
const testKeys = requires(...needs, keyrings);

const run = async (args: readonly string[], edit: (config: BundleConfig) => void = () => {}) =>
  await it.run(["run", "--bundle", it.bundle({ args, edit }), it.id()]);

for (const advisory of ["CVE-2022-29162", "CVE-2022-27649", "CVE-2022-27650", "CVE-2022-27651"]) {
  test(`${advisory}: no capability is inheritable where config.json gives none, nor for exec --cap`, async () => {
    const sets = {
      bounding: ["CAP_CHOWN", "CAP_KILL"],
      effective: ["CAP_CHOWN"],
      permitted: ["CAP_CHOWN", "CAP_KILL"],
    };
    const show = sh("busybox grep -E '^Cap(Inh|Amb):' /proc/self/status");
    const none = "CapInh:\t0000000000000000\nCapAmb:\t0000000000000000\n";
    const edit = (config: BundleConfig) => {
      config.process.capabilities = sets;
    };
    expect((await run(show, edit)).stdout).toBe(none);
    expect((await run(show)).stdout).toBe(none);
    const id = await it.started({ args: ["sleep", "1000"], edit });
    expect(await it.ok(["exec", id, ...show])).toBe(none);
    expect(await it.ok(["exec", "--cap", "CAP_NET_RAW", "--cap", "SYS_PTRACE", id, ...show])).toBe(none);
    await it.ok(["delete", "--force", id]);
  });
}

for (const advisory of ["CVE-2026-30892", "CVE-2024-40635", "CVE-2026-46680"]) {
  testMapped(`${advisory}: a user is exactly who was asked for, or refused`, async () => {
    const id = await it.started({ args: ["sleep", "1000"], edit: withSubordinateIds });
    for (const [user, ids] of [
      ["1", "1:0"],
      ["1:2", "1:2"],
      ["007", "7:0"],
    ] as const) {
      expect(await it.ok(["exec", "-u", user, id, ...sh("echo $(id -u):$(id -g)")])).toBe(`${ids}\n`);
    }
    const bad = [
      "-1",
      "1x",
      "0x1",
      "1:",
      ":1",
      ":",
      " 1",
      "1 ",
      "+1",
      "1e0",
      "4294967295",
      "4294967296",
      "4294967297:0",
      "1:4294967296",
      "18446744073709551616",
      "root",
      "1:2:3",
      "1.0",
    ];
    for (const user of bad) {
      const { exitCode, stdout } = await it.run(["exec", "-u", user, id, "id", "-u"]);
      expect([user, exitCode, stdout]).toEqual([user, 255, ""]);
    }
    for (const user of [
      { uid: -1, gid: 0 },
      { uid: 4_294_967_296, gid: 0 },
      { uid: 1.5, gid: 0 },
      { uid: "1", gid: 0 },
      { uid: 0, gid: 0, additionalGids: [-1] },
      { uid: 0, gid: 0, additionalGids: [4_294_967_296] },
    ]) {
      const file = it.path("user.json");
      writeFileSync(file, JSON.stringify({ args: ["id", "-u"], cwd: "/", env: ["PATH=/bin"], user }));
      const { exitCode, stdout } = await it.run(["exec", "--process", file, id]);
      expect([user, exitCode, stdout]).toEqual([user, 255, ""]);
      const edit = (config: BundleConfig) => Object.assign(config.process, { user });
      const own = await run(["id", "-u"], edit);
      expect([user, own.exitCode, own.stdout]).toEqual([user, 1, ""]);
    }
    await it.ok(["delete", "--force", id]);
  });
}

testMapped(
  "negative groups: a program has the groups of config.json and none of its caller's, in exec too",
  async () => {
    const edit = (config: BundleConfig) => {
      withSubordinateIds(config);
      Object.assign(config.process.user, { uid: 5, gid: 6, additionalGids: [7, 8] });
    };
    const groups = sh("busybox grep ^Groups: /proc/self/status");
    expect((await run(groups, edit)).stdout.trim()).toBe("Groups:\t7 8");
    expect((await run(groups, withSubordinateIds)).stdout.trim()).toBe("Groups:");
    const id = await it.started({ args: ["sleep", "1000"], edit });
    expect((await it.ok(["exec", id, ...groups])).trim()).toBe("Groups:\t7 8");
    expect((await it.ok(["exec", "-g", "9", id, ...groups])).trim()).toBe("Groups:\t9");
    await it.ok(["delete", "--force", id]);
  },
);

testKeys(
  "keyrings: the caller's session keyring, and the keys in it, are not in the container or in exec",
  async () => {
    // the keyring of this call's caller, with a secret in it
    const under = [process.execPath, join(ROOT, "tests/security/support/with-secret-key.ts")];
    const list = sh("cat /proc/keys");
    const bundle = it.bundle({ args: list });
    const own = await it.run(["run", "--bundle", bundle, it.id()], { under });
    expect(own).toMatchObject({ exitCode: 0, stderr: "" });
    expect(own.stdout).not.toContain("tsbox-secret-key");
    const id = await it.started();
    for (const flags of [[], ["--cwd", "/tmp"]]) {
      const { exitCode, stdout } = await it.run(["exec", ...flags, id, ...list], { under });
      expect([exitCode, stdout.includes("tsbox-secret-key")]).toEqual([0, false]);
      expect(stdout).toContain(`_ses.${id}`);
    }
    await it.ok(["delete", "--force", id]);
    // what these look for can be seen where it is asked for
    const kept = await it.run(["run", "--no-new-keyring", "--bundle", bundle, it.id()], { under });
    expect(kept.stdout).toContain("tsbox-secret-key");
  },
);

for (const advisory of ["CVE-2026-57231", "CVE-2021-3602"]) {
  test(`${advisory}: no variable of the caller reaches a program, by run, create or exec`, async () => {
    const env = {
      SECRET: "of the caller",
      LD_PRELOAD: "",
      HTTP_PROXY: "http://proxy",
      NOTIFY_SOCKET: "/run/x",
      LISTEN_PID: "1",
    };
    const show = sh("busybox env");
    const own = ({ stdout }: { stdout: string }) =>
      stdout.split("\n").filter((line) => line !== "" && !/^(PATH=\/bin|PWD=|SHLVL=|_=|OLDPWD=)/.test(line));
    const call = { env };
    expect(own(await it.run(["run", "--bundle", it.bundle({ args: show }), it.id()], call))).toEqual([]);
    const id = await it.create({ args: sh("busybox env > /tmp/env; sleep 1000") }, [], call);
    const bundle = (await it.state(id)).bundle;
    await it.ok(["start", id], call);
    expect(own(await it.run(["exec", id, ...show], call))).toEqual([]);
    expect(own({ stdout: readFileSync(join(bundle, "rootfs/tmp/env"), "utf8") })).toEqual([]);
    expect(readFileSync(`/proc/${(await it.state(id)).pid}/environ`, "utf8")).not.toContain("SECRET");
    await it.ok(["delete", "--force", id]);
  });
}

for (const advisory of ["CVE-2025-23266", "CVE-2025-23267", "CVE-2024-0132"]) {
  test(`${advisory}: hooks of the host have no variable and no descriptor of the container's or the caller's`, async () => {
    const kinds = ["prestart", "createRuntime", "createContainer", "poststart", "poststop"];
    const seen = it.path(`seen-${advisory}`);
    const hook = it.path(`hook-${advisory}`);
    writeFileSync(
      hook,
      `#!/bin/sh\n{ echo "$1"; env; ls -l /proc/self/fd | grep -e state -e "-> /$"; } >> ${seen}; true\n`,
    );
    chmodSync(hook, 0o755);
    const id = await it.create(
      {
        args: ["sleep", "1000"],
        edit: (config) => {
          config.process.env.push("LD_PRELOAD=/evil.so", "LD_LIBRARY_PATH=/evil", "BASH_ENV=/evil");
          config.hooks = Object.fromEntries(kinds.map((kind) => [kind, [{ path: hook, args: ["hook", kind] }]]));
        },
      },
      [],
      { env: { SECRET: "of the caller", LD_AUDIT: "" } },
    );
    await it.ok(["start", id], { env: { SECRET: "of the caller" } });
    await it.ok(["delete", "--force", id], { env: { SECRET: "of the caller" } });
    const lines = readFileSync(seen, "utf8").trimEnd().split("\n");
    expect(lines.filter((line) => !/^(PWD|SHLVL|_|OLDPWD|PATH)=/.test(line))).toEqual(kinds);
  });
}

for (const advisory of ["CVE-2026-53488", "CVE-2026-53492"]) {
  test(`${advisory}: annotations are for hooks to read: none is an option for the host`, async () => {
    const marker = it.path(`annotated-${advisory}`);
    const annotations = {
      "run.oci.hooks.stdout": marker,
      "run.oci.hooks.stderr": marker,
      "run.oci.keep_original_groups": "1",
      "run.oci.handler": "krun",
      "run.oci.seccomp_bpf_data": "AAAA",
      "run.oci.mount_context_type": "rootcontext",
      "org.systemd.property.ExecStartPre": `['/bin/touch', '${marker}']`,
      "io.katacontainers.config.hypervisor.path": "/bin/sh",
      "org.criu.config": marker,
    };
    const { exitCode, stdout } = await run(sh("busybox grep -c . /proc/self/mountinfo; echo ran"), (config) => {
      config.annotations = annotations;
      config.hooks = { createRuntime: [{ path: "/bin/echo", args: ["echo", "printed"] }] };
    });
    expect([exitCode, stdout.endsWith("ran\n"), existsSync(marker)]).toEqual([0, true, false]);
  });
}

test("seccomp: a filter holds for exec, whatever process it is given, and no joining process passes it by", async () => {
  const id = await it.started({
    args: ["sleep", "1000"],
    edit: (config) => {
      config.linux.seccomp = {
        defaultAction: "SCMP_ACT_ALLOW",
        syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 1 }],
      };
    },
  });
  const attack = sh("busybox mkdir /tmp/made; busybox grep ^Seccomp: /proc/self/status");
  expect((await it.run(["exec", id, ...attack])).stdout).toBe("Seccomp:\t2\n");
  const file = it.path("process.json");
  const user = { uid: 0, gid: 0 };
  writeFileSync(file, JSON.stringify({ args: attack, cwd: "/", env: ["PATH=/bin"], user, noNewPrivileges: false }));
  expect((await it.run(["exec", "--process", file, id])).stdout).toBe("Seccomp:\t2\n");
  await it.ok(["delete", "--force", id]);
});

for (const advisory of ["CVE-2025-65105", "CVE-2025-64750"]) {
  test(`${advisory}: a label that cannot be set is an error, in config.json and for exec`, async () => {
    const id = await it.started();
    for (const [field, flag] of [
      ["apparmorProfile", "--apparmor"],
      ["selinuxLabel", "--process-label"],
    ] as const) {
      const own = await run(["echo", "ran"], (config) => {
        config.process[field] = "tsbox-no-such-profile";
      });
      expect([own.exitCode, own.stdout]).toEqual([1, ""]);
      expect(own.stderr).toContain(field);
      expect(await it.fails(["exec", flag, "tsbox-no-such-profile", id, "echo", "ran"], 255)).toContain(field);
    }
    await it.ok(["delete", "--force", id]);
  });
}

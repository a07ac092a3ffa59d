/** Fields of config.json that take the rights of root. */
import { describe, expect } from "bun:test";
import { chmodSync, chownSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { BundleConfig } from "../support/bundle.ts";
import { runBundle } from "../support/run-bundle.ts";
import { requires, root } from "../support/skip.ts";

const test = requires(root);
const run = (script: string, edit: (config: BundleConfig) => void) => runBundle(script, { asRoot: true, edit });

describe("process.scheduler", () => {
  /** proc_pid_stat(5): rt_priority is field 40, policy 41. */
  function scheduling(scheduler: object) {
    const { stdout, stderr } = run("exec cat /proc/self/stat", (config) => {
      config.process.scheduler = scheduler;
    });
    const fields = stdout.split(") ")[1]?.split(" ") ?? [];
    return { stderr, priority: Number(fields[37]), policy: Number(fields[38]) };
  }

  test("SCHED_FIFO and SCHED_RR with a priority", () => {
    expect(scheduling({ policy: "SCHED_FIFO", priority: 3 })).toEqual({ stderr: "", priority: 3, policy: 1 });
    expect(scheduling({ policy: "SCHED_RR", priority: 9 })).toEqual({ stderr: "", priority: 9, policy: 2 });
  });

  test("SCHED_DEADLINE with its three times, which a fork may not inherit", () => {
    const times = { runtime: 10_000_000, deadline: 20_000_000, period: 20_000_000 };
    const deadline = { policy: "SCHED_DEADLINE", flags: ["SCHED_FLAG_RESET_ON_FORK"], ...times };
    expect(scheduling(deadline)).toMatchObject({ stderr: "", policy: 6 });
  });
});

describe("process.user", () => {
  for (const field of ["uid", "gid"] as const) {
    test(`${field} 4294967295, which is "unchanged" to the kernel, does not leave the program root`, () => {
      const { stdout, stderr, exitCode } = run("id", (config) => {
        config.process.user[field] = 2 ** 32 - 1;
      });
      expect({ stdout, exitCode }).toEqual({ stdout: "", exitCode: 1 });
      expect(stderr).toBe(`tsbox: cannot run: process.user.${field}: 4294967295 is not an id\n`);
    });
  }
});

describe("id-mapped mounts", () => {
  const ids = (containerID: number, hostID: number) => [{ containerID, hostID, size: 1 }];
  const container = [{ containerID: 0, hostID: 100000, size: 65536 }];
  /** Files of ids 1000 and 1001 below `source`, and one folder further down. */
  const prepare = (bundle: string) => {
    mkdirSync(join(bundle, "rootfs/data"));
    mkdirSync(join(bundle, "source"));
    writeFileSync(join(bundle, "source/file"), "");
    chownSync(join(bundle, "source/file"), 1000, 1001);
    // the temporary folder is its owner's only
    chmodSync(join(bundle, ".."), 0o755);
  };
  const owner = (mount: object, userNamespace: boolean) => {
    const { stdout, stderr } = runBundle("stat -c %u:%g /data/file", {
      asRoot: !userNamespace,
      prepare,
      edit: (config) => {
        config.mounts.push({ destination: "/data", type: "bind", source: "source", ...mount });
        if (userNamespace) Object.assign(config.linux, { uidMappings: container, gidMappings: container });
      },
    });
    return stderr === "" ? stdout.trim() : stderr.trim();
  };

  test("without a user namespace, with mappings of their own", () => {
    const own = { uidMappings: ids(1000, 7), gidMappings: ids(1001, 8) };
    expect(owner({ options: ["bind", "idmap"], ...own }, false)).toBe("7:8");
    expect(owner({ options: ["rbind", "ridmap", "ro"], ...own }, false)).toBe("7:8");
    expect(owner({ options: ["bind"], ...own }, false)).toBe("7:8");
    expect(owner({ options: ["bind"] }, false)).toBe("1000:1001");
  });

  test("with a user namespace, whose mapping is the default", () => {
    expect(owner({ options: ["rbind"] }, true)).toBe("65534:65534");
    expect(owner({ options: ["rbind", "idmap"] }, true)).toBe("1000:1001");
    const own = { uidMappings: ids(1000, 100003), gidMappings: ids(1001, 100004) };
    expect(owner({ options: ["rbind", "idmap"], ...own }, true)).toBe("3:4");
  });

  test("what cannot be is refused by name", () => {
    expect(owner({ options: ["bind", "idmap"] }, false)).toContain("mounts[3]: an id-mapped mount needs uidMappings");
    expect(owner({ options: ["bind"], uidMappings: ids(1000, 7) }, false)).toContain("mounts[3]: uidMappings and gid");
    const tmpfs = { type: "tmpfs", options: ["idmap"], uidMappings: ids(0, 7), gidMappings: ids(0, 7) };
    expect(owner(tmpfs, false)).toContain("mounts[3]: only bind mounts can be id-mapped");
  });
});

describe("bind mounts for a user namespace whose root is nobody to their sources", () => {
  const ids = [{ containerID: 0, hostID: 100000, size: 65536 }];
  const withUser = (script: string, options: string[], wrap?: (argv: readonly string[]) => string[]) =>
    runBundle(script, {
      ...(wrap && { wrap }),
      prepare: (bundle) => {
        mkdirSync(join(bundle, "rootfs/data"));
        writeFileSync(join(bundle, "rootfs/etc/motd"), "");
        mkdirSync(join(bundle, "private/source/below/secret"), { recursive: true });
        writeFileSync(join(bundle, "private/source/file"), "hidden\n");
        chmodSync(join(bundle, "private"), 0o700);
        // the root file system is within reach, as callers see to it
        chmodSync(join(bundle, ".."), 0o755);
      },
      edit: (config) => {
        const capabilities = ["CAP_SYS_ADMIN"];
        Object.assign(config.linux, { uidMappings: ids, gidMappings: ids });
        config.process.capabilities = { bounding: capabilities, effective: capabilities, permitted: capabilities };
        const files = ["bind", "ro"];
        config.mounts.push({ destination: "/data", type: "bind", source: "private/source", options });
        config.mounts.push({ destination: "/etc/motd", type: "bind", source: "private/source/file", options: files });
      },
    });

  test("are made all the same", () => {
    expect(withUser("cat /data/file /etc/motd", ["rbind"])).toMatchObject({ stdout: "hidden\nhidden\n", stderr: "" });
  });

  test("cannot be made writable where the host's mount is not, nor show what it covers", () => {
    const prepare = `s=bundle/private/source; mount --bind $s $s; mount -t tmpfs cover $s/below
      mount -o remount,bind,ro $s; exec "$@"`;
    const script = `mount -o remount,bind,rw /data; touch /data/new || echo read-only
      umount /data/below || echo covered; ls /data/below`;
    const wrap = (argv: readonly string[]) => ["unshare", "--mount", "sh", "-euc", prepare, "sh", ...argv];
    const { stdout, stderr } = withUser(script, ["rbind"], wrap);
    expect(stdout).toBe("read-only\ncovered\n");
    expect(stderr).toMatch(/denied|not permitted/i);
  });
});

describe("tmpfs over a folder", () => {
  test("tmpcopyup keeps owners and devices", () => {
    const { stdout, stderr } = runBundle("cd /data; stat -c '%n %u:%g %F %t:%T' . file device", {
      asRoot: true,
      prepare: (bundle) => {
        const data = join(bundle, "rootfs/data");
        mkdirSync(data);
        writeFileSync(join(data, "file"), "");
        for (const [name, uid, gid] of [
          ["file", 3, 4],
          ["", 5, 6],
        ] as const)
          chownSync(join(data, name), uid, gid);
        Bun.spawnSync(["mknod", join(data, "device"), "c", "1", "259"]);
      },
      edit: (config) => {
        config.mounts.push({ destination: "/data", type: "tmpfs", source: "x", options: ["tmpcopyup"] });
      },
    });
    expect(stderr).toBe("");
    expect(stdout).toBe(
      ". 5:6 directory 0:0\nfile 3:4 regular empty file 0:0\ndevice 0:0 character special file 1:103\n",
    );
  });

  test("a folder that root of a user namespace may not read still gives its mode", () => {
    const container = [{ containerID: 0, hostID: 100000, size: 65536 }];
    const { stdout, stderr } = runBundle("stat -c %a /data", {
      prepare: (bundle) => {
        mkdirSync(join(bundle, "rootfs/data"), { mode: 0o700 });
        chmodSync(join(bundle, ".."), 0o755);
      },
      edit: (config) => {
        config.mounts.push({ destination: "/data", type: "tmpfs", source: "x" });
        Object.assign(config.linux, { uidMappings: container, gidMappings: container });
      },
    });
    expect({ stdout, stderr }).toEqual({ stdout: "700\n", stderr: "" });
  });
});

describe("linux.devices", () => {
  const device = (name: string, type: string, more: object) => ({ path: `/dev/${name}`, type, ...more });

  test("are made with their type, numbers, mode and owner, whatever the caller's umask", () => {
    const before = process.umask(0o077);
    try {
      const { stdout, stderr } = run(
        "cd /dev; stat -c '%n %F %a %t:%T %u:%g' char sub/block unbuffered fifo null; cat fifo & echo x > fifo; wait",
        (config) => {
          config.linux.devices = [
            device("char", "c", { major: 1, minor: 5, fileMode: 0o622, uid: 3, gid: 4 }),
            device("sub/block", "b", { major: 7, minor: 300, fileMode: 0o660 }),
            device("unbuffered", "u", { major: 1, minor: 7, fileMode: 0o20666 }),
            device("fifo", "p", { fileMode: 0o640, uid: 0, gid: 9 }),
          ];
        },
      );
      expect(stderr).toBe("");
      expect(stdout).toBe(
        "char character special file 622 1:5 3:4\nsub/block block special file 660 7:12c 0:0\n" +
          "unbuffered character special file 666 1:7 0:0\nfifo fifo 640 0:0 0:9\n" +
          "null character special file 666 1:3 0:0\nx\n",
      );
    } finally {
      process.umask(before);
    }
  });
});

describe("process.user", () => {
  test("additionalGids and umask are what the program has", () => {
    const { stdout, stderr } = run("id -G; id -u; umask", (config) => {
      config.process.user = { uid: 5, gid: 6, additionalGids: [10, 4_000_000_000], umask: 0o27 } as never;
    });
    expect({ stdout, stderr }).toEqual({ stdout: "6 10 4000000000\n5\n0027\n", stderr: "" });
  });
});

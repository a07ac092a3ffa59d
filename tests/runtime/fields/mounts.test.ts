/** `mounts`, as the kernel shows them in the container. */
import { describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runBundle } from "../../support/run-bundle.ts";
import { requires, userNamespaces } from "../../support/skip.ts";

type Mount = { destination: string; type?: string; source?: string; options?: string[] } & { [name: string]: unknown };

const asRoot = process.getuid?.() === 0;
const run = (script: string, mounts: Mount[], prepare: (bundle: string) => void = () => {}) =>
  runBundle(script, {
    asRoot,
    prepare: (bundle) => {
      mkdirSync(join(bundle, "rootfs/data"));
      prepare(bundle);
    },
    edit: (config) => config.mounts.push(...mounts),
  });

/** Options of the mount and of its superblock by destination: proc_pid_mountinfo(5), fields 6 and 11. */
function mountInfo(stdout: string) {
  const lines = stdout.trim().split("\n");
  const rows = lines.map((line) => {
    const [own, superblock] = line.split(" - ");
    const fields = own?.split(" ") ?? [];
    const options = [...(fields[5]?.split(",") ?? []), ...(superblock?.split(" ")[2]?.split(",") ?? [])];
    return [fields[4] ?? "", { options: new Set(options), shared: fields.slice(6).join(" ") }] as const;
  });
  return new Map(rows);
}

const show = (mounts: Mount[], prepare?: (bundle: string) => void) => {
  const { stdout, stderr } = run("cat /proc/self/mountinfo", mounts, prepare);
  if (stderr !== "") throw new Error(stderr);
  return mountInfo(stdout);
};
const tmpfs = (options: string[], destination = "/data"): Mount => ({
  destination,
  type: "tmpfs",
  source: "x",
  options,
});
const devpts: Mount = { destination: "/dev/pts", type: "devpts", source: "x", options: ["newinstance"] };
const optionsOf = (options: string[]) => [...(show([tmpfs(options)]).get("/data")?.options ?? [])];

describe("options of a new file system", () => {
  test.each([
    [["nosuid", "nodev", "noexec", "nosymfollow", "ro"], ["nosuid", "nodev", "noexec", "nosymfollow", "ro"], ["rw x"]],
    [["noatime"], ["noatime"], ["relatime"]],
    [["nodiratime"], ["nodiratime", "relatime"], []],
    [["strictatime"], [], ["relatime", "noatime"]],
    [["noatime", "atime"], ["relatime"], ["noatime"]],
    [["strictatime", "nostrictatime"], ["relatime"], []],
    [["relatime", "norelatime"], ["relatime"], []],
    [["sync", "dirsync", "mand", "lazytime"], ["sync", "dirsync", "mand", "lazytime"], []],
    [["size=64k", "nr_inodes=9", "mode=711"], ["size=64k", "nr_inodes=9", "mode=711"], []],
    [
      [
        "nosuid",
        "suid",
        "nodev",
        "dev",
        "noexec",
        "exec",
        "ro",
        "rw",
        "nodiratime",
        "diratime",
        "nosymfollow",
        "symfollow",
      ],
      ["rw"],
      ["nosuid", "nodev", "noexec", "nodiratime", "nosymfollow"],
    ],
    [["defaults", "async", "nomand", "nolazytime", "noiversion", "iversion", "loud", "silent"], ["rw", "relatime"], []],
    [
      ["rro", "rnosuid", "rnodev", "rnoexec", "rnoatime", "rnodiratime", "rnosymfollow"],
      ["ro", "nosuid", "nodev", "noexec", "noatime", "nodiratime", "nosymfollow"],
      [],
    ],
  ])("%j", (options, there, missing) => {
    const found = optionsOf(options);
    expect(found).toEqual(expect.arrayContaining(there));
    expect(missing.filter((name) => found.includes(name))).toEqual([]);
  });

  test("one that is unknown goes to the file system, which refuses it", () => {
    const { exitCode, stderr } = run("true", [tmpfs(["frobnicate=3"])]);
    expect({ exitCode, stderr }).toEqual({
      exitCode: 1,
      stderr: "tsbox: cannot mount tmpfs at /data with the option frobnicate=3: invalid argument\n",
    });
  });

  requires(userNamespaces)("shared, slave, private and unbindable", () => {
    const shared = (option: string) => show([tmpfs([option])]).get("/data")?.shared ?? "";
    expect(shared("shared")).toMatch(/^shared:\d+$/);
    expect(shared("rshared")).toMatch(/^shared:\d+$/);
    expect(shared("private")).toBe("");
    expect(shared("unbindable")).toBe("unbindable");
    expect(shared("runbindable")).toBe("unbindable");
  });
});

describe("bind mounts", () => {
  const prepare = (bundle: string) => {
    mkdirSync(join(bundle, "source"));
    writeFileSync(join(bundle, "source/file"), "from the host\n");
  };
  const bind = (options: string[], more: Partial<Mount> = {}): Mount => ({
    destination: "/data",
    type: "bind",
    source: "source",
    options,
    ...more,
  });

  requires(userNamespaces)("a source may be relative to the bundle, a destination to the root, and a file", () => {
    const mounts = [
      bind(["rbind", "ro"], { destination: "data/deep" }),
      bind(["bind"], { source: "source/file", destination: "/etc/motd" }),
    ];
    const { stdout, stderr } = run("cat /data/deep/file /etc/motd; touch /data/deep/new", mounts, prepare);
    expect(stdout).toBe("from the host\nfrom the host\n");
    expect(stderr).toContain("Read-only file system");
  });

  requires(userNamespaces)("recursive options reach the mounts below, others do not", () => {
    const below = (options: string[]) => {
      const info = show([{ destination: "/data", type: "none", source: "/dev", options }]);
      const points = [...info].filter(([path]) => path.startsWith("/data/"));
      expect(points.length).toBeGreaterThan(0);
      return points.map(([, found]) => found.options.has("ro"));
    };
    expect(below(["rbind", "rro"])).not.toContain(false);
    expect(below(["rbind", "ro"])).not.toContain(true);
  });

  requires(userNamespaces)("a remount changes what is given and keeps the rest, recursively where asked", () => {
    const mounts = [
      tmpfs(["nosuid"]),
      tmpfs(["nodev"], "/data/below"),
      tmpfs(["remount", "ro"]),
      tmpfs(["remount", "rnoexec"]),
    ];
    const info = show(mounts);
    expect([...(info.get("/data")?.options ?? [])]).toEqual(expect.arrayContaining(["ro", "nosuid", "noexec"]));
    expect([...(info.get("/data/below")?.options ?? [])]).toEqual(expect.arrayContaining(["rw", "nodev", "noexec"]));
    const { stderr } = run("true", [tmpfs([]), tmpfs(["remount", "size=1m"])]);
    expect(stderr).toContain("mounts[4].options: size cannot be remounted");
  });

  test("CVE-2019-16884: a way around through .. does not lead into /proc", () => {
    const { stderr } = run("true", [bind(["bind"], { destination: "/data/../proc/sys" })], prepare);
    expect(stderr).toContain("mounts[3]: cannot mount /proc/sys inside /proc");
  });
});

describe("tmpfs over a folder of the root", () => {
  const prepare = (bundle: string) => {
    const data = join(bundle, "rootfs/data");
    chmodSync(data, 0o1750);
    mkdirSync(join(data, "sub/empty"), { recursive: true });
    writeFileSync(join(data, "sub/file"), "copied\n");
    writeFileSync(join(data, "large"), Buffer.alloc(3_000_000, "x"));
    chmodSync(join(data, "sub/file"), 0o4640);
    chmodSync(join(data, "sub"), 0o550);
    symlinkSync("sub/file", join(data, "link"));
    Bun.spawnSync(["mkfifo", join(data, "fifo")]);
    Bun.spawnSync(["touch", "-d", "@1000000000", join(data, "sub/file")]);
  };

  requires(userNamespaces)("has its mode, unless another is given", () => {
    expect(run("stat -c %a /data; ls /data", [tmpfs([])], prepare)).toMatchObject({ stderr: "", stdout: "1750\n" });
    expect(run("stat -c %a /data", [tmpfs(["mode=700"])], prepare).stdout).toBe("700\n");
  });

  requires(userNamespaces)("tmpcopyup: has all that the folder had", () => {
    const script = `cd /data; stat -c '%n %a %F' . sub sub/empty sub/file link fifo large
      stat -c '%s %Y' sub/file; cat link; busybox md5sum < large; echo changed > large; touch new`;
    const { stdout, stderr } = run(script, [tmpfs(["tmpcopyup"])], prepare);
    expect(stderr).toBe("");
    const sum = new Bun.CryptoHasher("md5").update(Buffer.alloc(3_000_000, "x")).digest("hex");
    expect(stdout).toBe(
      `. 1750 directory\nsub 550 directory\nsub/empty 755 directory\nsub/file 4640 regular file\nlink 777 symbolic link\n` +
        `fifo 644 fifo\nlarge 644 regular file\n7 1000000000\ncopied\n${sum}  -\n`,
    );
  });

  requires(userNamespaces)("tmpcopyup: may be read-only, and its folder may be missing", () => {
    const { stdout, stderr } = run(
      "cat /data/link; touch /data/new; ls /none",
      [tmpfs(["tmpcopyup", "ro"]), tmpfs(["tmpcopyup"], "/none")],
      prepare,
    );
    expect(stdout).toBe("copied\n");
    expect(stderr).toContain("Read-only file system");
  });

  requires(userNamespaces)("may be read-only, with mounts, devices and the working folder in it", () => {
    const { stdout, stderr } = runBundle(
      `for folder in /data /data/below /data/work /dev /dev/shm /copy /copy/deep; do touch $folder/new 2>/dev/null && echo $folder; done
      echo x > /dev/null; pwd; cat /copy/file`,
      {
        asRoot,
        prepare: (bundle) => {
          mkdirSync(join(bundle, "rootfs/copy"));
          writeFileSync(join(bundle, "rootfs/copy/file"), "copied\n");
        },
        edit: (config) => {
          config.mounts = config.mounts.filter(({ destination }) => destination !== "/dev");
          config.mounts.push(tmpfs(["ro", "mode=755"], "/dev"), devpts, tmpfs([], "/dev/shm"));
          config.mounts.push(tmpfs(["ro", "mode=755"]), tmpfs([], "/data/below"));
          config.mounts.push(tmpfs(["rro", "tmpcopyup"], "/copy"), tmpfs([], "/copy/deep"));
          config.process.cwd = "/data/work";
        },
      },
    );
    expect({ stdout, stderr }).toEqual({
      stdout: "/data/below\n/dev/shm\n/copy/deep\n/data/work\ncopied\n",
      stderr: "",
    });
  });

  requires(userNamespaces)("tmpcopyup: a link in the image does not lead out of the root", () => {
    const { stdout, stderr } = run("ls /data", [tmpfs(["tmpcopyup"], "/data/out")], (bundle) =>
      symlinkSync("../../../../../etc", join(bundle, "rootfs/data/out")),
    );
    expect({ stdout, stderr }).toEqual({ stdout: "out\n", stderr: "" });
  });

  test("tmpcopyup is for tmpfs only", () => {
    const { stderr } = run("true", [
      { destination: "/data", type: "bind", source: "/tmp", options: ["bind", "tmpcopyup"] },
    ]);
    expect(stderr).toContain("mounts[3].options: tmpcopyup is for tmpfs");
  });
});

describe("labels of security modules that this host has not", () => {
  const met = () => !existsSync("/sys/module/apparmor/parameters/enabled") && !existsSync("/sys/fs/selinux/enforce");
  const test = requires({ what: "a kernel without AppArmor and SELinux", inCI: false, met });
  test("are refused by name, unless they are empty", () => {
    const refusal = (process: object, mountLabel = "") =>
      runBundle("true", {
        asRoot,
        edit: (config) => {
          Object.assign(config.process, process);
          config.linux.mountLabel = mountLabel;
        },
      }).stderr;
    expect(refusal({ apparmorProfile: "x" })).toContain("process.apparmorProfile x: AppArmor is not enabled");
    expect(refusal({ selinuxLabel: "x" })).toContain("process.selinuxLabel x: SELinux is not enabled");
    expect(refusal({}, "x")).toContain("linux.mountLabel x: SELinux is not enabled");
    expect(refusal({ apparmorProfile: "unconfined", selinuxLabel: "" })).toBe("");
  });
});

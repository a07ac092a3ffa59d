/**
 * Attacks on `tsbox cp`: a container whose files, links and mounts want the host's files to be read or written, while they are copied and before. The host's
 * file that is aimed at belongs to whoever runs the tests, so that only `cp` stands between.
 */
import { afterEach, beforeAll, beforeEach, describe, expect } from "bun:test";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { containers, test } from "../container/copy/containers.ts";
import { writeTar } from "../support/tar.ts";

const it = containers();
const at = (path: string) => `${it.here}/${path}`;
/** A folder of the host whose path the container knows. */
const outside = () => it.person.folder.join("outside");

beforeAll(async () => {
  mkdirSync(outside());
  await it.running("evil");
  await it.ran("dead", "true");
});

beforeEach(() => {
  rmSync(it.here, { recursive: true, force: true });
  mkdirSync(it.here);
  writeFileSync(`${outside()}/secret`, "of the host");
});

afterEach(() => {
  expect(readdirSync(outside())).toEqual(["secret"]);
  expect(readFileSync(`${outside()}/secret`, "utf8")).toBe("of the host");
});

describe("CVE-2018-15664: links in the container, swapped while they are copied", () => {
  test("a folder that becomes a link to the host's is never read through", async () => {
    // the path leads to a folder of the container and to one of the host alike
    await it.inside(
      "evil",
      `mkdir -p /swap/dir ${outside()} && echo inner > /swap/dir/secret && echo inner > ${outside()}/secret`,
    );
    await it.ok([
      "exec",
      "-d",
      "evil",
      "sh",
      "-c",
      `cd /swap; while :; do mv dir kept; ln -s ${outside()} dir; rm dir; mv kept dir; done`,
    ]);
    let copied = 0;
    for (let i = 0; i < 40; i++) {
      const { exitCode } = await it.tsbox(["cp", "evil:/swap/dir/secret", `got-${i}`]);
      if (exitCode !== 0) continue;
      copied++;
      expect(readFileSync(at(`got-${i}`), "utf8")).toBe("inner\n");
    }
    for (let i = 0; i < 20; i++) {
      await it.tsbox(["cp", "evil:/swap", `tree-${i}`]);
      if (existsSync(at(`tree-${i}/dir/secret`)) && !lstatSync(at(`tree-${i}/dir`)).isSymbolicLink())
        expect(readFileSync(at(`tree-${i}/dir/secret`), "utf8")).toBe("inner\n");
    }
    expect(copied).toBeGreaterThan(0);
  });

  test("nor written through", async () => {
    writeFileSync(at("new"), "from here");
    mkdirSync(at("folder"));
    writeFileSync(at("folder/secret"), "from here");
    let copied = 0;
    for (let i = 0; i < 40; i++) {
      const { exitCode } = await it.tsbox(["cp", "new", "evil:/swap/dir/secret"]);
      if (exitCode === 0) copied++;
      await it.tsbox(["cp", "folder/.", "evil:/swap/dir"]);
    }
    expect(copied).toBeGreaterThan(0);
  });
});

for (const name of ["evil", "dead"]) {
  describe(`container "${name}"`, () => {
    const plant = async (script: string) => {
      if (name === "evil") return void (await it.inside(name, script));
      await it.ok(["start", name]).catch(() => {});
      await it.ok(["rm", "-f", name]);
      await it.ran(name, script);
    };

    test("absolute and climbing links lead to places in the container", async () => {
      const up = "../".repeat(30);
      await plant(
        `rm -rf /l ${outside()}; mkdir /l; ln -s ${outside()}/secret /l/abs; ln -s ${up}${outside()}/secret /l/up; ln -s ${outside()} /l/dir; ln -s ${up} /l/root`,
      );
      for (const path of ["abs", "up", "dir/secret", `root${outside()}/secret`]) {
        expect([path, (await it.tsbox(["cp", "-L", `${name}:/l/${path}`, "got"])).exitCode]).toEqual([path, 1]);
        expect(existsSync(at("got"))).toBe(false);
      }
      writeFileSync(at("new"), "from here");
      for (const path of ["abs", "up", "dir/secret"])
        expect([path, (await it.tsbox(["cp", "new", `${name}:/l/${path}`])).exitCode]).toEqual([path, 1]);
      // in the container there is such a folder from now on
      const archive = writeTar([{ path: `l/root${outside()}/planted`, data: "x" }]);
      expect((await it.tsbox(["cp", "-", `${name}:/`], { stdin: archive })).exitCode).toBe(0);
    });

    test("an archive's members do not leave the container", async () => {
      const hostile = [
        [{ path: `../../../../../../..${outside()}/x`, data: "x" }],
        [
          { path: "link", type: "symlink", target: "/etc" },
          { path: "link", type: "directory" },
        ],
        [{ path: "hard", type: "link", target: "../../etc/passwd" }],
        [{ path: "hard", type: "link", target: "etc/passwd" }],
        [{ path: ".", type: "symlink", target: "/" }],
      ] as const;
      for (const entries of hostile) {
        const { exitCode, stderr } = await it.tsbox(["cp", "-", `${name}:/tmp`], { stdin: writeTar(entries) });
        expect([entries, exitCode, stderr.startsWith("tsbox: cannot ")]).toEqual([entries, 1, true]);
      }
      const device = writeTar([{ path: "device", type: "char", device: [1, 3] }]);
      expect((await it.tsbox(["cp", "-", `${name}:/tmp`], { stdin: device })).stderr).toContain("1 device nodes");
    });
  });
}

describe("CVE-2019-14271: what the container has is not run", () => {
  test("a container's loader, libraries and name services are of no use to it", async () => {
    await it.inside(
      "evil",
      "mkdir -p /lib /lib64 /etc; for f in /lib/libnss_files.so.2 /lib64/ld-linux-x86-64.so.2 /etc/ld.so.preload /etc/nsswitch.conf; do echo x > $f; done",
    );
    expect((await it.tsbox(["cp", "evil:/etc", "etc"])).exitCode).toBe(0);
    expect((await it.tsbox(["cp", "etc", "evil:/etc2"])).exitCode).toBe(0);
  });
});

describe("the host's side", () => {
  test("links that were copied are not written through by what is copied next", async () => {
    await it.inside(
      "evil",
      `rm -rf /a /b; mkdir -p /a /b/into; ln -s ${outside()} /a/into; echo x > /b/into/secret; ln -s ${outside()}/secret /a/file; echo x > /b/file`,
    );
    await it.ok(["cp", "evil:/a/.", "there"]);
    expect((await it.tsbox(["cp", "evil:/b/.", "there"])).exitCode).toBe(1);
    rmSync(at("there/into"));
    await it.ok(["cp", "evil:/b/.", "there"]);
    expect(readFileSync(at("there/file"), "utf8")).toBe("x\n");
    expect(lstatSync(at("there/file")).isSymbolicLink()).toBe(false);
  });

  test("a setuid program of the container is no setuid program of the caller", async () => {
    await it.inside("evil", "cp /bin/busybox /suid; chmod 6755 /suid");
    await it.ok(["cp", "evil:/suid", "suid"]);
    expect(lstatSync(at("suid")).mode & 0o7777).toBe(0o755);
    await it.ok(["cp", "-a", "evil:/suid", "suid-a"]);
    expect(lstatSync(at("suid-a")).mode & 0o6000).toBe(0);
  });

  test("a path of /proc leads to no other process", async () => {
    for (const path of [
      "/proc/self/root/etc/passwd",
      "/proc/1/root/etc/passwd",
      "/proc/1/cwd/etc/passwd",
      "/proc/self/fd/3/etc/passwd",
      "/proc/thread-self/root",
    ])
      expect([path, (await it.tsbox(["cp", "-L", `evil:${path}`, "got"])).exitCode]).toEqual([path, 1]);
    expect(existsSync(at("got"))).toBe(false);
  });

  test("a fifo in the way of a file does not hold the copy up, nor is it opened", async () => {
    await it.inside("evil", "mkdir -p /f; rm -f /f/*; mkfifo /f/fifo; nc -lU /f/sock & sleep 0.2; ls /f");
    await it.ok(["cp", "evil:/f", "f"], { timeout: 20_000 });
    expect(lstatSync(at("f/fifo")).isFIFO()).toBe(true);
    symlinkSync("fifo", at("f/link"));
    await it.ok(["cp", "f", "evil:/g"], { timeout: 20_000 });
    writeFileSync(at("plain"), "plain");
    await it.ok(["cp", "plain", "evil:/f/fifo"], { timeout: 20_000 });
    expect(await it.inside("evil", "cat /f/fifo")).toBe("plain");
  });
});

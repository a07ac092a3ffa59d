/** Advisories of container runtimes: each attack is mounted in a real container, by an image or by its program, and fails. */
import { expect } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { box, test } from "../integration/images.ts";
import { busyboxTree } from "../support/busybox-image.ts";
import type { TarEntry } from "../support/tar.ts";
import { TSBOX } from "../support/tsbox.ts";

const it = box();
const sh = (script: string) => ["sh", "-c", script];

/** The busybox image with these entries instead of those of the same path. */
function imageWith(name: string, ...entries: TarEntry[]): string {
  const paths = new Set(entries.map(({ path }) => path.replace(/\/$/, "")));
  const kept = busyboxTree().filter(({ path }) => !paths.has(path.replace(/\/$/, "")));
  return it.make(name, { layers: [{ content: [...kept, ...entries] }] });
}

const run = (image: string, flags: readonly string[], command: readonly string[]) =>
  it.person.run(["run", "--rm", "--network=none", ...flags, image, ...command]);

test("CVE-2019-5736: the container cannot write to the runtime through /proc/PID/exe", async () => {
  const before = new Bun.CryptoHasher("sha256").update(readFileSync(TSBOX)).digest("hex");
  // with --init, process 1 is the runtime's own program
  const script =
    "head -c 4 /proc/1/exe | tail -c 3; (echo x > /proc/1/exe) 2> /dev/null && echo written; (echo x >> /proc/1/exe) 2> /dev/null && echo appended; true";
  expect((await it.run(["--init"], sh(script))).stdout).toBe("ELF");
  expect(new Bun.CryptoHasher("sha256").update(readFileSync(TSBOX)).digest("hex")).toBe(before);
});

for (const advisory of ["CVE-2019-19921", "CVE-2023-27561", "CVE-2023-28642"]) {
  test(`${advisory}: an image whose /proc is a link is refused`, async () => {
    const image = imageWith(
      advisory.toLowerCase(),
      { path: "proc", type: "symlink", target: "/tmp/proc" },
      { path: "tmp/proc/", type: "directory" },
    );
    const { exitCode, stderr } = await run(image, [], ["true"]);
    expect(exitCode).toBe(125);
    expect(stderr).toContain("/proc");
  });
}

test("CVE-2019-16884: a mount over part of /proc is refused", async () => {
  const { exitCode, stderr } = await it.run(["-v", `${it.person.home}:/proc/self/attr`], ["true"]);
  expect(exitCode).toBe(125);
  expect(stderr).toContain("/proc");
});

test("CVE-2021-30465: a volume whose place is a link ends up inside the container", async () => {
  const outside = it.person.folder.join("outside");
  const volume = it.person.folder.join("volume");
  for (const folder of [outside, volume]) mkdirSync(folder);
  writeFileSync(`${volume}/marker`, "volume");
  const image = imageWith("link-target", { path: "data", type: "symlink", target: `../../..${outside}` });
  const { stdout } = await run(image, ["-v", `${volume}:/data`], sh(`cat /data/marker; cat ${outside}/marker`));
  expect(stdout).toBe("volumevolume");
  expect(readdirSync(outside)).toEqual([]);
});

test("CVE-2024-45310: folders for mount points are made inside the container only", async () => {
  const outside = it.person.folder.join("outside2");
  mkdirSync(outside);
  const image = imageWith("link-parent", { path: "a", type: "symlink", target: outside });
  const { exitCode } = await run(image, ["--tmpfs", "/a/deep/er", "-w", "/a/work/here"], ["true"]);
  expect(exitCode).toBe(0);
  expect(readdirSync(outside)).toEqual([]);
});

for (const advisory of ["CVE-2022-29162", "CVE-2022-27649", "CVE-2022-27650", "CVE-2022-27651"]) {
  test(`${advisory}: no capability is inheritable`, async () => {
    const capabilities = await it.output(["--cap-add", "ALL"], ["sed", "-n", "s/^CapInh:\\t//p", "/proc/self/status"]);
    expect(capabilities).toBe("0000000000000000");
  });
}

test("CVE-2023-25809: no cgroup of the host can be written, the host's /sys included", async () => {
  // with the host's network, /sys is the host's
  const mounts = await it.person.ok(["run", "--rm", "--network=host", it.image, "cat", "/proc/mounts"]);
  const cgroups = mounts.split("\n").filter((line) => / (cgroup2?|sysfs) /.test(line) || line.includes("/sys"));
  expect(cgroups.length).toBeGreaterThan(0);
  expect(cgroups.filter((line) => !/ ro[, ]/.test(line))).toEqual([]);
});

test("CVE-2024-21626: no descriptor of the runtime is a way out, as working folder or otherwise", async () => {
  for (let fd = 3; fd < 16; fd++) {
    const { exitCode, stdout } = await it.run(["-w", `/proc/self/fd/${fd}`], ["ls", "-d", "../../../../../etc/shadow"]);
    expect([fd, exitCode === 0, stdout]).toEqual([fd, false, ""]);
  }
  // no pipe, which the shell has open itself for as long as it starts its ends; and not in its place, where it would see its own folder
  expect(await it.output([], sh("ls /proc/$$/fd; true"))).toBe("0\n1\n2");
});

test("CVE-2025-31133: what masks a path is the real /dev/null, whatever the image has there", async () => {
  const image = imageWith("dev-null", { path: "dev/null", type: "symlink", target: "/etc/passwd" });
  const { stdout } = await run(image, [], sh("wc -c < /proc/keys; stat -c '%t:%T' /dev/null"));
  expect(stdout).toBe("0\n1:3\n");
});

for (const advisory of ["CVE-2026-41579", "CVE-2026-47766"]) {
  test(`${advisory}: an image whose /dev is a link leads nowhere outside`, async () => {
    const outside = it.person.folder.join(`dev-${advisory.toLowerCase()}`);
    mkdirSync(outside);
    const image = imageWith(advisory.toLowerCase(), { path: "dev", type: "symlink", target: outside });
    await run(image, [], ["true"]);
    expect(readdirSync(outside)).toEqual([]);
  });
}

test("CVE-2025-52565: /dev/console is the container's own terminal, whatever the image has there", async () => {
  const image = imageWith("console", { path: "dev/console", type: "symlink", target: "/etc/passwd" });
  await using terminal = it.person.terminal(["run", "--rm", "-it", "--network=none", image, "sh"]);
  await terminal.see(/# /);
  terminal.type("stat -c 'device %t' /dev/console; tty\r");
  await terminal.see(/device 88/); // 136, the major number of pseudo terminals
  terminal.type("exit 5\r");
  expect(await terminal.exited).toBe(5);
});

test("CVE-2025-52881: kernel parameters are written through the container's own procfs only", async () => {
  const { stdout } = await it.run(["--sysctl", "kernel.msgmax=9000"], ["cat", "/proc/sys/kernel/msgmax"]);
  expect(stdout).toBe("9000\n");
  const image = imageWith("proc-sys", { path: "proc", type: "symlink", target: "/" });
  expect((await run(image, ["--sysctl", "kernel.msgmax=9000"], ["true"])).exitCode).toBe(125);
});

for (const advisory of ["CVE-2025-65105", "CVE-2025-64750"]) {
  test(`${advisory}: a security option that cannot be had is an error, not ignored`, async () => {
    for (const [option, named] of [
      ["apparmor=no-such-profile", "no-such-profile"],
      ["label=type:container_t", "label=type:container_t"],
      ["nonsense=1", "nonsense=1"],
    ] as const) {
      const { exitCode, stderr } = await it.run(["--security-opt", option], ["true"]);
      expect([option, exitCode]).toEqual([option, 125]);
      expect(stderr).toContain(named);
    }
  });
}

for (const advisory of ["CVE-2026-48785", "CVE-2026-47215"]) {
  test(`${advisory}: unmasking a path does not unmask one that begins alike`, async () => {
    const { exitCode, stdout } = await it.run(["--security-opt", "unmask=/proc/key"], sh("wc -c < /proc/keys"));
    expect(exitCode === 125 || stdout === "0\n").toBeTrue();
  });
}

test("CVE-2020-25039: containers and layers cannot be looked into by other users", async () => {
  const child = it.person.spawn(["run", "--rm", "--network=none", it.image, ...sh("echo ready; exec sleep 20")]);
  await child.stdout.getReader().read();
  for (const folder of ["", "/containers", "/layers"]) {
    expect([folder, statSync(`${it.person.storage}${folder}`).mode & 0o077]).toEqual([folder, 0]);
  }
  child.kill("SIGKILL");
  await child.exited;
});

test("what the image writes to is never the image: a second container sees nothing of the first", async () => {
  await it.output([], sh("echo changed > /etc/passwd; rm /bin/true"));
  expect(await it.output([], sh("head -n 1 /etc/passwd | cut -d: -f1; ls /bin/true"))).toBe("root\n/bin/true");
  expect(existsSync(`${it.person.storage}/index.json`)).toBeTrue();
});

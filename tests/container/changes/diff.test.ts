/** `tsbox diff`, with every storage driver. */
import { describe, expect } from "bun:test";
import { program, requires, unprivileged } from "../../support/skip.ts";
import { TSBOX } from "../../support/tsbox.ts";
import { containers, test } from "../copy/containers.ts";

const it = containers();

const CHANGES = `cd /opt; echo 11 > a/one; rm a/two; rm -r gone; mkdir gone; echo n > gone/new; mkdir -p new/deep; echo f > new/deep/f
  ln new/deep/f new/hard; ln -s /etc/passwd new/ln; mkdir /data; rm b; mkdir b; touch b/z; rm /etc/group; chmod 700 /home; touch '/tmp/two
lines'`;

const LINES = `A /data
C /etc
D /etc/group
C /home
C /opt
C /opt/a
C /opt/a/one
D /opt/a/two
C /opt/b
A /opt/b/z
C /opt/gone
A /opt/gone/new
D /opt/gone/x
A /opt/new
A /opt/new/deep
A /opt/new/deep/f
A /opt/new/hard
A /opt/new/ln
C /tmp
A /tmp/two
lines
`;

describe("added, changed and deleted paths are listed, and folders that hold them, but nothing that tsbox mounts", () => {
  for (const driver of ["overlay", "copy"]) {
    test(`with the driver ${driver}`, async () => {
      await it.ran(`d-${driver}`, CHANGES, [`--storage-driver=${driver}`]);
      expect(await it.ok(["diff", `d-${driver}`])).toBe(LINES);
    });
  }

  requires(program("fuse-overlayfs"))("with the driver fuse-overlayfs", async () => {
    await it.ran("d-fuse", CHANGES, ["--storage-driver=fuse-overlayfs"]);
    expect(await it.ok(["diff", "d-fuse"])).toBe(LINES);
  });
});

requires(
  program("podman"),
  program("conmon"),
  unprivileged,
)("podman has the same lines for the same changes", async () => {
  const { folder, env } = it.person;
  const podman = (...args: string[]) => {
    const storage = ["--root", folder.join("podman"), "--runroot", folder.join("podman-run")];
    // its own crun refuses machines that have both versions of cgroups
    const command = [
      "podman",
      ...storage,
      "--runtime",
      TSBOX,
      "--cgroup-manager=cgroupfs",
      "--events-backend=file",
      ...args,
    ];
    const { stdout, stderr, exitCode } = Bun.spawnSync(command, { env, cwd: it.here, stdin: "ignore" });
    if (exitCode !== 0) throw new Error(stderr.toString());
    return stdout.toString();
  };
  podman("run", "--name", "theirs", "--network=none", it.image, "sh", "-ec", CHANGES);
  const sorted = (text: string) => text.split("\n").sort();
  expect(sorted(podman("diff", "theirs"))).toEqual(sorted(LINES));
  podman("rm", "theirs");
});

test("a container that changed nothing has no changes, and as JSON none either", async () => {
  await it.ran("none", "true");
  expect(await it.ok(["diff", "none"])).toBe("");
  expect(JSON.parse(await it.ok(["diff", "--format", "json", "none"]))).toEqual({});
});

test("a container that runs is compared as it is now, also what it took back", async () => {
  await it.running("now", ["--tmpfs", "/scratch", "-v", `${it.here}:/mnt/host`]);
  await it.inside("now", "echo x > /scratch/x; echo x > /root/x; echo y > /root/y; rm /root/y; rm /opt/b");
  const { changed, added, deleted } = JSON.parse(await it.ok(["diff", "--format=json", "now"]));
  expect(added).toEqual(["/mnt", "/mnt/host", "/root/x", "/scratch"]);
  expect(changed).toEqual(["/opt", "/root"]);
  expect(deleted).toEqual(["/opt/b"]);
});

test("a name that is not UTF-8 is printed as it is", async () => {
  await it.ran("bytes", "touch /tmp/$(printf 'a\\377b')");
  const child = it.person.spawn(["diff", "bytes"]);
  await child.stdin.end();
  expect(Buffer.from(await new Response(child.stdout).bytes()).toString("latin1")).toContain("A /tmp/a\xffb\n");
});

test("what cannot be compared is named", async () => {
  expect(await it.tsbox(["diff", "nobody"])).toMatchObject({ exitCode: 1, stdout: "" });
  expect((await it.tsbox(["diff", "none", "--format=yaml"])).stderr).toContain("--format yaml");
  expect((await it.tsbox(["diff"])).exitCode).toBe(125);
});

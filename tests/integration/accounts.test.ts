/** Entries in /etc/passwd and /etc/group for whom the image does not know, in real containers. */
import { afterEach, describe, expect } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { busyboxTree } from "../support/busybox-image.ts";
import { program, requires } from "../support/skip.ts";
import { box, test } from "./images.ts";

const it = box();
const sh = (script: string) => ["sh", "-c", script];
const { uid, gid, username } = userInfo();
const GROUP = readFileSync("/etc/group", "utf8")
  .split("\n")
  .find((line) => line.split(":")[2] === String(gid))
  ?.split(":")[0];
const KEEP = ["--userns=keep-id"];
const NUMBER = ["-u", "1234"];

/** What a script in a container that stays prints when it starts. */
async function started(name: string): Promise<string> {
  return await it.person.ok(["start", "-a", name]);
}
const create = (name: string, flags: readonly string[], script: string, image = it.image) =>
  it.person.ok(["create", "--name", name, "--network=none", ...flags, image, ...sh(script)]);
afterEach(async () => {
  await it.person.ok(["rm", "-fa"]);
});

for (const driver of ["overlay", "fuse-overlayfs", "copy"]) {
  const how = [`--storage-driver=${driver}`];
  const tried = driver === "fuse-overlayfs" ? [program("fuse-overlayfs")] : [];
  describe(`with the driver ${driver}`, () => {
    const check = tried.length > 0 ? requires(...tried) : test;
    check("with keep-id the caller has the name that the host has", async () => {
      expect(await it.output([...how, ...KEEP], sh("whoami; id -gn; echo $HOME; id -u; id -g"))).toBe(
        `${username}\n${GROUP}\n/\n${uid}\n${gid}`,
      );
    });

    check(
      "a number that the image does not know has an entry; files keep their owner, their mode and their lines",
      async () => {
        const script =
          "whoami; echo $HOME; tail -n 2 /etc/passwd; tail -n 2 /etc/group; stat -c '%u %g %a' /etc/passwd /etc/group";
        expect(await it.output([...how, ...NUMBER, "-w", "/tmp"], sh(script))).toBe(`1234
/tmp
guest:x:1000:1000:guest:/home/guest:/bin/sh
1234:*:1234:0:container user:/tmp:/bin/sh
guest:x:1000:
1234:x:1234:1234
0 0 644
0 0 644`);
      },
    );
  });
}

test("a container that is started again has one entry, which is a change of it as with podman", async () => {
  await create("again", NUMBER, "grep -c :1234: /etc/passwd /etc/group; whoami");
  expect(await it.person.ok(["diff", "again"])).toBe("");
  const once = "/etc/passwd:1\n/etc/group:1\n1234\n";
  expect(await started("again")).toBe(once);
  expect(await started("again")).toBe(once);
  expect(await it.person.ok(["diff", "again"])).toBe("C /etc\nC /etc/group\nC /etc/passwd\n");
  // the image is as it was
  expect(await it.output([], ["grep", "-c", ":", "/etc/passwd"])).toBe("3");
  await it.person.ok(["commit", "again", "with-entry"]);
  expect(await it.person.ok(["run", "--rm", "--network=none", "with-entry", ...sh("grep -c :1234: /etc/passwd")])).toBe(
    "1\n",
  );
});

test("exec finds the entry, and root in the container may go on changing the file", async () => {
  await it.person.ok(["run", "-d", "--name", "long", "--network=none", ...KEEP, it.image, "sleep", "1000"]);
  expect(await it.person.ok(["exec", "long", "whoami"])).toBe(`${username}\n`);
  const rename = "sed -i s/guest:x/visitor:x/ /etc/passwd && tail -n 2 /etc/passwd | cut -d: -f1";
  expect(await it.person.ok(["exec", "-u", "root", "long", ...sh(rename)])).toBe(`visitor\n${username}\n`);
});

test("--passwd=false adds nothing", async () => {
  const { stdout, stderr } = await it.run([...KEEP, "--passwd=false"], sh("whoami; grep -c : /etc/passwd /etc/group"));
  expect(stderr).toContain(`unknown uid ${uid}`);
  expect(stdout).toBe("/etc/passwd:3\n/etc/group:4\n");
});

test("--passwd-entry and --group-entry are the lines", async () => {
  const lines = ["--passwd-entry", "$USERNAME:x:$UID:$GID::/tmp:/bin/false", "--group-entry", "staff:x:$GID:"];
  expect(await it.output([...KEEP, ...lines], sh("id -gn; whoami; echo $HOME; tail -n 1 /etc/passwd"))).toBe(
    `staff\n${username}\n/tmp\n${username}:x:${uid}:${gid}::/tmp:/bin/false`,
  );
});

test("a read-only root has the entry too", async () => {
  expect(await it.output([...KEEP, "--read-only"], sh("whoami; touch /x 2>/dev/null || echo read-only"))).toBe(
    `${username}\nread-only`,
  );
});

test("a folder of the person's own stays as it is", async () => {
  const root = it.person.folder.join("root");
  for (const folder of ["bin", "etc"]) mkdirSync(`${root}/${folder}`, { recursive: true });
  Bun.spawnSync(["cp", "/bin/busybox", `${root}/bin/busybox`]);
  const passwd = "root:x:0:0:root:/root:/bin/sh";
  writeFileSync(`${root}/etc/passwd`, passwd);
  const run = ["run", "--rm", "--network=none", ...KEEP, "--rootfs", root, "/bin/busybox"];
  expect(await it.person.ok([...run, "whoami"])).toBe(`${username}\n`);
  expect(readFileSync(`${root}/etc/passwd`, "utf8")).toBe(passwd);
});

test("what is mounted at /etc is not added to", async () => {
  const etc = it.person.folder.join("etc");
  mkdirSync(etc);
  writeFileSync(`${etc}/passwd`, "mine\n");
  await it.output([...KEEP, "-v", `${etc}:/etc`], ["true"]);
  expect(readFileSync(`${etc}/passwd`, "utf8")).toBe("mine\n");
});

describe("images with other files", () => {
  const without = (path: string) => busyboxTree().filter((entry) => entry.path !== path);

  test("one that is not there is made", async () => {
    const image = it.make("none", { layers: [{ content: without("etc/passwd") }] });
    expect(
      await it.person.ok(["run", "--rm", "--network=none", ...NUMBER, image, ...sh("whoami; cat /etc/passwd")]),
    ).toBe("1234\n1234:*:1234:0:container user:/:/bin/sh\n");
  });

  test("a link is left alone, wherever it leads", async () => {
    const link = { path: "etc/passwd", type: "symlink", target: "../tmp/elsewhere" } as const;
    const image = it.make("link", { layers: [{ content: [...without("etc/passwd"), link] }] });
    const script = "readlink /etc/passwd; ls /tmp";
    expect(await it.person.ok(["run", "--rm", "--network=none", ...NUMBER, image, ...sh(script)])).toBe(
      "../tmp/elsewhere\n",
    );
  });
});

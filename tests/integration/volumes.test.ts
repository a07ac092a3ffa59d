/** Volumes through the executable: what is in them, who owns it, how long it stays. */
import { describe, expect } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { busyboxImage } from "../support/busybox-image.ts";
import { writeTar } from "../support/tar.ts";
import { box, test } from "./images.ts";

const it = box();
const sh = (script: string) => ["sh", "-c", script];
const LOOK = "cd /srv/www && find . | sort | xargs stat -c '%a %u:%g %n'";

/** An image with a folder of files that belong to several people. */
const www = (name: string, config: object = {}) =>
  it.make(name, {
    config: { Cmd: ["sh"], Env: ["PATH=/bin"], ...config },
    layers: [
      ...busyboxLayers(),
      {
        content: [
          { path: "srv/www/", type: "directory", mode: 0o750, uid: 33, gid: 34 },
          { path: "srv/www/index", data: "page", mode: 0o640, uid: 33, gid: 33 },
          { path: "srv/www/tool", data: "x", mode: 0o4755, uid: 0, gid: 0 },
          { path: "srv/www/link", type: "symlink", target: "index", mode: 0o777 },
          { path: "srv/www/sub/", type: "directory", mode: 0o700, uid: 1000, gid: 1000 },
          { path: "srv/www/sub/file", data: "deep", mode: 0o600, uid: 1000, gid: 1000 },
        ],
      },
    ],
  });

const WWW = `750 33:34 .
640 33:33 ./index
777 0:0 ./link
700 1000:1000 ./sub
600 1000:1000 ./sub/file
4755 0:0 ./tool`;

function busyboxLayers() {
  return busyboxImage().layers ?? [];
}

const volumes = async () => (await it.person.ok(["volume", "ls", "-q"])).split("\n").filter((name) => name !== "");
const run = async (flags: readonly string[], image: string, script: string) =>
  (await it.person.ok(["run", "--rm", "--network=none", ...flags, image, ...sh(script)])).trimEnd();

describe("a new volume", () => {
  for (const driver of ["overlay", "copy"]) {
    test(`is filled with what the image has there, owners and modes included (${driver})`, async () => {
      const image = www(`filled-${driver}`);
      const flags = [`--storage-driver=${driver}`, "-v", `filled-${driver}:/srv/www`];
      expect(await run(flags, image, LOOK)).toBe(WWW);
      expect(await run(flags, image, "cat /srv/www/link /srv/www/sub/file; rm -r /srv/www/*; ls /srv/www")).toBe(
        "pagedeep",
      );
      // once, and not again when it is empty
      expect(await run(flags, image, "ls /srv/www | wc -l; stat -c '%a %u:%g' /srv/www")).toBe("0\n750 33:34");
    });
  }

  test("is filled where only the caller's own id is mapped, too", async () => {
    const image = www("single");
    const look = "cd /srv/www; cat index sub/file; stat -c '%a %u:%g' . index sub sub/file tool; ls";
    const there = await run(["--userns=single"], image, look);
    expect(there).toStartWith("pagedeep750 0:0\n");
    expect(await run(["--userns=single", "-v", "single:/srv/www"], image, `${look}; touch new`)).toBe(there);
    expect(await run(["--userns=single", "-v", "single:/srv/www"], image, "ls /srv/www | wc -l")).toBe("5");
  });

  test("belongs to the program's user where the image has no such folder", async () => {
    expect(
      await it.output(["--user=guest", "-v", "mine:/nowhere"], sh("stat -c %u:%g /nowhere; touch /nowhere/x")),
    ).toBe("1000:1000");
    const me = `${process.getuid?.()}:${process.getgid?.()}`;
    expect(
      await it.output(["--userns=keep-id", "-v", "kept:/nowhere"], sh("stat -c %u:%g /nowhere; touch /nowhere/x")),
    ).toBe(me);
    expect(await it.output(["--userns=keep-id", "-v", "kept:/n"], sh("ls /n"))).toBe("x");
  });

  test("stays empty with nocopy, and is filled later if it is empty still", async () => {
    const image = www("nocopy");
    expect(await run(["-v", "late:/srv/www:nocopy"], image, "ls -A /srv/www | wc -l")).toBe("0");
    expect(
      await run(["--mount", "type=volume,src=late,dst=/srv/www,volume-nocopy"], image, "ls -A /srv/www | wc -l"),
    ).toBe("0");
    expect(await run(["-v", "late:/srv/www"], image, LOOK)).toBe(WWW);
    expect(await run(["-v", "used:/srv/www:nocopy"], image, "touch /srv/www/x")).toBe("");
    expect(await run(["-v", "used:/srv/www"], image, "ls /srv/www")).toBe("x");
  });

  test("is whole for each of several containers that start at once", async () => {
    const image = www("race");
    const all = await Promise.all(Array.from({ length: 6 }, () => run(["-v", "race:/srv/www"], image, LOOK)));
    expect(all).toEqual(Array.from({ length: 6 }, () => WWW));
  });

  test("is filled anew when the first copy was cut off, and not when somebody put something into it", async () => {
    const image = www("cut");
    const folder = (name: string) => `${it.person.storage}/volumes/${name}`;
    await it.person.ok(["volume", "create", "cut"]);
    writeFileSync(`${folder("cut")}/fresh`, "copying");
    writeFileSync(`${folder("cut")}/_data/index`, "pa");
    expect(await run(["-v", "cut:/srv/www"], image, LOOK)).toBe(WWW);
    expect(existsSync(`${folder("cut")}/fresh`)).toBe(false);
    await it.person.ok(["volume", "create", "written"]);
    writeFileSync(`${folder("written")}/_data/mine`, "");
    expect(await run(["-v", "written:/srv/www"], image, "ls /srv/www")).toBe("mine");
  });

  test("a folder of the image that is full of links leads nowhere else", async () => {
    const outside = it.person.folder.join("outside");
    mkdirSync(outside);
    writeFileSync(`${outside}/secret`, "secret");
    const image = it.make("links", {
      config: { Cmd: ["sh"], Env: ["PATH=/bin"] },
      layers: [
        ...busyboxLayers(),
        {
          content: [
            { path: "data", type: "symlink", target: `../../../..${outside}`, mode: 0o777 },
            { path: "two/", type: "directory" },
            { path: "two/out", type: "symlink", target: outside, mode: 0o777 },
          ],
        },
      ],
    });
    expect(await run(["-v", "linked:/data"], image, "touch /data/x; ls /data")).toBe("x");
    expect(await run(["-v", "linked2:/two"], image, "readlink /two/out; ls /two/out/ 2> /dev/null | wc -l")).toBe(
      `${outside}\n0`,
    );
    expect(readdirSync(outside)).toEqual(["secret"]);
  });
});

describe("volumes without a name", () => {
  test("are the container's: --rm takes them along, also when the program cannot be found", async () => {
    const image = www("owned", { Volumes: { "/srv/www": {}, "/var/data/": {} } });
    const before = await volumes();
    const script = `${LOOK}; touch /var/data/x /anon/y; mount | grep -c ' /\\(srv/www\\|var/data\\|anon\\) '`;
    expect(await run(["--read-only", "-v", "/anon"], image, script)).toBe(`${WWW}\n3`);
    expect(await volumes()).toEqual(before);
    const failed = await it.person.run(["run", "--rm", "--network=none", image, "no-such-program"]);
    expect(failed.exitCode).toBe(127);
    expect(failed.stderr).toContain("no-such-program");
    expect(await volumes()).toEqual(before);
    expect((await it.person.run(["run", "--network=none", "-v", "/anon", image, "no-such-program"])).exitCode).toBe(
      127,
    );
    expect(await volumes()).toEqual(before);
    expect((await it.person.run(["run", "--rm", "--network=none", image, "sh", "-c", "exit 7"])).exitCode).toBe(7);
    expect(await it.person.ok(["ps", "-a", "-q"])).toBe("");
  });

  test("are kept with a container that is kept, start again with it, and go with rm -v", async () => {
    const image = www("kept", { Volumes: { "/var/data": {} } });
    await it.person.ok([
      "run",
      "--network=none",
      "--name=kept",
      image,
      ...sh("echo x >> /var/data/x; cat /var/data/x"),
    ]);
    const [name = "", ...others] = await volumes().then((all) => all.filter((each) => /^[0-9a-f]{64}$/.test(each)));
    expect(others).toEqual([]);
    expect(JSON.parse(await it.person.ok(["volume", "inspect", name]))).toMatchObject([
      { Anonymous: true, Driver: "local" },
    ]);
    expect(await it.person.ok(["start", "-a", "kept"])).toBe("x\nx\n");
    await it.person.ok(["rm", "kept"]);
    expect(await volumes()).toContain(name);
    expect(await it.person.ok(["volume", "prune", "-f"])).toMatch(
      new RegExp(`^Deleted Volumes:\\n${name}\\n\\nTotal reclaimed space: `),
    );
    await it.person.ok(["run", "--network=none", "--name=kept", image, "true"]);
    await it.person.ok(["rm", "-v", "kept"]);
    expect((await volumes()).filter((each) => /^[0-9a-f]{64}$/.test(each))).toEqual([]);
  });

  test("of a detached container with --rm go when it ends", async () => {
    const before = await volumes();
    const id = (
      await it.person.ok(["run", "-d", "--rm", "--network=none", "-v", "/anon", it.image, "sleep", "60"])
    ).trim();
    expect((await volumes()).length).toBe(before.length + 1);
    await it.person.ok(["rm", "-f", id]);
    const deadline = Date.now() + 30_000;
    while ((await volumes()).length > before.length && Date.now() < deadline) await Bun.sleep(50);
    expect(await volumes()).toEqual(before);
  });

  test("stay when the container that they were made for ends with --rm and another has them", async () => {
    const before = await volumes();
    const start = async (...flags: string[]) =>
      (await it.person.ok(["run", "-d", "--network=none", ...flags, it.image, "sleep", "60"])).trim();
    const first = await start("--rm", "-v", "/anon", "-v", "/alone");
    await it.person.ok(["exec", first, ...sh("echo kept > /anon/x")]);
    const [second, third] = [await start("--rm", "--volumes-from", first), await start("--volumes-from", first)];
    await it.person.ok(["rm", "-f", first]);
    expect(await it.person.ok(["exec", second, "cat", "/anon/x"])).toBe("kept\n");
    await it.person.ok(["rm", "-f", second]);
    expect(await it.person.ok(["exec", third, "cat", "/anon/x"])).toBe("kept\n");
    await it.person.ok(["rm", "-f", "-v", third]);
    expect(await volumes()).toEqual(before);
    // also by their random names
    const owner = await start("--rm", "-v", "/anon");
    const [name = ""] = (await volumes()).filter((each) => !before.includes(each));
    const guest = await start("-v", `${name}:/guest`);
    await it.person.ok(["rm", "-f", owner]);
    await it.person.ok(["exec", guest, "touch", "/guest/x"]);
    await it.person.ok(["rm", "-f", guest]);
    await it.person.ok(["volume", "rm", name]);
  });

  test("go also where they hold folders deeper than any path", async () => {
    const before = await volumes();
    const script = "cd /anon; i=0; while [ $i -lt 700 ]; do mkdir 0123456789; cd -P 0123456789; i=$((i+1)); done; true";
    await it.output(["-v", "/anon"], sh(script));
    expect(await volumes()).toEqual(before);
    const left = readdirSync(`${it.person.storage}/volumes`).filter(
      (name) => !before.includes(name) && name !== ".lock",
    );
    expect(left).toEqual([]);
    expect(await it.person.ok(["ps", "-a", "-q"])).toBe("");
  });

  test("-v and --mount win over the image's VOLUME", async () => {
    const image = www("wins", { Volumes: { "/srv/www": {} } });
    const before = (await volumes()).length;
    expect(await run(["-v", "wins:/srv/www/"], image, "ls /srv/www | wc -l")).toBe("4");
    expect(await run(["--tmpfs", "/srv/www"], image, "ls /srv/www | wc -l")).toBe("0");
    expect((await volumes()).length).toBe(before + 1);
  });
});

describe("what may be done with a volume", () => {
  test("one that a container has is not removed, whether the container runs or not", async () => {
    await it.person.ok(["create", "--network=none", "--name=holder", "-v", "held:/data", it.image, "true"]);
    for (const flags of [[], ["-f"]]) {
      const refused = await it.person.run(["volume", "rm", ...flags, "held"]);
      expect(refused.exitCode).toBe(2);
      expect(refused.stderr).toMatch(/^tsbox: cannot remove volume held: volume is in use - \[[0-9a-f]{12}\]\n$/);
    }
    expect(await it.person.ok(["volume", "prune", "-a", "-f", "--filter", "label=none"])).toBe(
      "Total reclaimed space: 0B\n",
    );
    expect(await it.person.ok(["volume", "ls", "-q", "--filter", "name=held", "--filter", "dangling=false"])).toBe(
      "held\n",
    );
    await it.person.ok(["rm", "holder"]);
    expect(await it.person.ok(["volume", "rm", "held"])).toBe("held\n");
    expect((await it.person.run(["volume", "rm", "held"])).exitCode).toBe(1);
    expect((await it.person.run(["volume", "rm", "-f", "held"])).exitCode).toBe(0);
  });

  test("removing it while containers start with it: either they have it, or it is gone before", async () => {
    const results = await Promise.all(
      Array.from({ length: 8 }, (_, i) =>
        i % 2 === 0
          ? it.person.run([
              "run",
              "--rm",
              "--network=none",
              "-v",
              "fought:/data",
              it.image,
              ...sh("touch /data/x && ls /data"),
            ])
          : it.person.run(["volume", "rm", "fought"]),
      ),
    );
    for (const [i, { exitCode, stdout, stderr }] of results.entries()) {
      if (i % 2 === 0) expect({ exitCode, stdout, stderr }).toEqual({ exitCode: 0, stdout: "x\n", stderr: "" });
      else expect(stderr).toMatch(/^$|volume is in use|there is none of that name/);
    }
    expect(
      readdirSync(`${it.person.storage}/volumes`).filter((name) => name.startsWith(".") && name !== ".lock"),
    ).toEqual([]);
  });

  test("ro, U and a file system of its own", async () => {
    await it.output(["-v", "owned:/data"], sh("mkdir /data/sub; touch /data/sub/file; ln -s /etc/passwd /data/link"));
    expect((await it.run(["-v", "owned:/data:ro"], ["touch", "/data/x"])).stderr).toContain("Read-only file system");
    const look = "stat -c %u:%g /data /data/sub/file /data/link /etc/passwd; touch /data/sub/mine";
    expect(await it.output(["--user=1000:100", "-v", "owned:/data:U"], sh(look))).toBe(
      "1000:100\n1000:100\n1000:100\n0:0",
    );
    const folder = it.person.folder.join("bound");
    mkdirSync(`${folder}/sub`, { recursive: true });
    expect(await it.output(["--user=7:8", "-v", `${folder}:/data:U`], sh("stat -c %u:%g /data/sub"))).toBe("7:8");
    expect(statSync(`${folder}/sub`).uid).not.toBe(process.getuid?.());
    await it.output(["-v", `${folder}:/data:U`], ["true"]);
    expect(statSync(`${folder}/sub`).uid).toBe(process.getuid?.() ?? -1);
  });

  test("--volumes-from has what another container has, at the same places", async () => {
    const host = it.person.folder.join("host");
    mkdirSync(host);
    const flags = ["--name=first", "-v", "/anon", "-v", "shared:/shared", "-v", `${host}:/host`, "--tmpfs", "/t"];
    await it.person.ok(["run", "--network=none", ...flags, it.image, ...sh("touch /anon/a /shared/b /host/c")]);
    const from = ["--volumes-from", "first"];
    expect(await it.output(from, sh("ls /anon /shared /host; ls -d /t 2>&1; touch /shared/d"))).toBe(
      "/anon:\na\n\n/host:\nc\n\n/shared:\nb\nls: /t: No such file or directory",
    );
    expect((await it.run(["--volumes-from", "first:ro"], ["touch", "/shared/x", "/anon/x", "/host/x"])).stderr).toMatch(
      /(Read-only file system[\s\S]*){3}/,
    );
    expect(await it.output([...from, "-v", "other:/shared"], sh("ls /shared"))).toBe("");
    // the volume without a name is theirs as long as one of them is there
    await it.person.ok(["run", "--network=none", "--name=second", ...from, it.image, "true"]);
    await it.person.ok(["rm", "-v", "first"]);
    expect(await it.person.ok(["start", "-a", "second"])).toBe("");
    expect(await it.output(["--volumes-from", "second"], sh("ls /anon /shared"))).toBe("/anon:\na\n\n/shared:\nb\nd");
    await it.person.ok(["rm", "-v", "second"]);
    expect((await volumes()).filter((name) => /^[0-9a-f]{64}$/.test(name))).toEqual([]);
    const missing = await it.run(["--volumes-from", "nobody"], ["true"]);
    expect(missing.exitCode).toBe(125);
    expect(missing.stderr).toContain('"nobody"');
  });

  test("a subpath is found in the volume, whatever links it is full of", async () => {
    await it.output(
      ["-v", "deep:/data"],
      sh(
        "mkdir -p /data/a/b; echo in > /data/a/b/file; ln -s / /data/out; ln -s ../../../../etc /data/a/etc; mkdir /data/etc; echo own > /data/etc/passwd",
      ),
    );
    const sub = (path: string) => ["--mount", `type=volume,src=deep,dst=/x,volume-subpath=${path}`];
    expect(await it.output(sub("a/b"), sh("cat /x/file"))).toBe("in");
    expect(await it.output(sub("a/b/file"), sh("cat /x"))).toBe("in");
    expect(await it.output(sub("out"), sh("ls /x"))).toBe("a\netc\nout");
    expect(await it.output(sub("a/etc"), sh("cat /x/passwd"))).toBe("own");
    expect((await it.run(sub("none"), ["true"])).exitCode).toBe(125);
  });
});

describe("tsbox volume", () => {
  test("create, ls, inspect and exists", async () => {
    expect(await it.person.ok(["volume", "create", "--label", "a=b", "--label", "c", "labelled"])).toBe("labelled\n");
    expect(await it.person.ok(["volume", "create", "labelled"])).toBe("labelled\n");
    const name = (await it.person.ok(["volume", "create"])).trim();
    expect(name).toMatch(/^[0-9a-f]{64}$/);
    const [row] = JSON.parse(await it.person.ok(["volume", "inspect", "labelled"]));
    const Mountpoint = `${it.person.storage}/volumes/labelled/_data`;
    expect(row).toMatchObject({
      Name: "labelled",
      Driver: "local",
      Labels: { a: "b", c: "" },
      Mountpoint,
      Scope: "local",
    });
    const found = (filter: string) => it.person.ok(["volume", "ls", "-q", "--filter", filter]);
    expect(await found("label=a=b")).toBe("labelled\n");
    expect(await found("label=a=c")).toBe("");
    expect(await found("name=abell")).toBe("labelled\n");
    expect(await it.person.ok(["volume", "ls", "--filter", "name=labelled", "--format", "{{.Name}} {{.Labels}}"])).toBe(
      "labelled a=b,c=\n",
    );
    // Docker's fields that are not counted
    const rare = "{{.Links}} {{.Size}} {{.Status}} {{.Availability}} {{.Group}}";
    expect(await it.person.ok(["volume", "ls", "--filter", "name=labelled", "--format", rare])).toBe(
      "N/A N/A N/A N/A N/A\n",
    );
    expect((await it.person.run(["volume", "exists", "labelled"])).exitCode).toBe(0);
    expect((await it.person.run(["volume", "exists", "../volumes/labelled"])).exitCode).toBe(1);
    expect((await it.person.run(["volume", "inspect", "labelled", "none"])).exitCode).toBe(1);
    for (const bad of [
      ["../x"],
      [".x"],
      ["a/b"],
      ["-o", "type=nfs", "-o", "device=:/x", "n"],
      ["-d", "other", "n"],
      ["-o", "size=1", "n"],
    ])
      expect((await it.person.run(["volume", "create", ...bad])).exitCode).not.toBe(0);
    expect(await it.person.ok(["volume", "prune", "-f"])).toContain(name);
    expect(await it.person.ok(["volume", "prune", "-a", "-f", "--filter", "label=c"])).toContain("labelled");
    expect((await it.person.run(["volume", "exists", "labelled"])).exitCode).toBe(1);
  });

  test("prune tells how much there is again", async () => {
    await it.person.ok(["volume", "create", "--label", "large", "big"]);
    await Bun.write(`${it.person.storage}/volumes/big/_data/file`, "x".repeat(5678));
    const prune = () => it.person.ok(["volume", "prune", "-a", "-f", "--filter", "label=large"]);
    expect(await prune()).toBe("Deleted Volumes:\nbig\n\nTotal reclaimed space: 5.678kB\n");
    expect(await prune()).toBe("Total reclaimed space: 0B\n");
  });

  test("prune asks", async () => {
    const name = (await it.person.ok(["volume", "create"])).trim();
    expect(await it.person.ok(["volume", "prune"], { stdin: "n\n" })).toContain("Are you sure");
    expect(await volumes()).toContain(name);
    expect(await it.person.ok(["volume", "prune"], { stdin: "y\n" })).toContain(name);
    expect(await volumes()).not.toContain(name);
  });

  test("a volume may stand for a folder of the host, or be in memory", async () => {
    const image = www("options");
    const folder = it.person.folder.join("device");
    mkdirSync(folder);
    await it.person.ok(["volume", "create", "-o", "type=none", "-o", `device=${folder}`, "-o", "o=bind", "bound"]);
    expect(await run(["-v", "bound:/srv/www"], image, LOOK)).toBe(WWW);
    // a folder of the host is its image's user's now, as with Docker
    expect(await run(["-v", `${folder}:/b`], image, "ls /b")).toBe("index\nlink\nsub\ntool");
    await it.person.ok(["volume", "create", "-o", "type=tmpfs", "-o", "o=size=1m,mode=700", "memory"]);
    expect(
      await run(
        ["-v", "memory:/srv/www"],
        image,
        `cat /srv/www/index; df -k /srv/www | tail -1 | awk '{print $2}'; touch /srv/www/x`,
      ),
    ).toBe("page1024");
    expect(await run(["-v", "memory:/srv/www:nocopy"], image, "ls /srv/www; stat -c %a /srv/www")).toBe("700");
    // the folder stays, and what is in it
    await it.person.ok(["volume", "rm", "bound", "memory"]);
    expect(await run(["-v", `${folder}:/b`], image, "ls /b")).toBe("index\nlink\nsub\ntool");
    await it.person.ok(["volume", "create", "-o", "type=bind", "-o", `device=${folder}`, "back"]);
    await run(["-v", "back:/b"], image, "rm -r /b/*");
  });

  test("export and import keep owners, modes, links, attributes and holes", async () => {
    const script = `cd /data; mkdir -p d/e; echo 1 > d/one; ln d/one two; ln -s two three; chmod 4711 d/one; chown 5:6 d/e
      mkfifo fifo; dd if=/dev/zero of=sparse bs=1 count=1 seek=1048575 2> /dev/null; chown 1000:1000 d; chmod 700 d`;
    await it.output(["-v", "from:/data"], sh(script));
    const look =
      "cd /data; find . ! -name sparse | sort | xargs stat -c '%a %u:%g %h %F %n'; cat d/one three; stat -c %s sparse";
    const there = await it.output(["-v", "from:/data"], sh(look));
    const file = it.person.folder.join("from.tar");
    await it.person.ok(["volume", "export", "-o", file, "from"]);
    const listing = Bun.spawnSync(["tar", "--numeric-owner", "-tvf", file]).stdout.toString();
    expect(listing).toMatch(/drwx------ 1000\/1000 .*\.\/d\//);
    await it.person.ok(["volume", "create", "to"]);
    expect((await it.person.run(["volume", "import", "none", file])).exitCode).toBe(1);
    await it.person.ok(["volume", "import", "to", file]);
    expect(await it.output(["-v", "to:/data"], sh(look))).toBe(there);
    await it.person.ok(["volume", "create", "piped"]);
    await it.person.ok(["volume", "import", "piped", "-"], { stdin: readFileSync(file) });
    expect(await it.output(["-v", "piped:/data"], sh(look))).toBe(there);
  });

  test("a hostile archive stays in the volume", async () => {
    const outside = it.person.folder.join("victim");
    mkdirSync(outside);
    const archive = writeTar([
      { path: `../../../../../../../..${outside}/one`, data: "x" },
      { path: "link", type: "symlink", target: outside, mode: 0o777 },
      { path: "link/two", data: "x" },
      { path: "_data/../../volume.json", data: "{}" },
    ]);
    await it.person.ok(["volume", "create", "hostile"]);
    await it.person.run(["volume", "import", "hostile", "-"], { stdin: archive });
    expect(readdirSync(outside)).toEqual([]);
    expect(JSON.parse(readFileSync(`${it.person.storage}/volumes/hostile/volume.json`, "utf8")).name).toBe("hostile");
    // a link that was there before leads nowhere either
    symlinkSync(outside, `${it.person.storage}/volumes/hostile/_data/before`);
    await it.person.run(["volume", "import", "hostile", "-"], {
      stdin: writeTar([{ path: "before/three", data: "x" }]),
    });
    expect(readdirSync(outside)).toEqual([]);
  });
});

describe("--mount type=image", () => {
  for (const driver of ["overlay", "copy"]) {
    test(`shows another image's files, to be written only when asked, and then nowhere else (${driver})`, async () => {
      const image = www(`mounted-${driver}`);
      const mount = (more = "") => [
        `--storage-driver=${driver}`,
        "--mount",
        `type=image,src=${image},dst=/srv/other${more}`,
      ];
      const read = "cat /srv/other/srv/www/index; ls -d /srv/other/bin; touch /srv/other/x 2>&1 | grep -o Read-only";
      expect(await it.output(mount(), sh(read))).toBe("page/srv/other/bin\nRead-only");
      expect(
        await it.output(
          mount(",rw=true"),
          sh("echo new > /srv/other/srv/www/index; rm -r /srv/other/bin; ls /srv/other | head -2"),
        ),
      ).toBe("dev\netc");
      expect(await it.output(mount(), sh("cat /srv/other/srv/www/index; stat -c %u:%g /srv/other/srv/www"))).toBe(
        "page33:34",
      );
      expect(await it.output(mount(",subpath=srv/www/sub"), sh("cat /srv/other/file"))).toBe("deep");
      expect(await it.output(mount(",subpath=srv/www/index"), sh("cat /srv/other"))).toBe("page");
    });
  }

  test("its layers are kept for a container that has it", async () => {
    const image = www("needed");
    await it.person.ok([
      "create",
      "--network=none",
      "--name=needs",
      "--mount",
      `type=image,src=${image},dst=/i`,
      it.image,
      "cat",
      "/i/srv/www/index",
    ]);
    await it.person.run(["rmi", "-f", image]);
    expect(await it.person.ok(["start", "-a", "needs"])).toBe("page");
    await it.person.ok(["rm", "needs"]);
  });
});

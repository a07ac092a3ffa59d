/** `tsbox cp`: Docker's rules, for containers that run and that do not. */
import { beforeAll, beforeEach, describe, expect } from "bun:test";
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { until } from "../../integration/detached/host.ts";
import { writeTar } from "../../support/tar.ts";
import { containers, test } from "./containers.ts";

const it = containers();
const at = (path: string) => `${it.here}/${path}`;
const read = (path: string) => readFileSync(at(path), "utf8");

beforeAll(async () => {
  await it.running("up", ["--tmpfs", "/scratch"]);
  await it.running("down");
  await it.inside("down", "true");
  await it.ok(["stop", "-t", "0", "down"]);
  await it.ran("copied", "true", ["--storage-driver=copy"]);
});

beforeEach(() => {
  rmSync(it.here, { recursive: true, force: true });
  mkdirSync(`${it.here}/src/sub`, { recursive: true });
  writeFileSync(at("src/f"), "hello\n", { mode: 0o751 });
  symlinkSync("f", at("src/link"));
  linkSync(at("src/f"), at("src/sub/hard"));
  utimesSync(at("src/f"), 981173106, 981173106);
});

for (const name of ["up", "down", "copied"]) {
  describe(`container "${name}"`, () => {
    test("a folder comes out whole: modes, times, links and hard links", async () => {
      await it.ok(["cp", "src", `${name}:/in-${name}`]);
      await it.ok(["cp", `${name}:/in-${name}`, "out"]);
      expect(readdirSync(at("out")).sort()).toEqual(["f", "link", "sub"]);
      expect(read("out/f")).toBe("hello\n");
      const stat = lstatSync(at("out/f"));
      expect([stat.mode & 0o7777, stat.mtimeMs / 1000, stat.nlink]).toEqual([0o751, 981173106, 2]);
      expect(lstatSync(at("out/sub/hard")).ino).toBe(stat.ino);
      expect(readlinkSync(at("out/link"))).toBe("f");
      expect(stat.uid).toBe(process.getuid?.() ?? -1);
    });

    test("a folder that is there gets the source in it, or with /. what is in the source", async () => {
      mkdirSync(at("there"));
      await it.ok(["cp", `${name}:/opt/a`, "there"]);
      await it.ok(["cp", `${name}:/opt/a/.`, "there"]);
      expect(readdirSync(at("there")).sort()).toEqual(["a", "one", "two"]);
      await it.ok(["cp", "src", `${name}:/opt/a`]);
      await it.ok(["cp", "src/.", `${name}:/opt/a/`]);
      await it.ok(["cp", `${name}:/opt/a/.`, "back"]);
      expect(readdirSync(at("back")).sort()).toEqual(["f", "link", "one", "src", "sub", "two"]);
    });

    test("a file gets another name, replaces a file, or goes into a folder", async () => {
      await it.ok(["cp", `${name}:/opt/a/one`, "renamed"]);
      expect(read("renamed")).toBe("1");
      await it.ok(["cp", `${name}:/opt/a/two`, "renamed"]);
      expect(read("renamed")).toBe("2");
      await it.ok(["cp", `${name}:/opt/a/two`, "src"]);
      expect(read("src/two")).toBe("2");
    });

    test("what does not fit is refused, and nothing is made", async () => {
      const refused = async (...args: string[]) => {
        const result = await it.tsbox(["cp", ...args]);
        expect([args, result.exitCode]).toEqual([args, 1]);
        return result.stderr;
      };
      expect(await refused(`${name}:/nope`, "x")).toContain(`cannot copy ${name}:/nope: no such file or folder`);
      await refused("nope", `${name}:/tmp`);
      await refused(`${name}:/opt/a/one`, "missing/");
      await refused(`${name}:/opt/a/one`, "missing/x");
      await refused(`${name}:/opt/a`, "src/f");
      await refused(`${name}:/opt/a/one/`, "x");
      await refused("src", `${name}:/etc/passwd`);
      await refused("src/f", `${name}:/missing/x`);
      await refused("src/f", `${name}:/missing/`);
      mkdirSync(at("clash/one"), { recursive: true });
      await refused(`${name}:/opt/a/.`, "clash");
      expect(existsSync(at("x"))).toBe(false);
      expect(existsSync(at("missing"))).toBe(false);
    });

    test("a link is copied as a link, with -L what it leads to; a destination's link is followed inside the container", async () => {
      await it.ok(["cp", `${name}:/bin/ls`, "ls"]);
      expect(lstatSync(at("ls")).isSymbolicLink()).toBe(true);
      await it.ok(["cp", "-L", `${name}:/bin/ls`, "ls-file"]);
      expect(lstatSync(at("ls-file")).isFile()).toBe(true);
      symlinkSync("/etc/passwd", at("absolute"));
      await it.ok(["cp", "absolute", `${name}:/tmp/pass`]);
      await it.ok(["cp", "src/f", `${name}:/tmp/pass`]);
      await it.ok(["cp", `${name}:/etc/passwd`, "changed"]);
      expect(read("changed")).toBe("hello\n");
    });

    test("holes stay holes", async () => {
      writeFileSync(at("sparse"), "begin");
      truncateSync(at("sparse"), 64 * 1024 * 1024);
      await it.ok(["cp", "sparse", `${name}:/tmp/sparse`]);
      await it.ok(["cp", `${name}:/tmp/sparse`, "back"]);
      expect(statSync(at("back")).size).toBe(64 * 1024 * 1024);
      expect(statSync(at("back")).blocks).toBeLessThan(64);
      expect(read("back").slice(0, 6)).toBe("begin\0");
    });

    test("owners become root's in the container and the caller's outside; -a keeps them both ways", async () => {
      await it.ok(["cp", `${name}:/opt/b`, "plain"]);
      expect(statSync(at("plain")).uid).toBe(process.getuid?.() ?? -1);
      await it.ok(["cp", "-a", `${name}:/opt/b`, "kept"]);
      expect(statSync(at("kept")).uid).toBeGreaterThan(65536);
      await it.ok(["cp", "kept", `${name}:/tmp/roots`]);
      await it.ok(["cp", "-a", "kept", `${name}:/tmp/kept`]);
      const owners = Bun.spawnSync(["tar", "tv", "--numeric-owner"], {
        stdin: Buffer.concat([await bytes("cp", `${name}:/tmp/roots`, "-")]),
      }).stdout.toString();
      expect(owners).toContain(" 0/0 ");
      const kept = Bun.spawnSync(["tar", "tv", "--numeric-owner"], {
        stdin: await bytes("cp", `${name}:/tmp/kept`, "-"),
      });
      expect(kept.stdout.toString()).toContain(" 33/33 ");
    });

    test("- is an archive on standard input and output, as Docker names its members", async () => {
      const names = async (path: string) =>
        Bun.spawnSync(["tar", "t"], { stdin: await bytes("cp", `${name}:${path}`, "-") }).stdout.toString();
      expect(await names("/opt/gone")).toBe("gone/\ngone/x\n");
      expect(await names("/opt/gone/.")).toBe("./\n./x\n");
      expect(await names("/opt/gone/x")).toBe("x\n");
      const archive = writeTar([
        { path: "arch/", type: "directory", uid: 7, gid: 8 },
        { path: "arch/file", data: "from tar", uid: 7, gid: 8, mode: 0o640 },
        { path: "made/for/it", data: "x" },
      ]);
      await it.ok(["cp", "-", `${name}:/tmp`], { stdin: archive });
      const listed = Bun.spawnSync(["tar", "tv", "--numeric-owner"], {
        stdin: await bytes("cp", `${name}:/tmp/arch`, "-"),
      });
      expect(listed.stdout.toString()).toMatch(/-rw-r----- 7\/8\s+8 .* arch\/file/);
      await it.ok(["cp", `${name}:/tmp/made/for/it`, "it"]);
      expect(read("it")).toBe("x");
      expect((await it.tsbox(["cp", "-", `${name}:/etc/group`], { stdin: archive })).exitCode).toBe(1);
      expect((await it.tsbox(["cp", "-", `${name}:/tmp`], { stdin: "no archive".repeat(100) })).exitCode).toBe(1);
    });
  });
}

/** Standard output as it is. */
async function bytes(...args: string[]): Promise<Uint8Array> {
  const child = it.person.spawn(args, { cwd: it.here });
  await child.stdin.end();
  const output = await new Response(child.stdout).bytes();
  if ((await child.exited) !== 0) throw new Error(await new Response(child.stderr).text());
  return output;
}

test("a container that runs shows its tmpfs, and files that are mounted are written to, not replaced", async () => {
  await it.ok(["cp", "src/f", "up:/scratch/f"]);
  expect(await it.inside("up", "cat /scratch/f; ls -ln /scratch/f | cut -d' ' -f1")).toBe("hello\n-rwxr-x--x\n");
  await it.ok(["cp", "src/f", "up:/etc/hosts"]);
  expect(await it.inside("up", "cat /etc/hosts; grep -c ' /etc/hosts ' /proc/self/mounts")).toBe("hello\n1\n");
});

test("of the kernel's file systems only the folder is copied", async () => {
  await it.ok(["cp", "up:/", "all"]);
  expect(readdirSync(at("all/proc"))).toEqual([]);
  expect(readdirSync(at("all/sys"))).toEqual([]);
  expect(readdirSync(at("all/bin")).length).toBeGreaterThan(100);
});

test("from container to container", async () => {
  await it.ok(["cp", "up:/opt", "down:/from-up"]);
  await it.ok(["cp", "down:/from-up/gone/.", "up:/tmp/twice"]);
  expect(await it.inside("up", "cat /tmp/twice/x")).toBe("x");
  expect((await it.tsbox(["cp", "up:/opt", "up:/opt/inner"])).stderr).toContain("it is in what is copied");
});

test("a container starts again with what was copied while it did not run, and is not started during a copy", async () => {
  await it.running("again");
  await it.ok(["stop", "-t", "0", "again"]);
  await it.ok(["cp", "src/f", "again:/kept"]);
  const holding = it.person.spawn(["cp", "-", "again:/tmp"], { cwd: it.here });
  const lock = `${it.person.storage}/containers/${(await it.ok(["ps", "-aq", "--no-trunc", "--filter", "name=again"])).trim()}/lock`;
  await until("it holds the lock", () => !Bun.spawnSync(["flock", "--nonblock", lock, "true"]).success);
  expect((await it.tsbox(["start", "again"])).exitCode).not.toBe(0);
  holding.stdin.write(writeTar([{ path: "late", data: "late" }]));
  await holding.stdin.end();
  expect(await holding.exited).toBe(0);
  await it.ok(["start", "again"]);
  expect(await it.inside("again", "cat /kept /tmp/late")).toBe("hello\nlate");
});

for (const driver of ["overlay", "copy"]) {
  test(`a container of the driver ${driver} that does not run shows its volumes and binds too`, async () => {
    const name = `vols-${driver}`;
    mkdirSync(at("bound"));
    writeFileSync(at("bound/of-host"), "of host");
    const bind = `${it.here}/bound`;
    const flags = ["-v", `data-${driver}:/data`, "-v", `${bind}:/bound`, "-v", `${bind}:/fixed:ro`, "-v", "/opt"];
    await it.ran(name, "echo inner > /data/x; rm /opt/b; mkdir /data/sub", [`--storage-driver=${driver}`, ...flags]);
    await it.ok(["cp", `${name}:/bound/of-host`, "copy"]);
    expect(read("copy")).toBe("of host");
    await it.ok(["cp", `${name}:/data/x`, "x"]);
    expect(read("x")).toBe("inner\n");
    await it.ok(["cp", `${name}:/opt`, "opt"]);
    expect(readdirSync(at("opt")).sort()).toEqual(["a", "gone"]);
    await it.ok(["cp", "x", `${name}:/data/new`]);
    await it.ok(["cp", "x", `${name}:/bound/new`]);
    expect(read("bound/new")).toBe("inner\n");
    expect((await it.tsbox(["cp", "x", `${name}:/fixed/new`])).stderr).toContain("read-only");
    expect(await it.ok(["run", "--rm", "--network=none", "-v", `data-${driver}:/d`, it.image, "ls", "/d"])).toBe(
      "new\nsub\nx\n",
    );
  });
}

test("a container that never ran is copied to, and starts with that", async () => {
  await it.ok([
    "create",
    "--name",
    "fresh",
    "--network=none",
    "-v",
    "fresh-data:/opt",
    it.image,
    "cat",
    "/opt/a/one",
    "/opt/f",
  ]);
  await it.ok(["cp", "src/f", "fresh:/opt/f"]);
  expect(await it.ok(["start", "-a", "fresh"])).toBe("1hello\n");
});

test("files of any name and size, in folders of any mode", async () => {
  await it.inside(
    "up",
    `mkdir -p /odd/ro; cd /odd; touch -- "$(printf 'a\\377b')" 'sp ace' '-n' 'nl
x'; head -c 3000001 /dev/urandom > big; long=$(printf 'n%.0s' $(seq 200)); touch $long ro/f; chmod 555 ro; md5sum big`,
  );
  await it.ok(["cp", "up:/odd", "odd"]);
  expect(readdirSync(at("odd"), { encoding: "latin1" }).sort()).toEqual(
    ["-n", "a\xffb", "big", "nl\nx", "n".repeat(200), "ro", "sp ace"].sort(),
  );
  expect(statSync(at("odd/ro")).mode & 0o777).toBe(0o555);
  const sum = new Bun.CryptoHasher("md5").update(readFileSync(at("odd/big"))).digest("hex");
  expect(await it.inside("up", "md5sum /odd/big")).toContain(sum);
  Bun.spawnSync(["chmod", "-R", "u+w", at("odd")]);
});

test("the command line: two sides, one of them in a container", async () => {
  for (const args of [["a"], ["a", "b"], ["a", "b", "up:/c"], ["-", "-"], ["up:/a", ""]])
    expect([args, (await it.tsbox(["cp", ...args])).exitCode]).toEqual([args, 125]);
  expect((await it.tsbox(["cp", "nobody:/x", "y"])).stderr).toContain("nobody");
  writeFileSync(at("c:d"), "colon");
  await it.ok(["cp", "./c:d", "up:tmp/colon"]);
  expect(await it.inside("up", "cat /tmp/colon")).toBe("colon");
});

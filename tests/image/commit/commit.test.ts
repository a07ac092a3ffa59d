/** `tsbox commit`: images of containers, read by tsbox and by others. */
import { beforeAll, describe, expect } from "bun:test";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { containers, test } from "../../container/copy/containers.ts";
import { program, requires } from "../../support/skip.ts";

const it = containers();

const CHANGES = `cd /opt; echo 11 > a/one; rm a/two; rm -r gone; mkdir gone; echo n > gone/new; mkdir -p new/deep; echo f > new/deep/f
  ln new/deep/f new/hard; ln -s /etc/passwd new/ln; chown 5:6 new/hard; chmod 4750 new/hard; rm b; mkdir b; touch b/z; rm /etc/group
  chmod 700 /home; mkfifo new/fifo; touch -d @1000000000 a/one`;

/** Everything that could differ, of files that the changes are about. */
const LOOK =
  "cd /opt; find . ! -type d -exec stat -c '%n %f %u %g %s %Y %h %N' {} + | sort; find . -type d -exec stat -c '%n %f %u %g' {} + | sort; cat a/one gone/new new/hard; ls /etc; stat -c %a /home";

interface Manifest {
  readonly mediaType: string;
  readonly config: { readonly digest: string; readonly mediaType: string };
  readonly layers: readonly { readonly digest: string; readonly mediaType: string }[];
  readonly annotations?: Readonly<Record<string, string>>;
}

const blob = (digest: string) => readFileSync(`${it.person.storage}/blobs/sha256/${digest.slice("sha256:".length)}`);
const index = (): { manifests: { digest: string; annotations?: Record<string, string> }[] } =>
  JSON.parse(readFileSync(`${it.person.storage}/index.json`, "utf8"));

/** The manifest of an image that has this id. */
function manifestOf(id: string): Manifest {
  const all = index().manifests.map(({ digest }) => JSON.parse(blob(digest).toString()) as Manifest); // cast: tsbox wrote it
  const found = all.find(({ config }) => config?.digest === id.trim());
  if (found === undefined) throw new Error(`no manifest for ${id}`);
  return found;
}

const members = (id: string): string[] =>
  Bun.spawnSync(["tar", "tzf", "-"], { stdin: blob(manifestOf(id).layers.at(-1)?.digest ?? "") })
    .stdout.toString()
    .trim()
    .split("\n");

const drivers = ["overlay", "copy", ...(Bun.which("fuse-overlayfs") === null ? [] : ["fuse-overlayfs"])];

for (const driver of drivers) {
  describe(`a container of the driver ${driver}`, () => {
    let id = "";
    beforeAll(async () => {
      await it.ran(`c-${driver}`, CHANGES, [`--storage-driver=${driver}`]);
      id = await it.ok(["commit", `c-${driver}`, `made-${driver}`]);
    });

    test("runs as an image that shows the same files", async () => {
      expect(id).toMatch(/^sha256:[0-9a-f]{64}\n$/);
      const script = `${CHANGES}; ${LOOK}`;
      const own = await it.ok(["run", "--rm", "--network=none", it.image, "sh", "-ec", script]);
      const stable = (text: string) => text.replaceAll(/ 17\d{8} | 1[89]\d{8} /g, " now ");
      const made = await it.ok(["run", "--rm", "--network=none", `made-${driver}`, "sh", "-c", LOOK]);
      expect(stable(made)).toBe(stable(own));
    });

    test("has whiteouts for what is gone, and nothing of what tsbox mounts", () => {
      const names = members(id);
      expect(names).toContain("etc/.wh.group");
      expect(names).toContain("opt/a/.wh.two");
      expect(names.some((name) => name === "opt/gone/.wh..wh..opq" || name === "opt/gone/.wh.x")).toBe(true);
      for (const stub of ["etc/hosts", "etc/resolv.conf", "dev/", "proc/", "sys/"]) expect(names).not.toContain(stub);
    });

    test("committed again is the same layer, byte for byte", async () => {
      const again = await it.ok(["commit", `c-${driver}`]);
      expect(manifestOf(again).layers).toEqual([...manifestOf(id).layers]);
    });
  });
}

describe("the image's documents", () => {
  beforeAll(async () => {
    await it.ran("doc", "echo x > /x", ["-e", "SET=by-run", "--label", "own=1", "-w", "/opt", "--user", "0:0"]);
  });

  test("say what the container was made with, what --change says, and who made it why", async () => {
    const id = await it.ok([
      ...["commit", "-a", "An Author", "-m", "the reason", "-c", "ENV MORE=$SET.", "--change", 'CMD ["cat", "/x"]'],
      ...["-c", "EXPOSE 80", "doc", "documented:v1"],
    ]);
    const config = JSON.parse(blob(id.trim()).toString());
    expect(config.author).toBe("An Author");
    expect(config.config.Env).toEqual(["PATH=/usr/bin:/bin", "SET=by-run", "MORE=by-run."]);
    expect(config.config).toMatchObject({ WorkingDir: "/opt", User: "0:0", Labels: { own: "1" }, Cmd: ["cat", "/x"] });
    expect(config.config.ExposedPorts).toEqual({ "80/tcp": {} });
    expect(config.history).toHaveLength(3);
    expect(config.history.at(-1)).toMatchObject({
      author: "An Author",
      comment: "the reason",
      created_by: "sh -ec echo x > /x",
    });
    expect(await it.ok(["run", "--rm", "--network=none", "documented:v1"])).toBe("x\n");
  });

  test("without a name it is found by its id, with --iidfile the id is written", async () => {
    const id = await it.ok(["commit", "-q", "-c", "LABEL nameless=1", "--iidfile", "id", "doc"]);
    expect(readFileSync(`${it.here}/id`, "utf8")).toBe(id.trim());
    expect(await it.ok(["images", "-q", "--no-trunc"])).toContain(id.trim());
    const print = ["run", "--rm", "--network=none"];
    for (const name of [id.trim(), id.slice(7, 19)]) expect(await it.ok([...print, name, "cat", "/x"])).toBe("x\n");
    await it.ok(["rmi", id.slice(7, 19)]);
    expect(await it.ok(["images", "-q", "--no-trunc"])).not.toContain(id.trim());
  });

  test("are Docker's with --format docker, and run all the same", async () => {
    const id = await it.ok(["commit", "-f", "docker", "doc", "dockers"]);
    const manifest = manifestOf(id);
    expect(manifest.mediaType).toBe("application/vnd.docker.distribution.manifest.v2+json");
    expect(new Set(manifest.layers.map(({ mediaType }) => mediaType))).toEqual(
      new Set(["application/vnd.docker.image.rootfs.diff.tar.gzip"]),
    );
    expect(await it.ok(["run", "--rm", "--network=none", "dockers", "cat", "/x"])).toBe("x\n");
  });

  test("of a container that changed nothing there is no layer more", async () => {
    await it.ran("same", "true");
    const manifest = manifestOf(await it.ok(["commit", "-c", "LABEL only=this", "same", "same"]));
    expect(manifest.layers).toHaveLength(2);
    expect(await it.ok(["run", "--rm", "--network=none", "same", "cat", "/opt/b"])).toBe("bbb");
  });

  requires(program("skopeo"), program("umoci"))("are read by skopeo and umoci, layer and all", async () => {
    await it.ok(["commit", "c-overlay", "for-others:tag"]);
    const reference = `${it.person.storage}:docker.io/library/for-others:tag`;
    const run = (...command: string[]) => Bun.spawnSync(command, { cwd: it.here, env: { ...it.person.env } });
    const inspect = run("skopeo", "inspect", `oci:${reference}`);
    expect(inspect.stderr.toString()).toBe("");
    expect(JSON.parse(inspect.stdout.toString()).Layers).toHaveLength(3);
    const copy = run("skopeo", "copy", "-q", `oci:${reference}`, `oci:${it.here}/copied:tag`);
    expect(copy.stderr.toString()).toBe("");
    const unpack = run("umoci", "unpack", "--rootless", "--image", `${it.here}/copied:tag`, `${it.here}/bundle`);
    expect([unpack.exitCode, unpack.stderr.toString()]).toEqual([0, ""]);
    expect(readFileSync(`${it.here}/bundle/rootfs/opt/a/one`, "utf8")).toBe("11\n");
    expect(existsSync(`${it.here}/bundle/rootfs/opt/a/two`)).toBe(false);
    expect(readdirSync(`${it.here}/bundle/rootfs/opt/gone`)).toEqual(["new"]);
    Bun.spawnSync(["chmod", "-R", "u+rwx", `${it.here}/bundle`]);
  });
});

describe("a container that runs", () => {
  test("is committed without what is in volumes, tmpfs and binds", async () => {
    writeFileSync(`${it.here}/host-file`, "host secret");
    await it.running("mounted", ["--tmpfs", "/scratch", "-v", `${it.here}:/host`, "-v", "data:/data"]);
    await it.inside("mounted", "for d in scratch host data root; do echo private > /$d/file; done");
    const id = await it.ok(["commit", "mounted", "mounted"]);
    const names = members(id);
    expect(names).toContain("root/file");
    expect(names.filter((name) => /^(scratch|host|data)\/./.test(name))).toEqual([]);
    const layer = Bun.gunzipSync(new Uint8Array(blob(manifestOf(id).layers.at(-1)?.digest ?? "")));
    expect(Buffer.from(layer).includes("host secret")).toBe(false);
  });

  test("is committed whole while it writes, removes and renames", async () => {
    await it.running("busy");
    await it.ok([
      "exec",
      "-d",
      "busy",
      "sh",
      "-c",
      "while :; do mkdir -p /w/a/b; echo x > /w/a/b/c; mv /w /v; rm -r /v; done",
    ]);
    for (let i = 0; i < 5; i++) {
      const id = await it.ok(["commit", "--pause=false", "busy", "busy"]);
      expect(await it.ok(["run", "--rm", "--network=none", id.trim(), "cat", "/opt/b"])).toBe("bbb");
    }
  });
});

test("a commit that is killed leaves no image, and the next clean-up takes the rest", async () => {
  await it.ran("large", "head -c 50000000 /dev/urandom > /large");
  const before = index().manifests.length;
  const blobs = readdirSync(`${it.person.storage}/blobs/sha256`).length;
  const child = it.person.spawn(["commit", "large", "killed"]);
  await Bun.sleep(400);
  child.kill("SIGKILL");
  await child.exited;
  expect(child.signalCode).toBe("SIGKILL");
  expect(index().manifests).toHaveLength(before);
  expect(readdirSync(`${it.person.storage}/blobs/sha256`)).toHaveLength(blobs);
  await it.ok(["commit", "large", "killed"]);
  await it.ok(["rmi", "killed"]);
  expect(readdirSync(`${it.person.storage}/tmp`).filter((name) => name.startsWith("lease-"))).toEqual([]);
});

test("what cannot be committed is named, before anything is done", async () => {
  await it.ran("wh", "touch /tmp/.wh.name");
  expect((await it.tsbox(["commit", "wh", "x"])).stderr).toContain('"/tmp/.wh.name"');
  expect((await it.tsbox(["commit", "-c", "RUN x", "wh", "x"])).stderr).toContain("RUN x");
  expect((await it.tsbox(["commit", "wh", "oci:/tmp/x"])).exitCode).toBe(125);
  expect((await it.tsbox(["commit", "-f", "other", "wh"])).exitCode).toBe(125);
  expect((await it.tsbox(["commit", "nobody"])).exitCode).toBe(1);
});

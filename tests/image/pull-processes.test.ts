/** Pulls that are killed, that meet, and that find the disk full. */
import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { Store } from "../../src/store/index.ts";
import { lines, temporaryStore } from "../store/support.ts";
import { program, requires, userNamespaces } from "../support/skip.ts";
import { temporaryFolder } from "../support/tmp.ts";
import { childImage } from "./pull-child.ts";
import { NOTHING, visible } from "./support.ts";

const SCRIPT = join(import.meta.dir, "pull-child.ts");
const STOP = 2_500_000;

function pull(store: Store, name: string, ...stop: string[]) {
  return Bun.spawn([process.execPath, SCRIPT, store.root, name, ...stop], { stdout: "pipe", stderr: "inherit" });
}

async function answer(child: ReturnType<typeof pull>): Promise<Record<string, unknown>> {
  const { value } = await lines(child.stdout).next();
  return JSON.parse(value ?? "null");
}

const peers = requires(program("skopeo"), program("umoci"));

peers(
  "a pull that is killed leaves a valid layout without the image, and the next goes on with its downloads",
  async () => {
    using folder = temporaryStore();
    const { store } = folder;
    await using killed = pull(store, "localhost/x", String(STOP));
    const told = lines(killed.stdout);
    for (let layer = 0; layer < 3; layer++) expect((await told.next()).value).toBe('"stopped"');
    killed.kill("SIGKILL");
    await killed.exited;
    expect(store.index.read().manifests).toEqual([]);
    expect(Bun.spawnSync(["umoci", "ls", "--layout", store.root]).exitCode).toBe(0);

    await using second = pull(store, "localhost/x");
    const offsets = [0, 1, 2].map((index) => ({ index, offset: STOP }));
    expect(await answer(second)).toMatchObject({ opened: expect.arrayContaining(offsets) });
    const { names, layers, tmp } = visible(store);
    expect({ names, layers: layers.length, tmp }).toEqual({ names: 1, layers: 3, tmp: [] });
    using copy = temporaryFolder();
    const command = [
      "copy",
      "-q",
      "--insecure-policy",
      `oci:${store.root}:localhost/x:latest`,
      `oci:${copy.join("x")}`,
    ];
    const { stderr, exitCode } = Bun.spawnSync(["skopeo", ...command]);
    expect({ stderr: stderr.toString(), exitCode }).toEqual({ stderr: "", exitCode: 0 });
  },
);

test("two pulls of one image at once share the work", async () => {
  using folder = temporaryStore();
  const { store } = folder;
  await using first = pull(store, "localhost/x");
  await using second = pull(store, "localhost/y");
  const [one, two] = await Promise.all([answer(first), answer(second)]);
  expect(one.manifestDigest).toBe(two.manifestDigest);
  expect((one.opened as unknown[]).length + (two.opened as unknown[]).length).toBe(3);
  expect(Number(one.unpacking) + Number(two.unpacking)).toBe(3);
  const { names, layers } = visible(store);
  expect({ names, layers: layers.length }).toEqual({ names: 2, layers: 3 });
});

test("who waits for a pull that is killed goes on himself", async () => {
  using folder = temporaryStore();
  const { store } = folder;
  await using killed = pull(store, "localhost/x", String(STOP));
  await lines(killed.stdout).next();
  await using second = pull(store, "localhost/x");
  await Bun.sleep(300);
  killed.kill("SIGKILL");
  expect(await answer(second)).toMatchObject({ unpacking: 3 });
});

requires(userNamespaces)("a full disk is said in one sentence, and no image can be seen", async () => {
  using folder = temporaryStore();
  const inside = `mount -t tmpfs -o size=$3 tmpfs "$1" && "$2" "$4" "$1" localhost/x && ls -A "$1"/layers/* "$1"/blobs/sha256`;
  const megabytes = Math.ceil(childImage().layers.reduce((sum, { bytes }) => sum + bytes.length, 0) / 1e6);
  // the downloads fit, the trees do not; then not even those
  for (const size of [megabytes + 3, 4]) {
    const command = ["sh", "-c", inside, "sh", folder.path, process.execPath, `${size}m`, SCRIPT];
    const { stdout, stderr } = Bun.spawnSync(["unshare", "-Urm", ...command]);
    const [first = "", ...rest] = stdout.toString().split("\n");
    const { code, message } = JSON.parse(first || `{"message": ${JSON.stringify(stderr.toString())}}`);
    expect({ size, code, message }).toEqual({
      size,
      code: "no-space",
      message: expect.stringMatching(/^cannot [^\n]*no space[^\n]*$/),
    });
    expect(rest.filter((name) => name.startsWith(".new-"))).toEqual([]);
  }
  expect(visible(folder.store)).toEqual(NOTHING);
  expect(readdirSync(folder.path)).toEqual([]);
});

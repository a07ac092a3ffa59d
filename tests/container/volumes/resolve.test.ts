/** Which volumes a container has, and that nobody removes one meanwhile. */
import { expect, test } from "bun:test";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import type { MountRequest } from "../../../src/container/index.ts";
import {
  createVolume,
  findVolume,
  pruneVolumes,
  type ResolveOptions,
  removeAnonymousVolumes,
  removeVolume,
  resolveVolumes,
  volumeFolder,
  volumeUsers,
} from "../../../src/container/volumes/index.ts";
import { temporaryFolder } from "../../support/tmp.ts";

const HOW = { options: ["rbind", "rprivate"] };
const bind = (destination: string): MountRequest => ({
  type: "bind",
  source: "/host",
  destination,
  ...HOW,
  flag: `-v /host:${destination}`,
});
const volume = (destination: string, name?: string): MountRequest => ({
  type: "volume",
  ...(name === undefined ? {} : { source: name }),
  destination,
  ...HOW,
  flag: `-v ${destination}`,
});

const resolve = (store: string, more: Partial<ResolveOptions>) =>
  resolveVolumes({
    store,
    mounts: [],
    volumesFrom: [],
    imageVolumes: [],
    image: () => Promise.reject(new Error("there is no image")),
    ...more,
  });

/** A container on disk, as far as volumes see it. */
function writeContainer(store: string, digit: string, mounts: readonly MountRequest[], recorded: object): string {
  const id = digit.repeat(64);
  mkdirSync(`${store}/containers/${id}`, { recursive: true });
  writeFileSync(`${store}/containers/${id}/options.json`, JSON.stringify({ options: { mounts } }));
  writeFileSync(`${store}/containers/${id}/container.json`, JSON.stringify({ id, mounts: recorded }));
  return id;
}

const names = (store: string) => readdirSync(`${store}/volumes`).filter((name) => !name.startsWith("."));

test("an explicit mount wins over another container's, and that over the image's", async () => {
  using folder = temporaryFolder();
  const store = folder.path;
  const others = [
    volume("/b", "other"),
    volume("/c", "other2"),
    bind("/d"),
    { ...bind("/dev/x"), flag: "--device /dev/x" },
  ];
  writeContainer(store, "a", others, []);
  const from = { container: "aaaa", readOnly: true, flag: "--volumes-from aaaa" };
  const resolved = await resolve(store, {
    mounts: [bind("/a"), volume("/b", "mine")],
    volumesFrom: [from],
    imageVolumes: ["/a", "/b/", "/c", "/e", "/", "relative", "/x/../y"],
  });
  resolved.release();
  const shown = resolved.recorded.map(({ type, name, destination, readOnly }) => [
    type,
    name ?? "",
    destination,
    readOnly,
  ]);
  const anonymous = resolved.recorded.find(({ destination }) => destination === "/e");
  expect(shown.sort()).toEqual(
    [
      ["bind", "", "/a", false],
      ["volume", "mine", "/b", false],
      ["volume", "other2", "/c", true],
      ["bind", "", "/d", true],
      ["volume", anonymous?.name, "/e", false],
    ].sort() as never, // cast: the name is known to be there
  );
  expect(anonymous?.name).toMatch(/^[0-9a-f]{64}$/);
  expect(anonymous?.anonymous).toBe(true);
  expect(findVolume(store, anonymous?.name ?? "")).toMatchObject({ anonymous: true });
});

test("until its record is written no volume of a container can be removed, and then because it is in use", async () => {
  using folder = temporaryFolder();
  const store = folder.path;
  const resolved = await resolve(store, { mounts: [volume("/a", "data")] });
  let removed = false;
  const removing = removeVolume(store, "data").then(
    () => "removed",
    (error: Error) => error.message,
  );
  void removing.then(() => {
    removed = true;
  });
  await Bun.sleep(100);
  expect(removed).toBe(false);
  const id = writeContainer(store, "b", resolved.mounts, resolved.recorded);
  resolved.release();
  expect(await removing).toBe("cannot remove volume data: volume is in use - [bbbbbbbbbbbb]");
  expect([...volumeUsers(store)]).toEqual([["data", [id]]]);
});

test("a container that is not made leaves no volume without a name behind, and every named one", async () => {
  using folder = temporaryFolder();
  const store = folder.path;
  const resolved = await resolve(store, { mounts: [volume("/a", "data"), volume("/b")], imageVolumes: ["/c"] });
  expect(names(store)).toHaveLength(3);
  resolved.undo();
  expect(names(store)).toEqual(["data"]);
  const from = { container: "nobody", readOnly: false, flag: "" };
  await expect(resolve(store, { mounts: [volume("/b")], volumesFrom: [from] })).rejects.toThrow("nobody");
  expect(names(store)).toEqual(["data"]);
  // nothing is held
  await removeVolume(store, "data");
});

test("a volume without a name goes with the last container that has it", async () => {
  using folder = temporaryFolder();
  const store = folder.path;
  const first = await resolve(store, { mounts: [volume("/b")] });
  first.release();
  const record = (id: string) => ({ id, mounts: first.recorded });
  const [a, b] = [
    writeContainer(store, "a", first.mounts, first.recorded),
    writeContainer(store, "b", [], first.recorded),
  ];
  await removeAnonymousVolumes(store, record(a));
  expect(names(store)).toHaveLength(1);
  writeFileSync(`${store}/containers/${a}/container.json`, JSON.stringify({ id: a }));
  await removeAnonymousVolumes(store, record(b));
  expect(names(store)).toEqual([]);
});

test("who makes a volume first has made it; what a kill left is pruned", async () => {
  using folder = temporaryFolder();
  const store = folder.path;
  expect(createVolume(store, { name: "one", labels: { a: "b" } })).toBe(true);
  expect(createVolume(store, { name: "one" })).toBe(false);
  expect(findVolume(store, "one")?.labels).toEqual({ a: "b" });
  expect(() => createVolume(store, { name: ".." })).toThrow("no volume's name");
  const left = `${store}/volumes/.new-0123`;
  mkdirSync(`${left}/_data`, { recursive: true });
  const { utimesSync } = await import("node:fs");
  utimesSync(left, 1, 1);
  mkdirSync(`${store}/volumes/.new-young`);
  for (const name of [".old-1", "halfway"]) mkdirSync(`${store}/volumes/${name}/_data/x`, { recursive: true });
  expect(await pruneVolumes(store, () => false)).toEqual([]);
  expect(readdirSync(`${store}/volumes`).sort()).toEqual([".lock", ".new-young", "one"]);
  expect((await pruneVolumes(store, () => true)).map(({ name }) => name)).toEqual(["one"]);
});

test("a volume that goes with its container while prune removes it is no failure, and not prune's", async () => {
  using folder = temporaryFolder();
  const store = folder.path;
  for (const name of ["goes", "stays"]) createVolume(store, { name });
  const removed = await pruneVolumes(
    store,
    () => true,
    // native takes no lock
    async () => rmSync(volumeFolder(store, "goes"), { recursive: true }),
  );
  expect(removed.map(({ name }) => name)).toEqual(["stays"]);
});

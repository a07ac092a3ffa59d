import { describe, expect, test } from "bun:test";
import { chmodSync } from "node:fs";
import {
  chooseMapping,
  helperArguments,
  helperObstacle,
  requireMapped,
  toHost,
  unpackMapping,
} from "../../src/idmap/index.ts";
import { type HostFiles, madeUpHosts } from "../support/made-up-host.ts";
import { program, requires } from "../support/skip.ts";

const INITIAL = "         0          0 4294967295\n";
const made = madeUpHosts();

const host = (files: HostFiles): string =>
  made({
    "/etc/passwd": "alice:x:1000:1000::/:/bin/sh\n",
    "/proc/self/uid_map": INITIAL,
    "/proc/self/gid_map": INITIAL,
    ...files,
  });

const RANGES = { "/etc/subuid": "alice:100000:65536\n", "/etc/subgid": "alice:200000:65536\n" };
const alice = (root: string) => ({ uid: 1000, gid: 1000, root, helperFolders: HELPERS });
// the machine's own newuidmap: a setuid file cannot be made without root
const HELPERS = ["/usr/bin"];

describe("with newuidmap and newgidmap", () => {
  const test = requires(program("newuidmap"), program("newgidmap"));
  test("auto maps root to the caller and the rest to subordinate ids", () => {
    const { mapping, reason } = chooseMapping({ mode: "auto" }, alice(host(RANGES)));
    expect(reason).toBeUndefined();
    expect(mapping).toEqual({
      kind: "subuid",
      name: "subuid-0-1000-1-1-100000-65536-g-0-1000-1-1-200000-65536",
      uids: [
        { container: 0, host: 1000, count: 1 },
        { container: 1, host: 100000, count: 65536 },
      ],
      gids: [
        { container: 0, host: 1000, count: 1 },
        { container: 1, host: 200000, count: 65536 },
      ],
    });
  });
  test("names are equal exactly when the maps are", () => {
    const root = host(RANGES);
    const name = (mode: Parameters<typeof chooseMapping>[0]) => chooseMapping(mode, alice(root)).mapping.name;
    expect(name({ mode: "auto" })).toBe(name({ mode: "subuid" }));
    expect(name({ mode: "auto" })).not.toBe(name({ mode: "keep-id" }));
    expect(name({ mode: "keep-id" })).toBe(name({ mode: "keep-id", uid: 1000, gid: 1000 }));
    expect(name({ mode: "keep-id" })).not.toBe(name({ mode: "keep-id", gid: 5 }));
    expect(name({ mode: "keep-id", uid: 0, gid: 0 })).toBe(name({ mode: "auto" }));
  });
  test("names of long maps are short and have only a-z, 0-9 and -", () => {
    const many = Array.from({ length: 30 }, (_, i) => `alice:${100000 + 100 * i}:10\n`).join("");
    const { mapping } = chooseMapping({ mode: "auto" }, alice(host({ "/etc/subuid": many, "/etc/subgid": many })));
    expect(mapping.name).toMatch(/^subuid-[0-9a-f]{16}$/);
  });
  const failures: [string, Record<string, string>, string][] = [
    ["no-subuid", { "/etc/subgid": RANGES["/etc/subgid"] }, "usermod --add-subuids 100000-165535 alice"],
    ["no-subgid", { "/etc/subuid": RANGES["/etc/subuid"] }, "usermod --add-subgids 100000-165535 alice"],
    ["no-subuid", {}, "runs: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 alice"],
    // what others have is left out, in either file, and gaps that are too small
    [
      "no-subuid",
      { "/etc/subuid": "bob:165536:65536\ncarol:100000:65536\n", "/etc/subgid": "dave:231072:10\n" },
      "runs: usermod --add-subuids 231082-296617 --add-subgids 231082-296617 alice",
    ],
    ["nested", { ...RANGES, "/proc/self/uid_map": "0 1000 1\n1 100000 65536\n" }, "/etc/subuid in it"],
    [
      "nested",
      { ...RANGES, "/proc/self/uid_map": "0 5 300000\n", "/proc/self/gid_map": "0 5 200010\n" },
      "/etc/subgid in it",
    ],
  ];
  for (const [i, [code, files, remedy]] of failures.entries()) {
    test(`auto falls back to single and says ${code} (${i})`, () => {
      const { mapping, reason } = chooseMapping({ mode: "auto" }, alice(host(files)));
      expect(mapping.kind).toBe("single");
      expect(mapping.uids).toEqual([{ container: 0, host: 1000, count: 1 }]);
      expect(reason?.code).toBe(code);
      expect(reason?.remedy).toContain(remedy);
    });
  }
  test("inside a user namespace that maps the ranges, subordinate ids are used", () => {
    const map = "0 5 300000\n";
    const root = host({ ...RANGES, "/proc/self/uid_map": map, "/proc/self/gid_map": map });
    expect(chooseMapping({ mode: "auto" }, alice(root)).mapping.kind).toBe("subuid");
  });
  test("subuid is an error where it cannot be had", () => {
    expect(() => chooseMapping({ mode: "subuid" }, alice(host({})))).toThrow(
      "cannot map subordinate ids: /etc/subuid and /etc/subgid have no range for alice",
    );
  });
});

describe("helpers", () => {
  const withHelpers = (...names: string[]) => {
    const bin = made(Object.fromEntries(names.map((name) => [`/${name}`, ""])));
    for (const name of names) chmodSync(`${bin}/${name}`, 0o755);
    return bin;
  };
  test("a missing newuidmap is named with its packages", () => {
    expect(helperObstacle([withHelpers()])).toMatchObject({
      code: "no-newuidmap",
      remedy: expect.stringContaining("apt-get install uidmap"),
    });
  });
  test("a newuidmap without setuid bit and capabilities is told apart from a missing one", () => {
    const bin = withHelpers("newuidmap", "newgidmap");
    expect(helperObstacle([bin])).toMatchObject({
      code: "powerless-newuidmap",
      remedy: `an administrator runs: chown root ${bin}/newuidmap && chmod u+s ${bin}/newuidmap`,
    });
  });
  test("the arguments list the map after the pid", () => {
    const ranges = [
      { container: 0, host: 1000, count: 1 },
      { container: 1, host: 100000, count: 65536 },
    ];
    expect(helperArguments("uid", "\x01", ranges).join(" ")).toBe("newuidmap \x01 0 1000 1 1 100000 65536");
    expect(helperArguments("gid", "7", []).join(" ")).toBe("newgidmap 7");
  });
});

describe("single", () => {
  const caller = { uid: 1000, gid: 100 };
  test("keep-id maps the caller to their own id, and trees are unpacked as root all the same", () => {
    const mapping = chooseMapping({ mode: "single" }, caller).mapping;
    expect(mapping).toMatchObject({ kind: "single", name: "single", gids: [{ container: 0, host: 100, count: 1 }] });
    const kept = chooseMapping({ mode: "keep-id" }, { ...caller, helperFolders: [] }).mapping;
    expect(kept).toMatchObject({ kind: "single", name: "single", uids: [{ container: 1000, host: 1000, count: 1 }] });
    expect(unpackMapping(kept)).toEqual(mapping);
  });
  test("host is refused without root", () => {
    expect(() => chooseMapping({ mode: "host" }, caller)).toThrow(
      "only root can run containers without a user namespace",
    );
  });
  test("an id that is not mapped is named with the remedy", () => {
    const { mapping } = chooseMapping({ mode: "single" }, caller);
    expect(requireMapped(mapping, "uid", 0, "run")).toBe(1000);
    expect(() => requireMapped(mapping, "uid", 33, "run as user 33")).toThrow(
      "cannot run as user 33: uid 33 is not mapped into the container: only your own id is mapped",
    );
  });
});

describe("root", () => {
  const all = "CapEff:\t000001ffffffffff\n";
  const root = (files: Record<string, string>) => ({ uid: 0, gid: 0, root: host(files), helperFolders: [] });
  test("needs no user namespace", () => {
    const { mapping } = chooseMapping({ mode: "auto" }, root({ "/proc/self/status": all }));
    expect(mapping).toMatchObject({ kind: "none", name: "identity" });
    expect(toHost(mapping, "gid", 12345)).toBe(12345);
  });
  test("without CAP_SYS_ADMIN (a Docker container) uses one that keeps owners as they are", () => {
    const { mapping } = chooseMapping({ mode: "auto" }, root({ "/proc/self/status": "CapEff:\t00000000a80425fb\n" }));
    expect(mapping).toMatchObject({ kind: "subuid", name: "identity", uids: [{ container: 0, host: 0 }] });
  });
  test("of a user namespace with one id maps only that, and says so", () => {
    const one = "0 1000 1\n";
    const { mapping, reason } = chooseMapping(
      { mode: "auto" },
      root({ "/proc/self/status": all, "/proc/self/uid_map": one, "/proc/self/gid_map": one }),
    );
    expect(mapping.kind).toBe("single");
    expect(reason?.code).toBe("nested");
  });
});

/** What plans do to the sources of volumes, operation by operation. */
import { expect, test } from "bun:test";
import type { RuntimeConfig } from "../../src/oci/index.ts";
import type { CompileOptions } from "../../src/runtime/index.ts";
import { explainForeground } from "../support/explain-foreground.ts";

const mapping = {
  kind: "subuid",
  name: "m",
  uids: [{ container: 0, host: 1000, count: 1 }],
  gids: [{ container: 0, host: 1000, count: 1 }],
} as const;

const config: RuntimeConfig = {
  ociVersion: "1.0.2",
  process: { terminal: false, user: { uid: 0, gid: 0 }, args: ["true"], cwd: "/", env: [] },
  root: { path: "/rootfs" },
  mounts: [{ destination: "/data", type: "bind", source: "/tmp", options: ["rbind", "rprivate"] }],
  linux: { namespaces: [{ type: "mount" }, { type: "user" }] },
};

async function operations(options: Partial<CompileOptions>): Promise<string[]> {
  const text = await explainForeground(config, { mapping, ...options });
  return text
    .split("\n")
    .filter((line) => /volume|secret|\/data|marker/.test(line))
    .map((line) => line.trim().replace(/^\d+ +/, ""));
}

const verbs = (lines: readonly string[]) => lines.map((line) => line.split(" ")[0]);

test("a new volume is filled under its marker's lock, which is taken away when it is full", async () => {
  const copyUp = { marker: "/v/marker", again: false };
  const lines = await operations({ volumes: [{ destination: "/data", source: "/v/volume", copyUp }] });
  expect(verbs(lines)).toEqual([
    "openat2",
    "lock",
    "openat2",
    "write_file",
    "fchownat",
    "open_tree",
    "inherit_folder",
    "unlinkat",
    "open_tree",
    "require_device",
    "mount_setattr",
    "attach",
    "mount_setattr",
    "attach",
  ]);
  expect(lines[0]).toContain("[if missing, go to");
  const again = await operations({
    volumes: [{ destination: "/data", source: "/v/volume", copyUp: { ...copyUp, again: true } }],
  });
  expect(verbs(again).slice(2, 6)).toEqual(["openat2", "remove_tree", "mkdirat", "write_file"]);
});

test("one that is not new is only mounted; a subpath is resolved in it; U gives it to the program's user", async () => {
  const plain = await operations({ volumes: [{ destination: "/data", source: "/v/volume" }] });
  expect(verbs(plain)).toEqual(["open_tree", "require_device", "mount_setattr", "attach", "mount_setattr", "attach"]);
  const sub = await operations({
    volumes: [{ destination: "/data", source: "/v/volume", subpath: "a/b", chown: true }],
  });
  expect(sub[1]).toContain('path="a/b"');
  expect(sub[1]).toContain("RESOLVE_IN_ROOT");
  expect(verbs(sub)).toContain("chown_tree");
});

test("a secret's value is not in the plan: native copies it from its file", async () => {
  const secrets = [
    { name: "db", source: "/s/data", target: "/run/secrets/db", uid: undefined, gid: undefined, mode: 0o400 },
  ];
  const lines = (await operations({ secrets })).filter((line) => line.includes("secret"));
  expect(verbs(lines)).toEqual([
    "new_mount",
    "attach",
    "make_in",
    "openat2",
    "openat2",
    "copy_data",
    "fchownat",
    "fchmod",
    "mount_setattr",
  ]);
  expect(lines.join("\n")).toContain("mode=0400");
});

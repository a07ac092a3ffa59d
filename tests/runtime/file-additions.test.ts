/** What is added to files of the container's root, as a plan. */
import { expect, test } from "bun:test";
import { explainForeground } from "../support/explain-foreground.ts";

test("only a regular file is added to, and nothing is followed", async () => {
  const plan = await explainForeground(
    { ociVersion: "1.2.0", process: { cwd: "/", args: ["true"], user: { uid: 1, gid: 1 } }, root: { path: "rootfs" } },
    {
      mapping: { kind: "none", name: "none", uids: [], gids: [] },
      additions: [{ path: "/etc/passwd", text: "a:*:1:1::/:/bin/sh\n" }],
    },
  );
  const lines = plan.split("\n").filter((line) => line.includes("add to /etc/passwd"));
  expect(lines.map((line) => line.trim().split(/\s+/)[1])).toEqual(["openat2", "require_device", "write"]);
  expect(lines[0]).toContain("RESOLVE_NO_SYMLINKS");
  expect(lines[1]).toContain("S_IFREG");
});

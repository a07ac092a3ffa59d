import { expect } from "bun:test";
import { writeBundle } from "./bundle.ts";
import { busybox } from "./busybox-image.ts";
import { runcRuns } from "./peers.ts";
import { requires } from "./skip.ts";
import { temporaryFolder } from "./tmp.ts";

requires(busybox, runcRuns)("runc runs a bundle that these tests write", () => {
  using folder = temporaryFolder();
  writeBundle(folder.join("bundle"), { args: ["/bin/sh", "-c", "id -u; exit 7"] });
  const run = [
    "runc",
    "--root",
    folder.join("state"),
    "run",
    "--bundle",
    folder.join("bundle"),
    `bundle-${process.pid}`,
  ];
  const { stdout, exitCode } = Bun.spawnSync(run, { stdin: "ignore" });
  expect({ stdout: stdout.toString(), exitCode }).toEqual({ stdout: "0\n", exitCode: 7 });
});

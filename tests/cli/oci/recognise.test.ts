import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { runtimeArguments } from "../../../src/cli/oci/recognise.ts";
import { temporaryFolder } from "../../support/tmp.ts";

const words = (line: string) => line.split(" ").filter((word) => word !== "");

// a person whose runtime has the container ID, and a store where tsbox has containers of its own
const folder = temporaryFolder();
const runtimeFolder = process.env.XDG_RUNTIME_DIR;
beforeAll(() => {
  process.env.XDG_RUNTIME_DIR = folder.path;
  mkdirSync(folder.join("tsbox/ID"), { recursive: true });
  writeFileSync(folder.join("tsbox/ID/state.json"), "{}");
  mkdirSync(folder.join("tsbox/half-made"));
  mkdirSync(folder.join("store/containers"), { recursive: true });
});
afterAll(() => {
  if (runtimeFolder === undefined) delete process.env.XDG_RUNTIME_DIR;
  else process.env.XDG_RUNTIME_DIR = runtimeFolder;
  folder[Symbol.dispose]();
});
const placed = (line: string) =>
  words(line.replaceAll("STORE", folder.join("store")).replaceAll("STATES", folder.join("tsbox")));

test.each([
  // as callers write them (conmon, podman, containerd's shim, BuildKit, CRI-O)
  "create --bundle B --pid-file P ID",
  "--log-format=json --log /x/log create --bundle B --pid-file P --console-socket S ID",
  "--root R --log F --log-format json create --bundle B --pid-file P ID",
  "--root /run/x start ID",
  "--root STATES start ID",
  "start ID",
  "kill ID 15",
  "kill --all ID KILL",
  "delete --force ID",
  "exec --pid-file P --process F --detach ID",
  "exec --pid-file P --process F --detach gone",
  "exec -t --cwd / ID sh",
  "update --resources - gone",
  "pause ID",
  "events --interval 1s ID",
  "ps ID",
  "ps --format json ID",
  "--systemd-cgroup features",
  "state ID",
  "state gone",
  "resume gone",
  "run --bundle B --keep ID",
  "run -b B ID",
  "run --detach --pid-file P --bundle=B ID",
  "--debug run --bundle B ID",
  "--debug --log F run ID",
  "--log-level debug kill ID 9",
  "--cgroup-manager disabled ps ID",
])("tsbox %s is runc's command line", (line) => {
  expect(runtimeArguments("tsbox", placed(line))).toEqual(placed(line));
});

test.each([
  "",
  "run alpine sh",
  "run --rm alpine tar -b 20",
  "run --name x --bundle",
  "run alpine --bundle x",
  "--root R run alpine",
  "--root R images",
  "--root R ps -a --format json",
  "--root R events --since 1m",
  "--log-level debug run alpine",
  "--log-level=error ps -a",
  "--debug run alpine",
  "--debug start web",
  "create alpine",
  "create --name x alpine -b B",
  "start web",
  "start half-made",
  "start ../tsbox/ID",
  "--root STORE start web",
  "--root STORE exec -it web sh",
  "kill -s HUP web",
  "exec web ls ID",
  "exec -it web ls -l",
  "pause web",
  "update --memory 1g web",
  "events --since 1m",
  "events",
  "ps",
  "ps -a",
  "rm -f x",
  "--version",
  "--help",
  "__explain-failure 1 2 3",
])("tsbox %s is its own", (line) => {
  expect(runtimeArguments("/usr/bin/tsbox", placed(line))).toBeUndefined();
});

test("the names of runtimes and `oci` decide whatever follows", () => {
  expect(runtimeArguments("/usr/sbin/runc", ["run", "ID"])).toEqual(["run", "ID"]);
  expect(runtimeArguments("crun", ["--version"])).toEqual(["--version"]);
  expect(runtimeArguments("tsbox", ["oci", "ps", "ID"])).toEqual(["ps", "ID"]);
  // what native calls tsbox for, in whatever name
  expect(runtimeArguments("runc", ["__oci-end", "R", "ID"])).toBeUndefined();
});

import { expect, test } from "bun:test";
import { runtimeArguments } from "../../../src/cli/oci/recognise.ts";

const words = (line: string) => line.split(" ").filter((word) => word !== "");

test.each([
  // as callers write them (conmon, podman, containerd's shim, BuildKit, CRI-O)
  "create --bundle B --pid-file P ID",
  "--log-format=json --log /x/log create --bundle B --pid-file P --console-socket S ID",
  "--root R --log F --log-format json create --bundle B --pid-file P ID",
  "--root /run/x start ID",
  "start ID",
  "kill ID 15",
  "kill --all ID KILL",
  "delete --force ID",
  "exec --pid-file P --process F --detach ID",
  "update --resources - ID",
  "--systemd-cgroup features",
  "state ID",
  "run --bundle B --keep ID",
  "run -b B ID",
  "run --detach --pid-file P --bundle=B ID",
  "--debug run ID",
  "--cgroup-manager disabled ps ID",
])("tsbox %s is runc's command line", (line) => {
  expect(runtimeArguments("tsbox", words(line))).toEqual(words(line));
});

test.each([
  "",
  "run alpine sh",
  "run --rm alpine tar -b 20",
  "run --name x --bundle",
  "run alpine --bundle x",
  "--root R run alpine",
  "--root R images",
  "ps",
  "rm -f x",
  "--version",
  "--help",
  "__explain-failure 1 2 3",
])("tsbox %s is its own", (line) => {
  expect(runtimeArguments("/usr/bin/tsbox", words(line))).toBeUndefined();
});

test("the names of runtimes and `oci` decide whatever follows", () => {
  expect(runtimeArguments("/usr/sbin/runc", ["run", "ID"])).toEqual(["run", "ID"]);
  expect(runtimeArguments("crun", ["--version"])).toEqual(["--version"]);
  expect(runtimeArguments("tsbox", ["oci", "ps", "ID"])).toEqual(["ps", "ID"]);
  // what native calls tsbox for, in whatever name
  expect(runtimeArguments("runc", ["__oci-end", "R", "ID"])).toBeUndefined();
});

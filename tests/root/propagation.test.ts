/** `linux.rootfsPropagation` on hosts that share their mounts, as systemd's do. */
import { expect } from "bun:test";
import { writeBundle } from "../support/bundle.ts";
import { runtimeCommand, TSBOX } from "../support/runtime-command.ts";
import { executable, program, requires, root } from "../support/skip.ts";
import { temporaryFolder } from "../support/tmp.ts";

const test = requires(root, executable, runtimeCommand, program("unshare"));

for (const [propagation, tag] of [
  ["shared", /shared:\d+/],
  ["rshared", /shared:\d+/],
  ["slave", /master:\d+/],
  ["private", /rw,relatime +-/],
  ["unbindable", /unbindable/],
] as const) {
  test(`a root that is ${propagation} leaves no mounts on a host that shares its own`, () => {
    using folder = temporaryFolder();
    writeBundle(folder.join("bundle"), {
      args: ["/bin/sh", "-c", "cat /proc/self/mountinfo"],
      edit: ({ linux }) => {
        linux.rootfsPropagation = propagation;
        linux.namespaces = linux.namespaces.filter(({ type }) => type !== "user");
        delete linux.uidMappings;
        delete linux.gidMappings;
      },
    });
    // a mount namespace stands in for the host
    const script = `
      mount --make-rshared /
      cat /proc/self/mountinfo > "$1/before"
      "$2" oci --root "$1/state" --cgroup-manager=disabled run --bundle "$1/bundle" box > "$1/inside"
      echo $?
      cat /proc/self/mountinfo > "$1/after"`;
    const host = Bun.spawnSync(["unshare", "--mount", "sh", "-c", script, "sh", folder.path, TSBOX], {
      stdin: "ignore",
    });
    expect({ status: host.stdout.toString(), stderr: host.stderr.toString() }).toEqual({ status: "0\n", stderr: "" });
    const text = (name: string) => Bun.spawnSync(["cat", folder.join(name)]).stdout.toString();
    expect(text("after")).toBe(text("before"));
    expect(text("inside").split("\n")[0]).toMatch(tag);
  });
}

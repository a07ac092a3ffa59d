/** config.json that is not there, not JSON, or not as the specification has it: one line, status 1, nothing left. */
import { expect } from "bun:test";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { BundleConfig } from "../../support/bundle.ts";
import { examples } from "../../support/runtime-schema.ts";
import { box, test } from "./box.ts";
import { expectNothingLeft } from "./leftovers.ts";

const it = box();
const VERBS = [["create"], ["run"], ["run", "--detach"]] as const;

async function refused(bundle: string, words: readonly string[], verbs: readonly (readonly string[])[] = VERBS) {
  for (const verb of verbs) {
    const message = await it.fails([...verb, "--bundle", bundle, "--pid-file", it.path("pid"), it.id()]);
    for (const word of words) expect(message).toContain(word);
    const left = it.left();
    for (const id of left) await it.ok(["delete", "--force", id]);
    expect(left).toEqual([]);
  }
}

function withText(text: string): string {
  const bundle = it.bundle();
  writeFileSync(join(bundle, "config.json"), text);
  return bundle;
}

for (const { name, text } of examples("config", "bad")) {
  test(`the specification's bad example ${name}`, async () => {
    await refused(withText(text), ["config.json"]);
  });
}

const VALUES: Record<string, readonly [words: readonly string[], edit: (config: BundleConfig) => void]> = {
  "no ociVersion": [["ociVersion"], (config) => Reflect.deleteProperty(config, "ociVersion")],
  "a version to come": [["ociVersion", "2.0.0"], (config) => (config.ociVersion = "2.0.0")],
  "no root": [["root"], (config) => Reflect.deleteProperty(config, "root")],
  "an empty root.path": [["root.path"], (config) => (config.root.path = "")],
  "a root that is not there": [["root.path", "no-such"], (config) => (config.root.path = "no-such")],
  "a root that is a file": [["root.path", "config.json"], (config) => (config.root.path = "config.json")],
  "no process": [["process"], (config) => Reflect.deleteProperty(config, "process")],
  "no args": [["process.args"], (config) => (config.process.args = [])],
  "args that are a string": [["process.args"], (config) => Object.assign(config.process, { args: "sh" })],
  "a relative cwd": [["process.cwd", "tmp"], (config) => (config.process.cwd = "tmp")],
  "no cwd": [["process.cwd"], (config) => Reflect.deleteProperty(config.process, "cwd")],
  "a user by name": [["process.user.uid"], (config) => Object.assign(config.process.user, { uid: "root" })],
  "a user below zero": [["process.user.uid"], (config) => (config.process.user.uid = -1)],
  "a user who is not mapped": [["uid", "4711"], (config) => (config.process.user.uid = 4711)],
  "a variable with a zero byte": [["process.env"], (config) => (config.process.env = ["A=b\0c"])],
  "an unknown resource limit": [
    ["rlimits", "RLIMIT_NO"],
    (config) => (config.process.rlimits = [{ type: "RLIMIT_NO", soft: 1, hard: 1 }]),
  ],
  "an unknown namespace": [["linux.namespaces[6].type"], (config) => config.linux.namespaces.push({ type: "galaxy" })],
  "a namespace twice": [["linux.namespaces", "pid"], (config) => config.linux.namespaces.push({ type: "pid" })],
  "a namespace that is not there": [
    ["/no/such/ns"],
    (config) => config.linux.namespaces.push({ type: "network", path: "/no/such/ns" }),
  ],
  "no mappings": [["linux.uidMappings"], (config) => (config.linux.uidMappings = [])],
  "ids that are not the caller's": [
    ["id"],
    (config) => (config.linux.uidMappings = [{ containerID: 0, hostID: 0, size: 1 }]),
  ],
  "a mount without destination": [["mounts[3]"], (config) => config.mounts.push({ type: "tmpfs" } as never)],
  "a mount of an unknown type": [
    ["mount nosuchfs at /x"],
    (config) => config.mounts.push({ destination: "/x", type: "nosuchfs", source: "x" }),
  ],
  "a bind of what is not there": [
    ["cannot bind /no/such/source at /x: no such file or directory"],
    (config) => config.mounts.push({ destination: "/x", type: "bind", source: "/no/such/source", options: ["bind"] }),
  ],
  "a host name without its namespace": [
    ["hostname"],
    ({ linux }) => (linux.namespaces = linux.namespaces.filter(({ type }) => type !== "uts")),
  ],
  "a relative hook": [["hooks.prestart[0].path"], (config) => (config.hooks = { prestart: [{ path: "bin/true" }] })],
  "a hook without time": [
    ["hooks.prestart", "timeout"],
    (config) => (config.hooks = { prestart: [{ path: "/bin/true", timeout: 0 }] }),
  ],
  "hooks that are no list": [["hooks.poststop"], (config) => (config.hooks = { poststop: { path: "/bin/true" } })],
  "an unknown propagation": [["linux.rootfsPropagation"], (config) => (config.linux.rootfsPropagation = "loud")],
  "an unknown seccomp action": [
    ["linux.seccomp.defaultAction"],
    (config) => (config.linux.seccomp = { defaultAction: "SCMP_ACT_NO" }),
  ],
  "an unknown device type": [
    ["linux.devices"],
    (config) => (config.linux.devices = [{ path: "/dev/x", type: "z", major: 1, minor: 3 }]),
  ],
  "a sysctl of the host": [
    ["linux.sysctl", "kernel.panic"],
    (config) => (config.linux.sysctl = { "kernel.panic": "1" }),
  ],
  "annotations that are no strings": [["annotations"], (config) => (config.annotations = { a: 1 })],
  "an empty annotation name": [["annotations"], (config) => (config.annotations = { "": "x" })],
};

for (const [name, [words, edit]] of Object.entries(VALUES)) {
  test(name, async () => await refused(it.bundle({ edit }), words, [["create"]]));
}

test("no config.json, no bundle, and what is no JSON object", async () => {
  const bundle = it.bundle();
  rmSync(join(bundle, "config.json"));
  await refused(bundle, [`${bundle}/config.json`, "no such file or directory"]);
  mkdirSync(join(bundle, "config.json"));
  await refused(bundle, [`${bundle}/config.json`]);
  await refused(it.path("no-such-bundle"), ["no-such-bundle/config.json", "no such file or directory"]);
  for (const text of ["", "{", "null", "[]", '"x"', "5", "{}", "\0", `{"ociVersion": "1.0.2"`, "\xff\xfe"])
    await refused(withText(text), ["config.json"]);
});

test("a program that cannot be run is told by create, and nothing stays", async () => {
  for (const [program, reason] of [
    ["no-such", "executable file not found in $PATH"],
    ["/no/such", "no such file or directory"],
    ["/etc", "permission denied"],
  ] as const) {
    await refused(it.bundle({ args: [program] }), [`cannot run "${program}": ${reason}`]);
  }
  await expectNothingLeft(it, "what could not be run");
});

test("unknown fields are passed over, as the specification has it", async () => {
  const edit = (config: BundleConfig) => {
    config.unknown = { deeply: ["unknown"] };
    config.linux.unknown = 5;
    config.process.unknown = null;
  };
  expect(await it.ok(["run", "--bundle", it.bundle({ args: ["echo", "ran"], edit }), it.id()])).toBe("ran\n");
});

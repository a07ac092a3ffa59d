/** What the runtime's command line prints about itself. */
import { afterAll, beforeAll, expect } from "bun:test";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { parseRuntimeFeatures } from "../../../src/oci/index.ts";
import { parseMountOptions } from "../../../src/runtime/mount-options.ts";
import { NAMESPACE_TYPES } from "../../../src/runtime/namespaces.ts";
import { schemaErrors } from "../../support/runtime-schema.ts";
import { executable, requires } from "../../support/skip.ts";
import { Person, TSBOX } from "../../support/tsbox.ts";

const test = requires(executable);
let person: Person;
beforeAll(() => {
  person = new Person();
});
afterAll(() => person[Symbol.dispose]());

const COMMANDS = "create start state kill delete exec run list ps pause resume update events spec features".split(" ");

test("help names every command, and each has one of its own", async () => {
  const help = await person.ok(["oci", "--help"]);
  for (const command of COMMANDS) {
    expect(help).toMatch(new RegExp(`\\b${command}\\b`));
    const text = await person.ok(["oci", command, "--help"]);
    expect(text).toContain(`tsbox oci ${command}`);
    expect(text).not.toMatch(/ $/m);
  }
});

test("features are those of the specification's schema, and hold", async () => {
  const text = await person.ok(["oci", "features"]);
  const features = await parseRuntimeFeatures(text);
  expect(schemaErrors("features", JSON.parse(text))).toEqual([]);
  expect(features.linux?.namespaces).toEqual(NAMESPACE_TYPES);
  // none is left to a file system, which would refuse it
  for (const option of features.mountOptions ?? [])
    expect([option, parseMountOptions([option], "options").data.filter(([, value]) => value !== null)]).toEqual([
      option,
      [],
    ]);
  expect(features.hooks).toHaveLength(6);
});

test("spec writes a config.json that its schema allows, for root and without, and never over one", async () => {
  for (const flags of [[], ["--rootless"]]) {
    const folder = person.folder.join(`bundle${flags.length}`);
    mkdirSync(folder);
    await person.ok(["oci", "spec", ...flags, "--bundle", folder]);
    expect(schemaErrors("config", JSON.parse(readFileSync(`${folder}/config.json`, "utf8")))).toEqual([]);
    const again = await person.run(["oci", "spec", "--bundle", folder]);
    expect([again.exitCode, again.stderr]).toEqual([1, `tsbox: cannot write ${folder}/config.json: file exists\n`]);
  }
  // the working folder, by its own name
  const here = Bun.spawnSync([TSBOX, "oci", "spec"], {
    env: person.env,
    cwd: person.folder.join("bundle0"),
    stdin: "ignore",
  });
  expect(here.stderr.toString()).toBe(
    `tsbox: cannot write ${person.folder.join("bundle0")}/config.json: file exists\n`,
  );
});

test("a link by the name of a runtime takes its command line, and says the same version", async () => {
  const link = person.folder.join("runc");
  symlinkSync(TSBOX, link);
  const call = (...args: string[]) => Bun.spawnSync([link, ...args], { env: person.env, stdin: "ignore" });
  expect(call("--version").stdout.toString()).toBe(await person.ok(["--version"]));
  expect(call("list", "--quiet").exitCode).toBe(0);
});

test("what goes wrong is one line on standard error, and one in the log", async () => {
  const log = person.folder.join("log");
  writeFileSync(log, "");
  const result = await person.run(["--log", log, "--log-format", "json", "start", "no-such-box"]);
  expect([result.exitCode, result.stdout]).toEqual([1, ""]);
  expect(result.stderr).toBe('tsbox: container "no-such-box" does not exist\n');
  const { level, msg } = JSON.parse(readFileSync(log, "utf8")) as { level: string; msg: string };
  expect([level, msg]).toEqual(["error", 'container "no-such-box" does not exist']);
});

test("malformed command lines are refused by name", async () => {
  for (const [args, reason] of [
    [["oci", "strat", "x"], "strat"],
    [["oci", "kill", "x", "NOSUCH"], "NOSUCH"],
    [["oci", "list", "x"], 'tsbox oci list: there is no argument "x"'],
    [["oci", "features", "x"], 'tsbox oci features: there is no argument "x"'],
    [["oci", "spec", "x"], 'tsbox oci spec: there is no argument "x"'],
    [["oci", "--cgroup-manager=none", "list"], "--cgroup-manager=none"],
    [["oci", "--log-format=xml", "list"], "--log-format=xml"],
    [["oci", "list", "--format=xml"], "--format=xml"],
    [["oci", "start"], "no container id"],
    [["oci", "state", "a", "b"], '"b"'],
    [["oci", "create", "--bundel", "x", "y"], "--bundle"],
    [["oci", "state", "../x"], "invalid container id"],
  ] as const) {
    const result = await person.run(args);
    expect([args, result.exitCode, result.stderr.includes(reason), result.stderr.trim().split("\n").length]).toEqual([
      args,
      1,
      true,
      1,
    ]);
  }
});

/** tsbox's flags before the command, and Docker's longer names of commands. */
import { describe, expect, test } from "bun:test";
import { longName } from "../../src/cli/docker-names.ts";
import { readGlobalFlags } from "../../src/cli/global-flags.ts";

describe("global flags", () => {
  test.each([
    ["--root /r ps -a", "ps -a", { TSBOX_ROOT: "/r" }],
    ["--root=/r --log-level warn ps", "ps", { TSBOX_ROOT: "/r", TSBOX_LOG_LEVEL: "warn" }],
    ["--debug --root /r ps", "ps", { TSBOX_ROOT: "/r", TSBOX_LOG_LEVEL: "debug", TSBOX_DEBUG: "1" }],
    ["-D run -D", "run -D", { TSBOX_LOG_LEVEL: "debug", TSBOX_DEBUG: "1" }],
    ["--log-level=debug --log-level=error ps", "ps", { TSBOX_LOG_LEVEL: "error" }],
    ["--version", "--version", {}],
    ["--root /r --help", "--help", { TSBOX_ROOT: "/r" }],
    ["--bogus ps", "--bogus ps", {}],
  ])("%s", (line, rest, expected) => {
    const env: NodeJS.ProcessEnv = {};
    expect(readGlobalFlags(line.split(" "), env).join(" ")).toBe(rest);
    expect(env).toEqual(expected);
  });

  test.each([
    ["--root", "cannot read the command line: --root needs a value"],
    ["--root= ps", "cannot read the command line: --root needs a value"],
    ["--log-level loud ps", "cannot use --log-level loud: it is one of debug, info, warn, error"],
  ])("%s is an error", (line, message) => {
    expect(() => readGlobalFlags(line.split(" "), {})).toThrow(message);
  });
});

describe("Docker's longer names", () => {
  const calls: string[] = [];
  const load = async (name: string) => {
    if (!["ps", "rmi", "images", "inspect"].includes(name)) return undefined;
    return async (argv: readonly string[]) => {
      calls.push([name, ...argv].join(" "));
      return 3;
    };
  };

  test.each([
    ["container", "ls -a", "ps -a"],
    ["container", "inspect web", "inspect --type=container web"],
    ["image", "rm -f alpine", "rmi -f alpine"],
    ["image", "ls --help", "images --help"],
    ["image", "inspect alpine", "inspect --type=image alpine"],
  ] as const)("%s %s is %s", async (group, line, expected) => {
    calls.length = 0;
    expect(await longName(group, load)(line.split(" "))).toBe(3);
    expect(calls).toEqual([expected]);
  });

  test("that tsbox does not have, and that nobody has, are errors", async () => {
    const container = longName("container", load);
    expect(container(["attach"])).rejects.toMatchObject({ code: "unsupported" });
    expect(container(["atach"])).rejects.toMatchObject({
      code: "usage",
      message: expect.stringMatching(/did you mean attach\?$/),
    });
    // looked up in tables, where these are not
    for (const name of ["constructor", "__proto__"]) expect(container([name])).rejects.toMatchObject({ code: "usage" });
  });
});

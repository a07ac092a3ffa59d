/** What may follow on a command line. */
import { describe, expect, test } from "bun:test";
import { complete } from "../../../src/cli/completion/complete.ts";
import { operandAt } from "../../../src/cli/completion/values.ts";

const words = async (line: string) => {
  const { candidates, files } = await complete(line.split(" "));
  return { words: candidates.map(([word]) => word), files: files ?? "none" };
};

describe("completion", () => {
  const CASES: readonly (readonly [line: string, expected: readonly string[], files?: "any" | "folder"])[] = [
    ["pu", ["pull"]],
    ["vers", ["version"]],
    ["--ro", ["--root"]],
    ["--root ", [], "folder"],
    ["--log-level ", ["debug", "info", "warn", "error"]],
    ["--log-level debug --root /nowhere pu", ["pull"]],
    ["run --pul", ["--pull"]],
    ["run --pull ", ["missing", "always", "never", "newer"]],
    ["run --pull=n", ["--pull=never", "--pull=newer"]],
    ["run --rm=", ["--rm=true", "--rm=false"]],
    ["run -it --uts ", ["private", "host"]],
    ["run --stop-signal US", ["USR1", "USR2"]],
    ["run --cap-drop NET_A", ["NET_ADMIN"]],
    ["run --env-file ", [], "any"],
    ["run --cert-dir ", [], "folder"],
    ["run --cert-dir=x", [], "folder"],
    // a value that is not known may be a path
    ["run -w ", [], "folder"],
    ["run -itw ", [], "folder"],
    ["run --name ", [], "any"],
    // what follows the image is not tsbox's
    ["run alpine --pul", [], "any"],
    ["run --rm alpine ls ", [], "any"],
    ["run -eA=b --pul", ["--pull"]],
    ["run --pull never --quie", ["--quiet"]],
    ["run --nonsense x --pul", [], "any"],
    ["ps --al", ["--all"]],
    ["ps x --al", ["--all"]],
    ["ps -- --al", []],
    ["completion ", ["bash", "zsh", "fish"]],
    ["help comp", ["completion"]],
    ["container l", ["logs", "ls", "list"]],
    ["container ls --al", ["--all"]],
    ["image rm --fo", ["--force"]],
    ["image nothing x", []],
    ["nothing ", []],
    ["constructor ", []],
  ];
  for (const [line, expected, files = "none"] of CASES) {
    test(JSON.stringify(line), async () => {
      expect(await words(line)).toEqual({ words: [...expected], files });
    });
  }

  test("says what commands and flags do", async () => {
    expect((await complete(["pull", "--plat"])).candidates).toEqual([["--platform", "Platform of the image"]]);
    expect((await complete(["rmi"])).candidates).toEqual([["rmi", "Remove images, and what only they needed"]]);
  });
});

test.each([
  ["IMAGE [COMMAND [ARG...]]", ["IMAGE", "COMMAND", "ARG", "ARG"]],
  ["CONTAINER...", ["CONTAINER", "CONTAINER"]],
  ["CONTAINER NAME", ["CONTAINER", "NAME", undefined]],
  ["CONTAINER [NAME[:TAG]]", ["CONTAINER", "NAME", undefined]],
  ["CONTAINER:PATH|- PATH", ["CONTAINER:PATH|-", "PATH"]],
  ["[COMMAND [SUBCOMMAND]]", ["COMMAND", "SUBCOMMAND", undefined]],
  ["", [undefined]],
])("operands %j", (operands, nouns) => {
  expect(nouns.map((_, i) => operandAt(operands, i))).toEqual(nouns);
});

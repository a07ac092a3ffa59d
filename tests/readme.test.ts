/** README.md tells the truth: every command line in it is run, and prints what it shows. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { ROOT } from "../scripts/build-native.ts";
import { busybox } from "./support/busybox-image.ts";
import { agrees, examplesOf, newShell, setUpCommandsOf } from "./support/readme.ts";
import { executable, requires, subordinateIds, unprivileged, userNamespaces } from "./support/skip.ts";

const readme = readFileSync(`${ROOT}/README.md`, "utf8");

/** What sets the project up cannot run inside its own tests; this is where it does. */
const RUN_BY: Readonly<Record<string, string>> = {
  "npm ci && npm run demo": "tests/root/demo.test.ts",
  "npm test": ".ci/run",
};

requires(
  executable,
  busybox,
  userNamespaces,
  subordinateIds,
  unprivileged,
)("every command line of README.md prints what README.md shows", () => {
  const examples = examplesOf(readme);
  expect(examples.length).toBeGreaterThan(0);
  using shell = newShell();
  const different = examples.flatMap(({ command, output }) => {
    const actual = shell.run(command);
    return agrees(output, actual) ? [] : [{ command, shown: output, actual }];
  });
  expect(different).toEqual([]);
});

test("the commands that set the project up are run by a test or by CI", () => {
  const commands = setUpCommandsOf(readme);
  expect(commands).toContain("npm ci && npm run demo");
  expect(commands).toContain("npm test");
  for (const command of commands) {
    const file = RUN_BY[command];
    expect({ command, file }).toEqual({ command, file: expect.any(String) });
    const script = command.split("&&").at(-1)?.trim() ?? "";
    expect(readFileSync(`${ROOT}/${file}`, "utf8")).toContain(script);
  }
});

test("an example agrees with output that differs in numbers, ids and columns, and with no other", () => {
  expect(agrees("took 12.5 ms", "took 9 ms")).toBe(true);
  expect(agrees("NAME  ID\nx     0123456789ab", "NAME ID\nx fedcba987654")).toBe(true);
  expect(agrees("first\n...\nlast", "first\na\nb\nlast")).toBe(true);
  expect(agrees("first\n...\nlast", "first\nlast")).toBe(true);
  expect(agrees("uid=0(root)", "uid=0(toor)")).toBe(false);
  expect(agrees("one line", "one line\nand another")).toBe(false);
});

test("examples are found with their continuation lines and outputs", () => {
  const text = "```console\n$ a \\\n> b\nout\n\nmore\n$ c\n```\n\n```sh\nnpm test\n```\n";
  expect(examplesOf(text)).toEqual([
    { command: "a \\\nb", output: "out\n\nmore" },
    { command: "c", output: "" },
  ]);
  expect(setUpCommandsOf(text)).toEqual(["npm test"]);
});

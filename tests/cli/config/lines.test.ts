/** Where things are in a TOML file. */
import { describe, expect, test } from "bun:test";
import { lineOfError, lineOfKey } from "../../../src/cli/config/lines.ts";

const TEXT = `# a comment
top = 1

[run]
# memory = "9g"
memory = "1g"
env = [
  "A=1",
  # "B=2",
  "C=3",

  "D=4",
]
label = ["one",
  "two"]
text = """
[storage]
root = 1
"""

[storage]
root = "/x"
inline = { deep = { er = true } }
dotted.key = 1
"quoted key" = 1

[registries.mirrors]
"docker.io" = ["a", "b"]
`;

describe("a key is found", () => {
  test.each<[path: (string | number)[], line: number]>([
    [["top"], 2],
    [["run"], 4],
    [["run", "memory"], 6],
    [["run", "env"], 7],
    [["run", "env", 0], 8],
    [["run", "env", 1], 10],
    [["run", "env", 2], 12],
    [["run", "label", 0], 14],
    [["run", "label", 1], 15],
    [["run", "text"], 16],
    [["storage"], 21],
    [["storage", "root"], 22],
    [["storage", "inline", "deep", "er"], 23],
    [["storage", "dotted", "key"], 24],
    [["storage", "quoted key"], 25],
    [["registries", "mirrors", "docker.io"], 28],
    [["registries", "mirrors", "docker.io", 1], 28],
    [["nowhere"], 1],
    [["constructor"], 1],
  ])("%j", (path, line) => {
    expect(lineOfKey(TEXT, path)).toBe(line);
  });
});

describe("an error is found", () => {
  test.each([
    ["x", 1],
    ["a = 1\nb = tru\nc = 1\n", 2],
    ["a = 1\n\n# c\na = 2\n", 4],
    ["[run]\nx = 1\n\n[run]\n", 4],
    ['a = 1\nb = "never ends\nc = 1\n', 2],
    ["a = 1\nlist = [\n 1,\n", 2],
    ["a = 1\r\nb =\r\n", 2],
  ])("%j", (text, line) => {
    expect(lineOfError(text)).toBe(line);
  });
});

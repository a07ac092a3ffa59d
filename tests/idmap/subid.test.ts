import { expect, test } from "bun:test";
import { parseServiceAnswer, parseSubordinate, subordinateSource } from "../../src/idmap/subid.ts";

const FILE = `# comment
alice:100000:65536
bob:200000:65536
1000:300000:10
alice:400000:5
alice:x:5
alice:1:
alice:1:0
alice:1:2:3
alice:4294967290:100
:5:5

  alice:500000:7
`;

test("all ranges of a user are found by name and by number, in the file's order", () => {
  expect(parseSubordinate(FILE, 1000, "alice")).toEqual([
    { start: 100000, count: 65536 },
    { start: 300000, count: 10 },
    { start: 400000, count: 5 },
    { start: 500000, count: 7 },
  ]);
});
test("a user without a name is found by number only", () => {
  expect(parseSubordinate(FILE, 1000, undefined)).toEqual([{ start: 300000, count: 10 }]);
});
test("another user's name that begins alike is not the user's", () => {
  expect(parseSubordinate("alice2:1:1\nalic:1:1\n10000:1:1\n", 1000, "alice")).toEqual([]);
});
test.each([
  ["", "files"],
  ["passwd: files\nsubid: sss\n", "sss"],
  ["subid:\tfiles sss", "files"],
  ["# subid: sss\n", "files"],
  ["subid: sss files # note", "sss"],
])("nsswitch %j names the source %s", (text, source) => {
  expect(subordinateSource(text)).toBe(source);
});
test("the answer of getsubids is read, a line per range", () => {
  expect(parseServiceAnswer("0: alice 100000 65536\n1: alice 300000 5\nError: x\n")).toEqual([
    { start: 100000, count: 65536 },
    { start: 300000, count: 5 },
  ]);
});

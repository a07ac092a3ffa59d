import { describe, expect, test } from "bun:test";
import {
  joinWords,
  literalWord,
  parseUnit,
  renderUnit,
  sectionEntries,
  splitWords,
} from "../../../src/container/units/unit-file.ts";

const words = (value: string) => splitWords({ value, place: "x:1" });

describe("unit files", () => {
  test("sections, comments, and values that go on in the next line", () => {
    const text = "# first\n[A]\nx = 1\n; no\ny=a \\\n# between\n  b\\\nc\n\n[B]\nx=\n[A]\nz=2=3\n";
    const sections = parseUnit(text, "f");
    expect(sectionEntries(sections, "A")).toEqual([
      { key: "x", value: "1", place: "f:3" },
      { key: "y", value: "a b c", place: "f:5" },
      { key: "z", value: "2=3", place: "f:13" },
    ]);
    expect(sectionEntries(sections, "B")).toEqual([{ key: "x", value: "", place: "f:11" }]);
  });

  test("a value that goes on in no further line ends", () => {
    for (const end of ["\\", "\\\n", "\\\n\n"])
      expect(sectionEntries(parseUnit(`[A]\nx=1 ${end}`, "f"), "A")).toEqual([{ key: "x", value: "1", place: "f:2" }]);
  });

  test.each([
    ["x=1\n", "f:1: a value before"],
    ["[A]\nwhat\n", "f:2: expected"],
    ["[A]\n=1\n", "f:2: expected"],
  ])("%j is refused by file and line", (text, message) => {
    expect(() => parseUnit(text, "f")).toThrow(message);
  });

  test.each([
    ["a  b\tc", ["a", "b", "c"]],
    [`"a b" 'c d'e`, ["a b", "c de"]],
    [`A="x y" ''`, ["A=x y", ""]],
    [String.raw`a\x20b \"q\" '\\' "\n"`, ["a b", '"q"', "\\", "\n"]],
    [String.raw`\101\u00e4 \q`, ["Aä", "\\q"]],
    ["%h $X $$Y", ["%h", "$X", "$$Y"]],
    ["", []],
  ])("words of %j", (value, expected) => {
    expect(words(value)).toEqual(expected);
  });

  test("a quotation mark that is not closed is refused", () => {
    expect(() => words(`a "b`)).toThrow("x:1: a quotation mark");
  });

  test("what is joined is split into the same words", () => {
    const all = ["a", "", "b c", `q"u'o`, "back\\slash", "line\nbreak\t", "%n", "$HOME", ";", "ä", "#x", "a;b", "*"];
    expect(words(joinWords(all))).toEqual(all);
  });

  test("a literal word means nothing to systemd", () => {
    expect(literalWord("100% of $HOME$")).toBe("100%% of $$HOME$$");
  });

  test("sections without lines are left out", () => {
    expect(
      renderUnit(
        ["c"],
        [
          ["A", ["x=1", undefined]],
          ["B", []],
          ["C", ["y=2"]],
        ],
      ),
    ).toBe("# c\n\n[A]\nx=1\n\n[C]\ny=2\n");
  });
});

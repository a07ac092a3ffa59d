/** What `--format` makes of rows, and which rows `--filter` lets through. */
import { describe, expect, test } from "bun:test";
import {
  chooseBy,
  type Filters,
  labelFilters,
  nameFilter,
  switchFilter,
  wordFilter,
} from "../../../src/cli/format/filters.ts";
import { labelHeading } from "../../../src/cli/format/label-heading.ts";
import { renderListing } from "../../../src/cli/format/listing.ts";

interface Thing extends Record<string, unknown> {
  readonly Name: string;
  readonly Kind: string;
  readonly Label: (name: unknown) => string;
}
const things: readonly Thing[] = [
  { Name: "one", Kind: "a", Label: (name) => `${name}!` },
  { Name: "a longer name", Kind: "b", Label: () => "" },
];
const headings = { Name: "NAME", Kind: "THE KIND", Label: labelHeading };
const render = (format: string, rows = things) =>
  renderListing(format, { columns: [["Kind", "KIND"] as const, ["Name", "NAME"] as const], headings, rows });

describe("formats", () => {
  test("table is the usual table", () =>
    expect(render("table")).toBe("KIND      NAME\na         one\nb         a longer name"));
  test("a table of one's own has headings, and columns of ten at least", () => {
    expect(render("table {{.Name}}\\t{{.Kind}}")).toBe(
      "NAME            THE KIND\none             a\na longer name   b",
    );
    expect(render("table {{.Kind}}\t{{upper .Name}}", [])).toBe("THE KIND   NAME");
  });
  test("Docker's functions leave headings as they are, and a label's is its last word", () =>
    expect(render('table {{lower .Kind}}\t{{truncate .Name 1}}\t{{.Label "com.example.my-role"}}', [])).toBe(
      "THE KIND   NAME      my role",
    ));
  test("json is an array, {{json .}} a line for each, and methods are in neither", () => {
    const data = [
      { Name: "one", Kind: "a" },
      { Name: "a longer name", Kind: "b" },
    ];
    expect(JSON.parse(render("json"))).toEqual(data);
    const lines = render("{{json .}}").split("\n");
    expect(lines.map((line) => JSON.parse(line))).toEqual(data);
  });
  test("nothing gives nothing, and for json an empty array", () => {
    expect(render("{{.Name}}", [])).toBe("");
    expect(render("json", [])).toBe("[]");
    expect(render("{{with .Name}}{{.Other}}{{end}}{{range $x := .Kind}}{{$x.Y}}{{end}}", [])).toBe("");
  });
  for (const format of ["{{.Nmae}}", "{{if .Kind}}{{$.Nmae.X}}{{end}}", "{{upper (lower .Nmae)}}", "table {{.Nmae}}"]) {
    test(`${format} is refused though there is nothing to show`, () =>
      expect(() => render(format, [])).toThrow("there is no field .Nmae; there are .Name, .Kind, .Label"));
  }
});

interface Item {
  readonly name: string;
  readonly state: string;
  readonly labels: Readonly<Record<string, string>>;
}
const items: readonly Item[] = [
  { name: "web-1", state: "up", labels: { tier: "web", site: "a" } },
  { name: "web-2", state: "down", labels: { tier: "web" } },
  { name: "db", state: "up", labels: { tier: "db", note: "a=b" } },
];
const filters: Filters<Item> = {
  name: nameFilter("name", ({ name }) => [name]),
  state: wordFilter("state", ["up", "down"], ({ state }) => state),
  odd: switchFilter("odd", ({ name }) => name.endsWith("1")),
  ...labelFilters(({ labels }) => labels),
};
const names = (...given: string[]) => items.filter(chooseBy(given, filters)).map(({ name }) => name);

describe("filters", () => {
  const CASES: readonly (readonly [given: readonly string[], names: readonly string[]])[] = [
    [[], ["web-1", "web-2", "db"]],
    [["name=web"], ["web-1", "web-2"]],
    [["name=^web-1$"], ["web-1"]],
    [
      ["name=db", "name=2"],
      ["web-2", "db"],
    ],
    [["name=web", "state=up"], ["web-1"]],
    [
      ["state=up", "state=down"],
      ["web-1", "web-2", "db"],
    ],
    [["label=tier"], ["web-1", "web-2", "db"]],
    [["label=tier=web", "label=site"], ["web-1"]],
    [["label=note=a=b"], ["db"]],
    [["label!=tier=web"], ["db"]],
    [["label!=site", "label!=note"], ["web-2"]],
    [["label=constructor"], []],
    [["odd=true"], ["web-1"]],
    [["odd=0", "name=web"], ["web-2"]],
  ];
  for (const [given, expected] of CASES)
    test(given.join(" ") || "none", () => expect(names(...given)).toEqual([...expected]));

  const REFUSED: readonly (readonly [given: string, message: string])[] = [
    ["colour=red", 'cannot use --filter colour=red: there is no filter "colour"; there are label, name, odd, state'],
    ["constructor=1", 'there is no filter "constructor"'],
    ["name", "cannot use --filter name: expected name=VALUE"],
    ["name=[", "cannot use --filter name=[: it is no regular expression"],
    ["state=left", "cannot use --filter state=left: state is one of up, down"],
    ["odd=perhaps", "cannot use --filter odd=perhaps: it is true or false"],
  ];
  for (const [given, message] of REFUSED)
    test(`${given} is refused`, () => expect(() => names(given)).toThrow(message));
});

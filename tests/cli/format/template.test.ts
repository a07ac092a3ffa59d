/**
 * Templates of `--format`. What `go-results.json` says is what Go 1.19's text/template makes of them, with Docker's functions added as its
 * documentation describes them; `data` are Go maps there, and so here.
 */
import { describe, expect, test } from "bun:test";
import { compileTemplate } from "../../../src/cli/format/template.ts";
import { mapOf } from "../../../src/cli/format/values.ts";
import go from "./go-results.json";

/** Objects of JSON as maps. */
function asMaps(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(asMaps);
  if (typeof value !== "object" || value === null) return value;
  return mapOf(Object.entries(value).map(([key, item]) => [key, asMaps(item)] as const));
}

const data = asMaps(go.data);
const render = (template: string, value: unknown = data) => compileTemplate(template).render(value);

describe("as Go", () => {
  for (const [template = "", result = ""] of go.results) test(template, () => expect(render(template)).toBe(result));
});

describe("refused as by Go", () => {
  for (const template of go.refused)
    test(template, () => expect(() => render(template)).toThrow(/^cannot use --format: at character \d+, /));
});

describe("beside Go", () => {
  test("a map of texts has an empty text for what it has not, as Docker's labels", () =>
    expect(render('{{index .Map "zz"}}|{{.Map.zz}}')).toBe("|<no value>"));
  test("what a map of more has not is nothing", () => expect(render('{{json (index .State "zz")}}')).toBe("null"));
  test("tabs and lines may be written as letters, but not within quotes' own rules", () =>
    expect(render('{{.Name}}\\t{{.Count}}\\n{{"a\\tb"}}')).toBe("/web\t3\na\tb"));
  test("a field of a structure that it has not is an error that names those that it has", () =>
    expect(() => render("ab {{.State.Nope}}", { State: { Status: "x", Pid: 1 } })).toThrow(
      "cannot use --format: at character 12, {{.State.Nope}}: there is no field .Nope; there are .Status, .Pid",
    ));
  test("a field that is there but empty is false, prints as nothing known, and has no fields", () => {
    const value = { State: { Health: undefined } };
    expect(render("{{if .State.Health}}{{.State.Health.Status}}{{else}}no{{end}}", value)).toBe("no");
    expect(render("{{json .State}}", value)).toBe("{}");
    expect(() => render("{{.State.Health.Status}}", value)).toThrow("nothing has no field Status");
  });
  test("what objects inherit is no field", () => {
    for (const name of ["constructor", "toString", "__proto__", "hasOwnProperty"]) {
      expect(() => render(`{{.${name}}}`, { A: 1 })).toThrow(`there is no field .${name}`);
      expect(render(`{{.${name}}}`, mapOf({ A: 1 }))).toBe("<no value>");
      expect(() => compileTemplate(`{{${name} 1}}`)).toThrow(`there is no function ${name}`);
    }
  });
  test("methods get their arguments, also by a pipe", () => {
    const value = { Label: (name: unknown) => `<${name}>` };
    expect(render('{{.Label "a"}} {{"b" | .Label}} {{upper (.Label "c")}}', value)).toBe("<a> <b> <C>");
    expect(() => render("{{.Label}}", value)).toThrow("it takes 1 things, not 0");
    expect(() => render('{{.Label "a" "b"}}', value)).toThrow("it takes 1 things, not 2");
  });
  test("texts that are taken from values are cleaned, the template's own are not", () => {
    const template = compileTemplate('{{.A}}{{"\\x1b"}}{{range .B}}{{.}}{{end}}{{range $k, $v := .C}}{{$k}}{{end}}', {
      clean: (text) => text.replaceAll("\x1b", "?"),
    });
    expect(template.render({ A: "\x1b", B: ["\x1b["], C: mapOf({ "\x1bk": 1 }) })).toBe("?\x1b?[?k");
  });
});

/** Go's `printf`: fmt, "Printing". The verbs that have a use with texts, numbers and what `%v` shows. */
import { valueText } from "./values.ts";

const VERB = /%([-+# 0]*)(\d+|\*)?(?:\.(\d+|\*)?)?([a-zA-Z%])|%/g;

/** What cannot be shown as asked is shown with what it is, `%!d(string=x)`: so does Go, instead of failing. */
export function printf(format: string, values: readonly unknown[]): string {
  let next = 0;
  const text = format.replace(VERB, (whole, flags = "", width?: string, precision?: string, verb?: string) => {
    if (verb === undefined) return "%!(NOVERB)";
    if (verb === "%") return "%";
    const number = (written: string | undefined) => (written === "*" ? Number(values[next++]) : Number(written ?? -1));
    const columns = number(width);
    const digits = /\./.test(whole) && precision === undefined ? 0 : number(precision);
    if (next >= values.length) return `%!${verb}(MISSING)`;
    const value = values[next++];
    const shown = show(verb, flags, digits, value);
    if (shown === undefined) return `%!${verb}(${goType(value)}=${valueText(value)})`;
    return pad(shown, columns, flags, typeof value === "number");
  });
  const extra = values.slice(next).map((value) => `${goType(value)}=${valueText(value)}`);
  return extra.length === 0 ? text : `${text}%!(EXTRA ${extra.join(", ")})`;
}

function pad(text: string, width: number, flags: string, isNumber: boolean): string {
  const missing = width - [...text].length;
  if (missing <= 0) return text;
  if (flags.includes("-")) return text + " ".repeat(missing);
  if (!flags.includes("0") || !isNumber) return " ".repeat(missing) + text;
  const sign = /^[-+]/.exec(text)?.[0] ?? "";
  return sign + "0".repeat(missing) + text.slice(sign.length);
}

function show(verb: string, flags: string, digits: number, value: unknown): string | undefined {
  if (verb === "v") return value === undefined || value === null ? "<nil>" : valueText(value);
  if (verb === "t") return typeof value === "boolean" ? String(value) : undefined;
  if (typeof value === "number") return showNumber(verb, flags, digits, value);
  if (Array.isArray(value) && (verb === "s" || verb === "q"))
    return `[${value.map((item) => show(verb, flags, digits, item) ?? valueText(item)).join(" ")}]`;
  if (typeof value !== "string") return undefined;
  const cut = digits < 0 ? value : [...value].slice(0, digits).join("");
  if (verb === "s") return cut;
  if (verb === "q") return JSON.stringify(cut);
  if (verb !== "x" && verb !== "X") return undefined;
  const hex = Buffer.from(cut).toString("hex");
  return verb === "x" ? hex : hex.toUpperCase();
}

const BASES: Readonly<Record<string, number>> = { d: 10, x: 16, X: 16, o: 8, b: 2 };

function showNumber(verb: string, flags: string, digits: number, value: number): string | undefined {
  const plus = flags.includes("+") && value >= 0 ? "+" : "";
  const base = BASES[verb];
  if (base !== undefined) {
    if (!Number.isInteger(value)) return undefined;
    const prefix = flags.includes("#") && base === 16 ? `0${verb}` : "";
    const text = Math.abs(value).toString(base).padStart(Math.max(digits, 0), "0");
    return (value < 0 ? "-" : plus) + prefix + (verb === "X" ? text.toUpperCase() : text);
  }
  if (verb === "c") return String.fromCodePoint(value);
  if (Number.isInteger(value)) return undefined;
  if (verb === "f") return plus + value.toFixed(digits < 0 ? 6 : digits);
  if (verb === "g") return plus + (digits < 0 ? String(value) : String(Number(value.toPrecision(digits || 1))));
  return verb === "e"
    ? plus + value.toExponential(digits < 0 ? 6 : digits).replace(/e([-+])(\d)$/, "e$10$2")
    : undefined;
}

function goType(value: unknown): string {
  if (typeof value === "string") return "string";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "number") return Number.isInteger(value) ? "int" : "float64";
  return value === undefined || value === null
    ? "<nil>"
    : Array.isArray(value)
      ? "[]interface {}"
      : "map[string]interface {}";
}

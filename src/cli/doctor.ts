/** `tsbox doctor [--json]`: what this host can do, what tsbox does instead, and how to change it. */
import { TsboxError } from "../error.ts";
import { diagnose, type Finding } from "./doctor-findings.ts";

const HELP = `Usage: tsbox doctor [--json]

Says what this host can do for containers, what tsbox does where something is missing, and the remedy.
Exits 0 when containers can run, 1 when they cannot.
`;

const MARKS = { ok: ["✓", 32], less: ["!", 33], no: ["✗", 31] } as const;
const WIDTH = 20;

/**
 * Runs the command.
 *
 * @param args what follows `doctor` on the command line
 * @returns the exit status: 0 when containers can run, 1 when they cannot
 * @throws TsboxError `usage`
 */
export async function doctor(args: readonly string[]): Promise<number> {
  const unknown = args.find((arg) => arg !== "--json" && arg !== "--help" && arg !== "-h");
  if (unknown !== undefined) throw new TsboxError("usage", `cannot run doctor: unknown argument '${unknown}'`);
  if (args.includes("--help") || args.includes("-h")) {
    process.stdout.write(HELP);
    return 0;
  }
  const findings = await diagnose();
  const canRun = findings.every(({ state }) => state !== "no");
  if (args.includes("--json")) process.stdout.write(`${JSON.stringify({ canRun, findings }, null, 2)}\n`);
  else process.stdout.write(render(findings, process.stdout.isTTY === true && !process.env.NO_COLOR));
  return canRun ? 0 : 1;
}

/** The findings as aligned lines; the fall-back and the remedy stand below what they belong to. */
export function render(findings: readonly Finding[], color: boolean): string {
  const paint = (text: string, code: number) => (color ? `\x1b[${code}m${text}\x1b[0m` : text);
  const indent = " ".repeat(WIDTH + 2);
  const lines = findings.flatMap(({ name, state, detail, instead, remedy }) => {
    const [mark, code] = MARKS[state];
    const line = `${paint(mark, code)} ${name.padEnd(WIDTH)}${detail}`;
    const more = [instead && `instead: ${instead}`, remedy && `remedy: ${remedy}`].filter((text) => text !== undefined);
    return [line, ...more.map((text) => `${indent}${text}`)];
  });
  const failed = findings.filter(({ state }) => state === "no");
  const verdict =
    failed.length === 0
      ? "Containers can run on this host."
      : `Containers cannot run on this host: ${failed.map(({ name }) => name).join(", ")}.`;
  return `${[...lines, "", verdict].join("\n")}\n`;
}

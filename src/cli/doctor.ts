/** `tsbox doctor [--json]`: what this host can do, what tsbox does instead, and how to change it. */
import { type CommandDefinition, isOn } from "./args.ts";
import { HELP, readCommand, refuseOperands } from "./command.ts";
import { diagnose, type Finding } from "./doctor-findings.ts";

export const DOCTOR: CommandDefinition = {
  name: "doctor",
  description:
    "Say what this host can do, and how to mend what it cannot. Exits 0 when containers can run, 1 when they cannot.",
  operands: "",
  flags: { json: { type: "boolean", description: "Print the findings as JSON" }, ...HELP },
  examples: [
    ["tsbox doctor", "what is missing, what tsbox does instead, and the remedy"],
    ["tsbox doctor --json", "for programs"],
  ],
};

const MARKS = { ok: ["✓", 32], less: ["!", 33], no: ["✗", 31] } as const;
const WIDTH = 20;

/**
 * Runs the command.
 *
 * @param argv what follows `doctor` on the command line
 * @returns the exit status: 0 when containers can run, 1 when they cannot
 * @throws TsboxError `usage`
 */
export async function doctor(argv: readonly string[]): Promise<number> {
  const args = await readCommand(DOCTOR, argv);
  if (args === undefined) return 0;
  refuseOperands(DOCTOR, args);
  const findings = await diagnose();
  const canRun = findings.every(({ state }) => state !== "no");
  if (isOn(args, "json")) process.stdout.write(`${JSON.stringify({ canRun, findings }, null, 2)}\n`);
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

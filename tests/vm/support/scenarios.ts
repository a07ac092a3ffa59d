/**
 * Tests whose bodies are shell scripts in a virtual machine. One machine serves all tests of a call:
 *
 *     const { scenario } = scenarios({ kernel: "6.12" });
 *     scenario("the program sees its limit", "tsbox run ...", ({ output }) => { expect(output).toContain("..."); });
 */
import { beforeAll, describe } from "bun:test";
import { executable, type Requirement, requires } from "../../support/skip.ts";
import { type KernelName, kernel } from "./kernel.ts";
import { boot, type Machine, machineRequirements, type Outcome } from "./machine.ts";

export type Scenario = (name: string, script: string, check: (outcome: Outcome) => void) => void;

/** For scripts: `until_true COMMAND` tries it again and again for half a minute; `until_in PATTERN FILE` until a line matches. */
const UNTIL = `until_true() {
  for i in $(seq 300); do "$@" >/dev/null 2>&1 && return; sleep 0.1; done
  echo "never came true: $*"
}
until_in() { until_true grep -q -e "$1" "$2"; }
`;

/**
 * Declares the tests that `declare` names, in the order in which they run in the machine: `scenario` as the user `u`,
 * `asRoot` as root, who has the command `as_u COMMAND...` for the other one.
 */
export function scenarios(
  machine: Machine,
  declare: (scenario: Scenario, asRoot: Scenario) => void,
  more: readonly Requirement[] = [],
): void {
  const tools = [...machineRequirements, ...more, executable];
  const needs = tools.every(({ met }) => met()) ? [...tools, kernelOf(machine.kernel)] : tools;
  const runs = needs.every(({ met }) => met());
  const test = requires(...needs);
  describe(`Linux ${machine.kernel}`, () => {
    const scripts: Record<string, string> = {};
    let ran: ReadonlyMap<string, Outcome> = new Map();
    const declared =
      (suffix: string): Scenario =>
      (name, script, check) => {
        const key = `${Object.keys(scripts).length}${suffix}`;
        scripts[key] = `${UNTIL}${script}`;
        test(name, () => {
          const outcome = ran.get(key);
          if (outcome === undefined) throw new Error("the machine did not run this");
          try {
            check(outcome);
          } catch (error) {
            console.error(`status ${outcome.status}\n${outcome.output}`);
            throw error;
          }
        });
      };
    declare(declared(""), declared(".root"));
    beforeAll(async () => {
      if (runs) ran = await boot(machine, scripts);
    }, 900_000);
  });
}

/** Not for certain in CI: it is fetched from Debian's mirror when it is first wanted. */
export function kernelOf(name: KernelName): Requirement {
  try {
    kernel(name);
    return { what: `Linux ${name}`, inCI: false, met: () => true };
  } catch (error) {
    const reason = String(error).split("\n")[0]?.replaceAll("]", ")");
    return { what: `Debian's Linux ${name} (${reason})`, inCI: false, met: () => false };
  }
}

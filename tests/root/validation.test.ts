/**
 * The OCI's validation suite with tsbox as the runtime: what crun or runc pass here, tsbox passes.
 *
 * `tests/conformance/validation/` builds and runs the suite; `peers.json` there says what the peers make of it.
 */
import { expect } from "bun:test";
import { recordedPeers } from "../conformance/validation/peers.ts";
import { steadyFailures } from "../conformance/validation/run.ts";
import { type Suite, validationSuite } from "../conformance/validation/suite.ts";
import { namedRuntime, runtimeCommand } from "../support/runtime-command.ts";
import { executable, program, type Requirement, requires, root } from "../support/skip.ts";

/** Failures that a peer does not have, each with the reason why it is right: case -> description -> reason. */
const EXCEPTIONS: Record<string, Record<string, string>> = {};

/** Built here, before the tests, so that what is missing is in the name of a skipped one. */
const suite = ((): Suite | Error => {
  if (process.getuid?.() !== 0 || !runtimeCommand.met()) return new Error("not needed");
  try {
    return validationSuite();
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
})();

/** A mirror without sources, or without the network, is no reason to fail. */
const built: Requirement = {
  what: `the validation suite (${suite instanceof Error ? suite.message : ""})`,
  inCI: false,
  met: () => !(suite instanceof Error),
};

requires(
  root,
  executable,
  runtimeCommand,
  program("go"),
  built,
)(
  "what crun or runc pass of the validation suite, tsbox passes",
  async () => {
    if (suite instanceof Error) throw suite;
    using runtime = namedRuntime("runc");
    const failures = await steadyFailures(suite, runtime.path, 3);
    const worse: string[] = [];
    for (const [name, failed] of failures) {
      for (const description of failed) {
        if (EXCEPTIONS[name]?.[description] !== undefined) continue;
        for (const [peer, theirs] of Object.entries(recordedPeers())) {
          // A peer that did not come to its end there has not passed what it did not reach.
          const peerFailed = theirs.failures[name] ?? [];
          const unfinished = peerFailed.some((each) => each.startsWith("exit status") || each.startsWith("killed"));
          if (peerFailed.length === 0 || (!unfinished && !peerFailed.includes(description)))
            worse.push(`${name}: ${description} (passed by ${peer})`);
        }
      }
    }
    expect(worse).toEqual([]);
  },
  600_000,
);

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
const EXCEPTIONS: Record<string, Record<string, string>> = {
  hooks: {
    "Hooks MUST be called in the listed order":
      "the suite waits for texts that its hooks do not write; runc and crun fail as well, crun at times with a broken pipe first",
  },
  hooks_stdin: {
    'the state of the container MUST be passed to "prestart" hook over stdin':
      'the suite wants "created"; prestart hooks are part of create by now, whose status is "creating", as runc has it',
  },
  linux_mount_label: {
    "exit status 1":
      "a label is refused where SELinux is off and nothing would enforce it, as by runc; crun passes over it",
  },
  poststart_fail: {
    "if any poststart hook fails, the runtime MUST log a warning, but the remaining hooks and lifecycle continue as if the hook had succeeded":
      "the specification has changed its mind: a failing poststart hook is an error that stops the container, as in runc",
  },
};

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
          const peerFailed = theirs.failures[name] ?? [];
          // Who did not come to the end of a case that both fail has not shown anything about its single results.
          const comparable = ![...failed, ...peerFailed].some((each) =>
            /^(exit status \d+|killed after .*)$/.test(each),
          );
          if (peerFailed.length === 0 || (comparable && !peerFailed.includes(description)))
            worse.push(`${name}: ${description} (passed by ${peer})`);
        }
      }
    }
    expect(worse).toEqual([]);
  },
  600_000,
);

/** Callers of runtimes, and what they are seen to do. */

import type { Requirement } from "../../support/skip.ts";

/** One thing that a caller does with a runtime, from nothing to nothing. */
export type Scenario = {
  /** a claim: "exec runs in the container" */
  readonly name: string;
  /** what it takes beside the caller's programs, whatever the runtime */
  readonly needs?: readonly Requirement[];
  /** @throws Error that says what was otherwise. @param runtime absolute path of the runtime's executable */
  readonly run: (runtime: string) => Promise<void>;
};

export type Caller = {
  readonly name: string;
  readonly needs: readonly Requirement[];
  readonly scenarios: readonly Scenario[];
};

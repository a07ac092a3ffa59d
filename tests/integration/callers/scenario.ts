/** Callers of runtimes, and what they are seen to do. */

import type { Requirement } from "../../support/skip.ts";
import type { Place } from "./place.ts";

/** One thing that a caller does with a runtime, from nothing to nothing. */
export type Scenario = {
  /** a claim: "exec runs in the container" */
  readonly name: string;
  /** what it takes of this machine beside the caller's programs, whatever the runtime */
  readonly needs?: readonly Requirement[];
  /** @throws Error that says what was otherwise. @param runtime absolute path of the runtime's executable, in the place */
  readonly run: (runtime: string, place: Place) => Promise<void>;
};

export type Caller = {
  readonly name: string;
  /** what it takes of this machine to call here */
  readonly needs: readonly Requirement[];
  readonly scenarios: readonly Scenario[];
};

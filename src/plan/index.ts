/** The plan format, and handing plans to the native program. See `native/README.md`. */
export * from "./builder.ts";
export { type EnterOptions, type EnterParts, enterPlan, spawnEntered } from "./enter.ts";
export { addFailureProgram, EXPLAIN_COMMAND } from "./failure.ts";
export {
  RECOVER_BUSY,
  RECOVER_DENIED,
  RECOVER_EXISTS,
  RECOVER_MISSING,
  RECOVER_OTHER,
  RECOVER_UNSUPPORTED,
} from "./format.gen.ts";
export { addIdMapping, isMappedByHelpers } from "./identity.ts";
export { becomeNative, type SpawnOptions, type Stdio, spawnNative } from "./launch.ts";
export { isCompiled, selfCommand } from "./self.ts";
export { ANY_FAILURE, addListening, addNullStreams } from "./sequences.ts";

// Loaded only when they are needed: they know the names of all constants, which costs start-up.

/** What a failed plan's operation was, as an error; see `explain-failure.ts`. */
export async function explainFailure(args: readonly string[]) {
  return (await import("./explain-failure.ts")).explainFailure(args);
}

/** The plan as text for people; see `print.ts`. */
export async function printPlan(plan: Uint8Array): Promise<string> {
  return (await import("./print.ts")).printPlan(plan);
}

/** A failure that was written to a file, as an error; see `explain-failure.ts`. */
export async function failureInWords(report: Uint8Array, argv0: string) {
  return (await import("./explain-failure.ts")).failureInWords(report, argv0);
}

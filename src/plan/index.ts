/** The plan format, and handing plans to the native program. See `native/README.md`. */
export * from "./builder.ts";
export { type EnterOptions, enterPlan, spawnEntered } from "./enter.ts";
export { explainFailure } from "./explain-failure.ts";
export { addFailureProgram, EXPLAIN_COMMAND } from "./failure.ts";
export {
  RECOVER_BUSY,
  RECOVER_DENIED,
  RECOVER_EXISTS,
  RECOVER_MISSING,
  RECOVER_OTHER,
  RECOVER_UNSUPPORTED,
} from "./format.gen.ts";
export { addIdMapping } from "./identity.ts";
export { becomeNative, type SpawnOptions, type Stdio, spawnNative } from "./launch.ts";
export { printPlan } from "./print.ts";
export { isCompiled, selfCommand } from "./self.ts";

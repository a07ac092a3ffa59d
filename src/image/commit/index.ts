/** New images of what containers have changed. */
export { applyChange, applyChanges } from "./change.ts";
export { type CommitOptions, commitImage } from "./commit.ts";

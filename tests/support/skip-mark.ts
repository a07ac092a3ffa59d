/** Begins the reason in the name of a test that `skip.ts` skips; `scripts/test.ts` looks for it. */
export const SKIP_MARK = "[skipped: needs ";

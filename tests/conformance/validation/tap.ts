/** Reading results in the Test Anything Protocol, as the cases of the validation suite print them. */

/** One line of results. */
export type Result = { readonly ok: boolean; readonly skipped: boolean; readonly description: string };

/**
 * Results in the order printed. Those marked TODO are left out, for they mean nothing. Indented lines (details of
 * the result before them) are not results.
 *
 * Some cases print no result at all, only, where something is wrong, details with an "error": that is a failed result here.
 */
export function parseTap(text: string): Result[] {
  const results: Result[] = [];
  for (const line of text.split("\n")) {
    const [, not, rest] = /^(not )?ok\b *\d* *(.*)$/.exec(line) ?? [];
    if (rest !== undefined) {
      if (/^# *TODO/i.test(rest)) continue;
      const skipped = /^# *SKIP/i.test(rest);
      results.push({ ok: not === undefined, skipped, description: steady(rest.replace(/^- /, "")) });
      continue;
    }
    const [, error] = results.length === 0 ? (/^ +"error": "(.*)",?$/.exec(line) ?? []) : [];
    if (error !== undefined)
      results.push({ ok: false, skipped: false, description: steady(error.split("\\n")[0] ?? "") });
  }
  return results;
}

/** A description without what differs from one run to the next. */
function steady(text: string): string {
  return text
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}/g, "UUID")
    .replace(/\/ocitest\d+/g, "/ocitestN")
    .trim();
}

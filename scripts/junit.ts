/** Counts a JUnit report as `bun test` writes it. */
import { SKIP_MARK } from "../tests/support/skip-mark.ts";

export type Tally = { passed: number; failed: number; skipped: number; readonly notes: string[] };

/**
 * @param xml the report
 * @param files the test files that ran; one that the report does not know failed before its first test
 * @param strict whether a skip that gives no reason (see tests/support/skip.ts) is a failure
 */
export function tally(xml: string, files: readonly string[], strict: boolean): Tally {
  const result: Tally = { passed: 0, failed: 0, skipped: 0, notes: [] };
  const reported = new Set<string>();
  for (const [, attributes = "", body = ""] of xml.matchAll(/<testcase ([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g)) {
    const file = attribute(attributes, "file");
    const name = attribute(attributes, "name");
    reported.add(file);
    if (body.includes("<skipped")) {
      const explained = name.includes(SKIP_MARK);
      result.skipped += 1;
      if (strict && !explained) result.failed += 1;
      result.notes.push(`${explained ? "skipped" : "skipped without a reason"}: ${file}: ${name}`);
    } else if (/<(failure|error)/.test(body)) {
      result.failed += 1;
      result.notes.push(`failed: ${file}: ${name}`);
    } else {
      result.passed += 1;
    }
  }
  for (const file of files.filter((path) => !reported.has(path))) {
    result.failed += 1;
    result.notes.push(`failed: ${file} has no test that ran`);
  }
  return result;
}

function attribute(text: string, name: string): string {
  const value = text.match(new RegExp(`(?:^|\\s)${name}="([^"]*)"`))?.[1] ?? "";
  const entities: Record<string, string> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };
  return value.replace(/&(\w+);/g, (whole, entity: string) => entities[entity] ?? whole);
}

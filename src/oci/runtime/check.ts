/** A value against a schema, with an error that a person can act on. */
import * as v from "valibot";
import { TsboxError } from "../../error.ts";

/** `linux.namespaces[1].type`. A name that is no plain word stands in quotation marks. */
function fieldPath(issue: v.BaseIssue<unknown>): string {
  let path = "";
  for (const { key, type } of issue.path ?? []) {
    if (type === "array") path += `[${key}]`;
    else if (/^\w+$/.test(String(key))) path += path === "" ? key : `.${key}`;
    else path += `[${JSON.stringify(key)}]`;
  }
  return path;
}

/** @throws TsboxError `invalid`, with the first wrong field */
export function check<const T extends v.GenericSchema>(schema: T, value: unknown, what: string): v.InferOutput<T> {
  const result = v.safeParse(schema, value, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  const path = fieldPath(issue);
  const reason = issue.received === "undefined" ? "is missing" : issue.message;
  throw new TsboxError("invalid", `cannot read ${what}: ${path === "" ? `it ${reason}` : `${path}: ${reason}`}`, {
    context: { field: path },
  });
}

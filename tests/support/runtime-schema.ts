/** The official JSON schemas of runtime-spec, compiled by a validator that is not ours. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import AjvDraft04 from "ajv-draft-04";
import { ROOT } from "../../scripts/build-native.ts";

const FOLDER = join(ROOT, "tests", "fixtures", "schemas", "runtime");

export type Document = "config" | "features" | "state";

/** Their own examples: what a parser has to take, and what it has to refuse. */
export function examples(document: Document, kind: "good" | "bad"): { name: string; text: string }[] {
  const folder = join(FOLDER, "test", document, kind);
  return readdirSync(folder).map((name) => ({ name, text: readFileSync(join(folder, name), "utf8") }));
}

const ajv = new AjvDraft04({ strict: false, validateFormats: false });
for (const name of readdirSync(FOLDER)) {
  // "id" of draft 4 is missing in these files: they name each other by file name
  if (name.endsWith(".json")) ajv.addSchema(JSON.parse(readFileSync(join(FOLDER, name), "utf8")), name);
}

/** What the official schema says about a document: nothing if it is right. */
export function schemaErrors(document: Document, value: unknown): string[] {
  const validate = ajv.getSchema(`${document}-schema.json`);
  if (validate === undefined) throw new Error(`there is no schema of ${document}`);
  if (validate(value) === true) return [];
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}

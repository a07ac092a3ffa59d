/** The official JSON schemas of image-spec, compiled by a validator that is not ours. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import AjvDraft04 from "ajv-draft-04";
import { ROOT } from "../../scripts/build-native.ts";

const FOLDER = join(ROOT, "tests", "fixtures", "schemas", "image");

/** The files refer to each other by file name, which their `id`s contradict. */
function withoutIds(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutIds);
  if (typeof value !== "object" || value === null) return value;
  const kept = Object.entries(value).filter(([key, entry]) => key !== "id" || typeof entry !== "string");
  return Object.fromEntries(kept.map(([key, entry]) => [key, withoutIds(entry)]));
}

const ajv = new AjvDraft04({ strict: false, validateFormats: false });
for (const name of readdirSync(FOLDER)) {
  ajv.addSchema(withoutIds(JSON.parse(readFileSync(join(FOLDER, name), "utf8"))) as object, name);
}

/** Whether the official schema accepts a document. */
export function accepts(document: "config" | "image-index" | "image-manifest", value: unknown): boolean {
  const validate = ajv.getSchema(`${document}-schema.json`);
  if (validate === undefined) throw new Error(`there is no schema of ${document}`);
  return validate(value) === true;
}

const { readdirSync } = process.getBuiltinModule("node:fs");

/** The names in a folder, to which links may lead, in order; none where there is none. */
export function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

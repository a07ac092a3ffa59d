/** The two columns that an image's name fills. */
import { familiarName, parseReference } from "../oci/index.ts";

export const NONE = "<none>";

/** An image that came from a path has that for its repository. @param name as it is filed */
export function splitName(name: string): { Repository: string; Tag: string } {
  if (/^(oci|oci-archive|docker-archive):/.test(name)) {
    const tag = name.indexOf(":", name.indexOf(":") + 1);
    return tag < 0 ? { Repository: name, Tag: NONE } : { Repository: name.slice(0, tag), Tag: name.slice(tag + 1) };
  }
  const reference = parseReference(name);
  return { Repository: familiarName(reference, true), Tag: reference.tag ?? NONE };
}

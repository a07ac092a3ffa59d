/** Being written. */
import { TsboxError } from "../error.ts";
import type { ImageSource } from "../oci/index.ts";

export function dockerArchiveSource(path: string, _tag: string | undefined): ImageSource {
  throw new TsboxError("unsupported", `cannot use ${path}: this transport is not built yet`);
}

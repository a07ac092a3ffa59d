/** `oci-archive:FILE[:TAG]`: a tar archive of an image layout. */
import type { ImageSource } from "../oci/index.ts";
import { openArchive } from "./archive/archive.ts";
import { sourceOfLayout } from "./layout.ts";

/**
 * @param scratch an existing folder, for an archive that is compressed
 * @throws TsboxError when the file cannot be read or is no archive
 */
export async function ociArchiveSource(path: string, tag: string | undefined, scratch: string): Promise<ImageSource> {
  const archive = await openArchive(path, scratch);
  const files = {
    read: async (name: string) => (archive.size(name) === undefined ? undefined : await archive.readDocument(name)),
    open: async (name: string, offset: number) =>
      archive.size(name) === undefined ? undefined : archive.stream(name, offset),
    close: async () => await archive.close(),
  };
  return sourceOfLayout(`oci-archive:${path}${tag === undefined ? "" : `:${tag}`}`, files, tag);
}

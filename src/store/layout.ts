/**
 * The folders of a store, made when something is first written. Its `oci-layout`, `index.json` and `blobs` are an image
 * layout (image-spec image-layout.md), to which `layers`, `containers` and `tmp` are added.
 */
import { TsboxError } from "../error.ts";
import { lockFile } from "../linux/lock.ts";
import { exists, readText } from "../linux/read-text.ts";
import { makeFolder, makeFolders } from "../linux/write-text.ts";
import { INDEX } from "../oci/index.ts";
import { writing } from "./failure.ts";
import { replaceFile } from "./replace-file.ts";

/** Nobody else may look into it: layers hold setuid programs and whatever secrets an image has (CVE-2020-25039). */
const MODE = 0o700;
const FOLDERS = ["blobs", "blobs/sha256", "layers", "containers", "tmp"];
const VERSION = "1.0.0";
const EMPTY_INDEX = `${JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests: [] })}\n`;

/**
 * Makes what is missing. Idempotent, and safe when two processes do it at once: both write the same.
 *
 * @throws TsboxError `unsupported` when the folder is a layout of another version, `no-space`, `denied`, `io`
 */
export function prepareLayout(root: string): void {
  const marker = `${root}/oci-layout`;
  // written last, so whoever sees it sees the rest
  if (exists(marker)) {
    checkVersion(marker);
    return;
  }
  writing("images", root, () => {
    makeFolders(root, MODE);
    for (const name of FOLDERS) makeFolder(`${root}/${name}`, MODE);
    createIndex(root);
    replaceFile(
      marker,
      `${JSON.stringify({ imageLayoutVersion: VERSION })}\n`,
      `${root}/tmp/oci-layout.${process.pid}`,
    );
  });
}

/** Under the index's lock: another process may have made it since we looked, and have put an image into it. */
function createIndex(root: string): void {
  using _lock = lockFile(`${root}/index.lock`, { mode: "exclusive" });
  if (!exists(`${root}/index.json`)) replaceFile(`${root}/index.json`, EMPTY_INDEX, `${root}/tmp/index.json`);
}

function checkVersion(marker: string): void {
  let version: unknown;
  try {
    const value: unknown = JSON.parse(readText(marker));
    if (typeof value === "object" && value !== null && "imageLayoutVersion" in value)
      version = value.imageLayoutVersion;
  } catch (cause) {
    throw new TsboxError("invalid", `cannot use the store: ${marker} is not JSON`, { cause });
  }
  if (version === VERSION) return;
  throw new TsboxError(
    "unsupported",
    `cannot use the store: ${marker} says version ${JSON.stringify(version)}, and tsbox knows ${VERSION}`,
  );
}

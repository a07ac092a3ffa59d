/**
 * A program that unpacks BLOB, an uncompressed layer, into FOLDER, for tests that kill it or give it a small disk:
 * `bun unpack-program.ts BLOB FOLDER SIZE`, where SIZE is how many bytes of the blob are said to be there; when that is all of
 * them the program waits for the result and prints it as JSON, otherwise it waits for ever.
 */
import { readFileSync } from "node:fs";
import { TsboxError } from "../../../src/error.ts";
import { unpackLayer } from "../../../src/image/unpack/index.ts";
import { parseDigest } from "../../../src/oci/index.ts";
import { sha256 } from "../../support/oci-image.ts";
import { singleMapping } from "../../support/unpack.ts";

const [blobPath = "", destination = "", size = ""] = process.argv.slice(2);
const blob = readFileSync(blobPath);
const unpacking = unpackLayer({
  blobPath,
  destination,
  compression: "none",
  diffID: parseDigest(sha256(blob)),
  mapping: singleMapping(),
});
if (Number(size) === blob.length) unpacking.end(blob.length);
else unpacking.have(Number(size));
try {
  console.log(JSON.stringify(await unpacking.result));
} catch (error) {
  if (!(error instanceof TsboxError)) throw error;
  console.log(JSON.stringify({ code: error.code, message: error.message }));
}

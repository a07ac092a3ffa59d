/** `open-archive.ts FILE SCRATCH`: opens a docker archive and prints what fails. */
import { dockerArchiveSource } from "../../../src/image/docker-archive.ts";

const [file = "", scratch = ""] = process.argv.slice(2);
try {
  await dockerArchiveSource(file, undefined, scratch);
} catch (error) {
  const { code, message } = error as { code: string; message: string }; // cast: the test looks at both
  console.log(JSON.stringify({ code, message }));
}

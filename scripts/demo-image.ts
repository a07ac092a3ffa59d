/**
 * Makes the demonstration's image: `bun scripts/demo-image.ts FOLDER` writes an OCI layout of one gzip layer, Debian's
 * static busybox and little else, whose program greets unless it is given another.
 */
import { busyboxTree } from "../tests/support/busybox-image.ts";
import { writeOciLayout } from "../tests/support/oci-image.ts";

const GREETING = `#!/bin/sh
echo "hello from a container; give me a command to run instead"
`;

/** @returns the reference to the image for `tsbox run` */
export function writeDemoImage(folder: string): string {
  writeOciLayout(folder, {
    tag: "demo",
    layers: [{ content: [...busyboxTree(), { path: "bin/hello", mode: 0o755, data: GREETING }] }],
    config: {
      Entrypoint: ["/usr/bin/env"],
      Cmd: ["hello"],
      Env: ["PATH=/usr/bin:/bin", "IMAGE=made on the spot by scripts/demo-image.ts"],
      WorkingDir: "/root",
    },
  });
  return `oci:${folder}:demo`;
}

if (import.meta.main) {
  const [folder] = process.argv.slice(2);
  if (folder === undefined) throw new Error("usage: bun scripts/demo-image.ts FOLDER");
  console.log(writeDemoImage(folder));
}

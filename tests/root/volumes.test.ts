/** Volumes and secrets where root runs tsbox: no user namespace, so owners are what they are. */
import { expect } from "bun:test";
import { statSync } from "node:fs";
import { busybox } from "../support/busybox-image.ts";
import { writeOwnedFilesLayout } from "../support/owned-files-image.ts";
import { executable, requires, root } from "../support/skip.ts";
import { Person } from "../support/tsbox.ts";

const test = requires(executable, busybox, root);
const sh = (script: string) => ["sh", "-c", script];

test("a new volume is filled with the image's owners, given away with U, exported, imported and removed", async () => {
  using person = new Person();
  const image = writeOwnedFilesLayout(person.folder.join("image"));
  const run = (flags: readonly string[], script: string) =>
    person.ok(["run", "--rm", "--network=none", ...flags, image, ...sh(script)]);
  const look = "cat /srv/www/index; stat -c %u:%g /srv/www /srv/www/index";
  expect(await run(["-v", "www:/srv/www", "-v", "/anon"], look)).toBe("page33:34\n33:33\n");
  expect(statSync(`${person.storage}/volumes/www/_data/index`).uid).toBe(33);
  await person.ok(["volume", "create", "copy"]);
  const file = person.folder.join("www.tar");
  await person.ok(["volume", "export", "-o", file, "www"]);
  await person.ok(["volume", "import", "copy", file]);
  expect(await run(["-v", "copy:/srv/www"], look)).toBe("page33:34\n33:33\n");
  expect(await run(["-v", "copy:/srv/www:U", "--user=7:8"], look)).toBe("page7:8\n7:8\n");
  await person.ok(["secret", "create", "db", "-"], { stdin: "pass" });
  expect(await run(["--secret", "db", "--user=7:8"], "stat -c '%a %u:%g' /run/secrets/db; cat /run/secrets/db")).toBe(
    "400 7:8\npass",
  );
  await person.ok(["volume", "rm", "www", "copy"]);
  expect(await person.ok(["volume", "ls", "-q"])).toBe("");
});

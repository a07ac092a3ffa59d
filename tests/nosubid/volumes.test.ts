/** Volumes and secrets of a person without subordinate ids: owners are kept in an attribute, and leave with an archive. */
import { expect } from "bun:test";
import { busybox, writeBusyboxLayout } from "../support/busybox-image.ts";
import { writeOwnedFilesLayout } from "../support/owned-files-image.ts";
import { executable, requires, userNamespaces } from "../support/skip.ts";
import { Person } from "../support/tsbox.ts";

const test = requires(executable, busybox, userNamespaces);
const sh = (script: string) => ["sh", "-c", script];

test("a new volume is filled, exported with the image's owners, imported and removed", async () => {
  using person = new Person();
  const image = writeOwnedFilesLayout(person.folder.join("image"));
  const run = (flags: readonly string[], script: string) =>
    person.ok(["run", "--rm", "--network=none", ...flags, image, ...sh(script)]);
  expect(await run(["-v", "www:/srv/www"], "cat /srv/www/index; stat -c %u /srv/www/index; touch /srv/www/mine")).toBe(
    "page0\n",
  );
  const file = person.folder.join("www.tar");
  await person.ok(["volume", "export", "-o", file, "www"]);
  const listing = Bun.spawnSync(["tar", "--numeric-owner", "-tvf", file]).stdout.toString();
  expect(listing).toMatch(/^-rw-r----- 33\/33 .*\.\/index$/m);
  await person.ok(["volume", "create", "copy"]);
  await person.ok(["volume", "import", "copy", file]);
  expect(await run(["-v", "copy:/x"], "ls /x; cat /x/index")).toBe("index\nmine\npage");
  await person.ok(["volume", "rm", "www", "copy"]);
  expect(await person.ok(["volume", "ls", "-q"])).toBe("");
});

test("volumes without a name go with their container; a secret is a file of the program's", async () => {
  using person = new Person();
  const image = writeBusyboxLayout(person.folder.join("image"));
  await person.ok(["secret", "create", "db", "-"], { stdin: "pass" });
  const script = "touch /anon/x; stat -c '%a %u' /run/secrets/db; cat /run/secrets/db";
  expect(
    await person.ok(["run", "--rm", "--network=none", "-v", "/anon", "--secret", "db", image, ...sh(script)]),
  ).toBe("400 0\npass");
  expect(await person.ok(["volume", "ls", "-q"])).toBe("");
});

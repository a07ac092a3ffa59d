/**
 * Runs the command lines that README.md shows and puts what they print below them: `bun scripts/readme.ts`. As everywhere,
 * root lets another user run them. `--print` writes the page to stdout instead.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { agrees, examplesOf, newShell } from "../tests/support/readme.ts";
import { ROOT } from "./build-native.ts";
import { readableTree } from "./readable-tree.ts";
import { asUser, makeTestUser, openDevices } from "./test-user.ts";

const path = join(ROOT, "README.md");

function refreshed(): string {
  let text = readFileSync(path, "utf8");
  using shell = newShell();
  for (const { command, output } of examplesOf(text)) {
    const actual = shell.run(command);
    // What still agrees stays, so that numbers which always differ do not show up as changes.
    if (agrees(output, actual)) continue;
    const shown = `$ ${command.replaceAll("\n", "\n> ")}\n`;
    const block = (lines: string) => (lines === "" ? shown : `${shown}${lines}\n`);
    text = text.replace(block(output), () => block(actual));
  }
  return text;
}

function refreshedByUser(): string {
  openDevices();
  const user = makeTestUser("tsbox-ci");
  using tree = readableTree(user);
  const command = [join(tree.path, "node_modules/.bin/bun"), join(tree.path, "scripts/readme.ts"), "--print"];
  const { success, stdout, stderr } = Bun.spawnSync(asUser(user, command, {}), { cwd: tree.path, stdin: "ignore" });
  if (!success) throw new Error(stderr.toString());
  return stdout.toString();
}

const text = process.getuid?.() === 0 ? refreshedByUser() : refreshed();
if (process.argv.includes("--print")) await Bun.write(Bun.stdout, text);
else writeFileSync(path, text);

/** Runs the command lines that README.md shows and puts what they print below them: `bun scripts/readme.ts`. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { agrees, examplesOf, newShell } from "../tests/support/readme.ts";
import { ROOT } from "./build-native.ts";

const path = join(ROOT, "README.md");
let text = readFileSync(path, "utf8");
using shell = newShell();
for (const { command, output } of examplesOf(text)) {
  const actual = shell.run(command);
  // What still agrees stays, so that numbers which always differ do not show up as changes.
  if (agrees(output, actual)) continue;
  console.log(`$ ${command}\n${actual}`);
  const shown = `$ ${command.replaceAll("\n", "\n> ")}\n`;
  text = text.replace(
    `${shown}${output === "" ? "" : `${output}\n`}`,
    () => `${shown}${actual === "" ? "" : `${actual}\n`}`,
  );
}
writeFileSync(path, text);

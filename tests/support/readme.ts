/** The command lines that README.md shows, and what they print when they are really run. */
import { mkdirSync, symlinkSync } from "node:fs";
import { writeDemoImage } from "../../scripts/demo-image.ts";
import { Person, TSBOX } from "./tsbox.ts";

export type Example = { readonly command: string; readonly output: string };

/** Every "$ " line of the ```console blocks with the lines below it, in order. A "> " line continues the command. */
export function examplesOf(markdown: string): Example[] {
  return [...markdown.matchAll(/^```console\n([\s\S]*?)^```$/gm)].flatMap(([, block = ""]) =>
    block
      .split(/^\$ /m)
      .slice(1)
      .map((text) => {
        const [first = "", ...rest] = text.split("\n");
        const more = rest.findIndex((line) => !line.startsWith("> "));
        const command = [first, ...rest.slice(0, more).map((line) => line.slice(2))].join("\n");
        return { command, output: rest.slice(more).join("\n").trim() };
      }),
  );
}

/** The command lines of the ```sh blocks: those that set the project up, which something else has to run. */
export function setUpCommandsOf(markdown: string): string[] {
  return [...markdown.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].flatMap(([, block = ""]) => block.trim().split("\n"));
}

/**
 * A shell of a new user, with `tsbox` on the PATH and the demonstration's image in `./image`.
 *
 * `run` returns what the person would see: stdout and stderr together.
 */
export function newShell(): Disposable & { run(command: string): string } {
  const person = new Person();
  const bin = person.folder.join("bin");
  mkdirSync(bin);
  symlinkSync(TSBOX, `${bin}/tsbox`);
  writeDemoImage(`${person.home}/image`);
  const env = { ...person.env, PATH: `${bin}:${person.env.PATH}` };
  return {
    run(command) {
      const script = `exec 2>&1\n${command}`;
      return Bun.spawnSync(["bash", "-c", script], { env, cwd: person.home, stdin: "ignore" }).stdout.toString().trim();
    },
    [Symbol.dispose]: () => person[Symbol.dispose](),
  };
}

/** Whether `actual` is what `expected` shows, apart from numbers, ids and columns; a line "..." stands for any lines. */
export function agrees(expected: string, actual: string): boolean {
  const lines = normalise(expected).map((line) => (line === "..." ? "(?:.*\\n)*?" : `${RegExp.escape(line)}\\n`));
  return new RegExp(`^${lines.join("")}$`).test(
    normalise(actual)
      .map((line) => `${line}\n`)
      .join(""),
  );
}

function normalise(text: string): string[] {
  return text.split("\n").map((line) =>
    line
      .trim()
      .replace(/\b[0-9a-f]{12,64}\b/g, "ID")
      .replace(/\d+(\.\d+)?/g, "N")
      .replace(/\s+/g, " "),
  );
}

/** The scripts for bash, zsh and fish, in the shells themselves. */
import { describe, expect, setDefaultTimeout } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { busybox, writeBusyboxLayout } from "../../support/busybox-image.ts";
import { executable, program, requires, userNamespaces } from "../../support/skip.ts";
import { runOnTerminal, type TerminalSession } from "../../support/terminal.ts";
import { Person, TSBOX } from "../../support/tsbox.ts";

setDefaultTimeout(60_000);

const test = requires(executable);
const bash = requires(executable, program("bash"));
const zsh = requires(executable, program("zsh"));
const fish = requires(executable, program("fish"));
const withImages = requires(executable, program("bash"), busybox, userNamespaces);

const environment = (person: Person) => ({ ...person.env, PATH: `${dirname(TSBOX)}:${person.env.PATH}` });

function prepared(): Person {
  const person = new Person();
  mkdirSync(`${person.home}/folder-one`);
  writeFileSync(`${person.home}/file-two`, "");
  return person;
}

/** Each line ends where Tab is pressed; what follows is what the shell makes of it. */
const TYPED: readonly (readonly [typed: string, becomes: string])[] = [
  ["tsbox doc", "tsbox doctor "],
  ["tsbox run --read", "tsbox run --read-only "],
  ["tsbox run --pull alw", "tsbox run --pull always "],
  ["tsbox run --pull=alw", "tsbox run --pull=always "],
  ["tsbox --log-level=debug run --rm --pul", "tsbox --log-level=debug run --rm --pull "],
  ["tsbox run --env-file fi", "tsbox run --env-file file-two "],
  ["tsbox run --env-file=fi", "tsbox run --env-file=file-two "],
  ["tsbox run --cert-dir f", "tsbox run --cert-dir folder-one/"],
  ["tsbox run --network conta", "tsbox run --network container:"],
  ["tsbox container li", "tsbox container list "],
];

const SHELLS = { bash: ["bash", "--norc", "--noprofile", "-i"], zsh: ["zsh", "-f", "-i"] } as const;

/** What each line becomes by Tab. Without what ends a word, a blank or a slash: zsh takes it back when something is typed behind. */
async function press(shell: keyof typeof SHELLS, lines: readonly string[]): Promise<readonly string[]> {
  using person = prepared();
  await using session = runOnTerminal([...SHELLS[shell]], {
    cwd: person.home,
    env: { ...environment(person), PS1: "READY> " },
  });
  session.resize(200, 24);
  await session.see(/READY> /);
  if (shell === "zsh") session.type("autoload -Uz compinit && compinit -u -D\r");
  session.type(`source <(tsbox completion ${shell}); echo so''urced\r`);
  await session.see(/sourced\r/);
  await session.see(/READY> /);
  const results: string[] = [];
  for (const typed of lines) {
    session.type(`${typed}\t`);
    await quiet(session);
    // Enter would run it: what the shell has for a line is given to printf, from its beginning on
    session.type("|\x01printf '<%s>' '\x05'\r");
    const [, line = ""] = await session.see(/[\r\n]<([^>]*)>/);
    await session.see(/READY> /);
    results.push(line.slice(0, line.lastIndexOf("|")).replace(/[ /]$/, ""));
  }
  return results;
}

/** Until nothing new was shown for a while: a Tab with nothing to offer shows nothing. */
async function quiet(session: TerminalSession): Promise<void> {
  for (let last = -1; last !== session.screen().length; ) {
    last = session.screen().length;
    await Bun.sleep(500);
  }
}

for (const [shell, run] of [
  ["bash", bash],
  ["zsh", zsh],
] as const) {
  run(`${shell} completes commands, flags, values and paths`, async () => {
    const became = await press(
      shell,
      TYPED.map(([typed]) => typed),
    );
    expect(became).toEqual(TYPED.map(([, becomes]) => becomes.replace(/[ /]$/, "")));
  });
}

describe("fish", () => {
  for (const [typed, becomes] of TYPED) {
    fish(`offers ${JSON.stringify(becomes)} for ${JSON.stringify(typed)}`, () => {
      using person = prepared();
      const script = `tsbox completion fish | source; complete -C ${JSON.stringify(typed)}`;
      const { stdout, stderr } = Bun.spawnSync(["fish", "--no-config", "-c", script], {
        cwd: person.home,
        env: environment(person),
      });
      expect(stderr.toString()).toBe("");
      const offered = stdout.toString().trimEnd().split("\n");
      expect(offered.map((line) => line.split("\t")[0])).toEqual([becomes.trimEnd().split(" ").at(-1) ?? ""]);
    });
  }
});

test("volumes, secrets and networks are completed by name", async () => {
  using person = new Person();
  await person.ok(["volume", "create", "data-one"]);
  await person.ok(["secret", "create", "word", "-"], { stdin: "x" });
  await person.ok(["network", "create", "back"]);
  const answer = async (...words: string[]) => await person.ok(["__complete", ...words]);
  expect(await answer("volume", "rm", "da")).toStartWith("data-one\t");
  expect(await answer("run", "-v", "da")).toBe("data-one\tlocal\n:any\n");
  expect(await answer("secret", "inspect", "")).toBe("word\t\n:none\n");
  expect(await answer("run", "--network=ba")).toMatch(/^--network=back\t[\d./]+\n:none\n$/);
});

withImages("images and containers are completed by name", async () => {
  using person = new Person();
  const image = writeBusyboxLayout(person.folder.join("layout"));
  await person.ok(["pull", "-q", image]);
  await person.ok(["run", "--network=none", "--name", "first-one", image, "true"]);
  const answer = async (...words: string[]) => await person.ok(["__complete", ...words]);
  expect(await answer("rmi", "oci:")).toBe(`${image}\t\n:none\n`);
  expect(await answer("rm", "fi")).toMatch(/^first-one\t.*\n:none\n$/);
  const id = (await person.ok(["ps", "-aq"])).trim();
  expect(await answer("rm", id.slice(0, 3))).toStartWith(`${id}\t`);
  expect(await answer("--root", person.folder.join("empty"), "rm", "fi")).toBe(":none\n");
});

test("a shell that tsbox does not know is an error", async () => {
  using person = new Person();
  const { exitCode, stderr } = await person.run(["completion", "tcsh"]);
  expect(stderr).toBe('tsbox: cannot complete for "tcsh": it is none of bash, zsh and fish\n');
  expect(exitCode).toBe(125);
});

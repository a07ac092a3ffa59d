/** Containers to look into: one image, stopped and running containers of one person, gone after the tests of a file. */
import { afterAll, beforeAll } from "bun:test";
import { mkdirSync } from "node:fs";
import { busybox, busyboxTree, writeBusyboxLayout } from "../../support/busybox-image.ts";
import { executable, requires, subordinateIds, userNamespaces } from "../../support/skip.ts";
import type { TarEntry } from "../../support/tar.ts";
import { Person, type Result, type RunOptions } from "../../support/tsbox.ts";

export const test = requires(executable, busybox, userNamespaces, subordinateIds);

/** What the image has beside busybox, in a layer of its own. */
const EXTRA: TarEntry[] = [
  { path: "opt/", type: "directory" },
  { path: "opt/a/", type: "directory" },
  { path: "opt/a/one", data: "1" },
  { path: "opt/a/two", data: "2" },
  { path: "opt/b", data: "bbb", uid: 33, gid: 33 },
  { path: "opt/gone/", type: "directory" },
  { path: "opt/gone/x", data: "x" },
];

export interface Containers {
  readonly person: Person;
  readonly image: string;
  /** A folder of the host, the working folder of every command. */
  readonly here: string;
  /** A container that has ended. */
  ran(name: string, script: string, flags?: readonly string[]): Promise<void>;
  /** A container that runs until it is removed. */
  running(name: string, flags?: readonly string[]): Promise<void>;
  /** Standard output of a shell in a container that runs. */
  inside(name: string, script: string): Promise<string>;
  tsbox(args: readonly string[], options?: RunOptions): Promise<Result>;
  /** The same, for one that must succeed. */
  ok(args: readonly string[], options?: RunOptions): Promise<string>;
}

export function containers(): Containers {
  let person: Person | undefined;
  let image = "";
  const owner = (): Person => {
    if (person === undefined) throw new Error("only inside tests");
    return person;
  };
  const here = () => owner().folder.join("here");
  const ok: Containers["ok"] = (args, options) => owner().ok(args, { cwd: here(), ...options });
  beforeAll(() => {
    person = new Person();
    mkdirSync(here());
    image = writeBusyboxLayout(person.folder.join("busybox"), {
      layers: [{ content: busyboxTree() }, { content: EXTRA }],
    });
  });
  afterAll(async () => {
    const ids = (await owner().ok(["ps", "-aq"])).split("\n").filter((id) => id !== "");
    if (ids.length > 0) await owner().run(["rm", "-f", ...ids]);
    owner()[Symbol.dispose]();
  });
  return {
    get person() {
      return owner();
    },
    get image() {
      return image;
    },
    get here() {
      return here();
    },
    ran: async (name, script, flags = []) => {
      await ok(["run", "--name", name, "--network=none", ...flags, image, "sh", "-ec", script]);
    },
    running: async (name, flags = []) => {
      await ok(["run", "-d", "--name", name, "--network=none", ...flags, image, "sleep", "600"]);
    },
    inside: (name, script) => ok(["exec", name, "sh", "-ec", script]),
    tsbox: (args, options) => owner().run(args, { cwd: here(), ...options }),
    ok,
  };
}

/** One busybox image for all tests of a file, in a store of its own. */
import { afterAll, beforeAll } from "bun:test";
import { busybox, writeBusyboxLayout } from "../support/busybox-image.ts";
import type { ImageSpec } from "../support/oci-image.ts";
import { executable, requires, subordinateIds, userNamespaces } from "../support/skip.ts";
import { Person, type Result, type RunOptions } from "../support/tsbox.ts";

export const test = requires(executable, busybox, userNamespaces, subordinateIds);

export interface Box {
  readonly person: Person;
  readonly image: string;
  /** Writes another image and returns its name. */
  make(name: string, changes: Partial<ImageSpec>): string;
  /** `tsbox run --rm --network=none FLAGS IMAGE COMMAND` */
  run(flags: readonly string[], command: readonly string[], options?: RunOptions): Promise<Result>;
  /** The same, for standard output of a run that must succeed, without the last newline. */
  output(flags: readonly string[], command: readonly string[], options?: RunOptions): Promise<string>;
}

/** A person and an image for the tests of this file. */
export function box(): Box {
  let person: Person | undefined;
  let image = "";
  const owner = (): Person => {
    if (person === undefined) throw new Error("only inside tests");
    return person;
  };
  beforeAll(() => {
    person = new Person();
    image = writeBusyboxLayout(person.folder.join("busybox"));
  });
  afterAll(() => person?.[Symbol.dispose]());
  const run: Box["run"] = (flags, command, options) =>
    owner().run(["run", "--rm", "--network=none", ...flags, image, ...command], options);
  return {
    get person() {
      return owner();
    },
    get image() {
      return image;
    },
    make: (name, changes) => writeBusyboxLayout(owner().folder.join(name), changes),
    run,
    output: async (flags, command, options) => {
      const result = await run(flags, command, options);
      if (result.exitCode !== 0) throw new Error(`status ${result.exitCode}: ${result.stderr}`);
      return result.stdout.replace(/\n$/, "");
    },
  };
}

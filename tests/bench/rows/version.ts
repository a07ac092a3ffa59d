/** What tsbox adds to the start of Bun itself. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { TSBOX } from "../../support/tsbox.ts";
import { medians } from "../measure.ts";
import { readWhole } from "../page-cache.ts";
import type { Row } from "../row.ts";

const RUNS = 100;

export const version: Row = {
  name: "version",
  work: "tsbox --version",
  peer: "an empty Bun program",
  atMost: 1.3,
  async measure({ folder, person }) {
    const entry = join(folder, "empty.ts");
    const empty = join(folder, "empty");
    writeFileSync(entry, "export {};\n");
    const compile = { outfile: empty, autoloadDotenv: false, autoloadBunfig: false };
    await Bun.build({ entrypoints: [entry], target: "bun", format: "esm", bytecode: true, minify: true, compile });
    readWhole([empty]);
    const { env } = person;
    const [mine, peer] = await medians(
      [
        { argv: [TSBOX, "--version"], env },
        { argv: [empty], env },
      ],
      RUNS,
      10,
    );
    return { ours: mine ?? Number.NaN, peer: peer ?? Number.NaN, unit: "ms", runs: RUNS };
  },
};

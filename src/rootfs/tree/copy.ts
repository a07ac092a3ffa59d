/** The copy driver: an image's layers flattened into one tree. Runs in a worker, as root of the user namespace. */
import { TsboxError } from "../../error.ts";
import { type IdMapping, unpackMapping } from "../../idmap/index.ts";
import { selfCommand, spawnEntered } from "../../plan/index.ts";

export interface CopyJob {
  /** Absolute paths of layers as overlay has them, lowest first. */
  readonly layers: readonly string[];
  /** Absolute path of a folder that is there. */
  readonly destination: string;
}

/** @throws TsboxError */
export async function copyTrees({ mapping, ...job }: CopyJob & { readonly mapping: IdMapping }): Promise<void> {
  const [program, ...rest] = selfCommand();
  const child = spawnEntered({
    mapping: unpackMapping(mapping),
    argv: [program ?? "", ...rest, "__tree"],
    stdio: ["pipe", "pipe", "pipe"],
  });
  const input = child.stdin as Bun.FileSink; // casts: all three were asked for as pipes
  input.write(JSON.stringify(job));
  await input.end();
  const [log, status] = await Promise.all([
    new Response(child.stderr as ReadableStream<Uint8Array>).text(),
    child.exited,
  ]);
  if (status === 0) return;
  const said =
    log
      .trim()
      .replace(/^tsbox: /, "")
      .split("\n")
      .at(-1) ?? "";
  const code = said.includes("no space left") ? "no-space" : "io";
  throw new TsboxError(code, said || `cannot copy the image's layers: the worker ended with status ${status}`);
}

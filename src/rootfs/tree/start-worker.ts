/** Starts `tsbox __tree` in a user namespace with a mapping. */
import { TsboxError } from "../../error.ts";
import { type IdMapping, unpackMapping } from "../../idmap/index.ts";
import { selfCommand, spawnEntered } from "../../plan/index.ts";
import type { TreeJob, TreeReply } from "./worker.ts";

/** @throws TsboxError what the worker failed with; `host` when the namespace could not be made */
export async function runTreeJob(job: TreeJob, mapping: IdMapping): Promise<void> {
  const [program = "", ...rest] = selfCommand();
  const child = spawnEntered({
    mapping: unpackMapping(mapping),
    argv: [program, ...rest, "__tree"],
    stdio: ["pipe", "pipe", "pipe"],
  });
  // casts: all three were asked for as pipes
  const input = child.stdin as Bun.FileSink;
  try {
    input.write(JSON.stringify(job));
    await input.end();
  } catch {
    // it has ended already; why is what it says
  }
  const [said, log, status] = await Promise.all([
    new Response(child.stdout as ReadableStream<Uint8Array>).text(),
    new Response(child.stderr as ReadableStream<Uint8Array>).text(),
    child.exited,
  ]);
  if (status !== 0 || said === "") {
    const last = log.trim().split("\n").at(-1) ?? "";
    const reason = last.replace(/^tsbox: /, "") || `the worker ended with status ${status}`;
    throw new TsboxError("host", `cannot ${job.kind} a tree: ${reason}`);
  }
  const reply = JSON.parse(said) as TreeReply; // cast: only the worker writes it
  if ("error" in reply) throw new TsboxError(reply.error.code, reply.error.message);
}

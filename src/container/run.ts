/** `tsbox run` and `tsbox create`: from an image and options to a container. */
import { TsboxError } from "../error.ts";
import type { OnPullEvent } from "../image/index.ts";
import { SYS } from "../linux/abi.gen.ts";
import { reasonOf } from "../linux/errno.ts";
import { syscall } from "../linux/syscall.ts";
import { isTerminal } from "../linux/terminal.ts";
import { writeText } from "../linux/write-text.ts";
import { becomeNative, printPlan } from "../plan/index.ts";
import { compileForeground } from "../runtime/index.ts";
import { hasAnonymous, ownedVolumes } from "./folder.ts";
import { prepareLaunch } from "./launch.ts";
import { type Container, makeContainer } from "./make.ts";
import type { RunOptions } from "./spec/options.ts";

export interface RunMode {
  /** Print the plan and run nothing. */
  readonly explain: boolean;
  /** Told what happens while the image is pulled. */
  readonly onEvent?: OnPullEvent;
}

/**
 * Runs the container. In the foreground this process becomes its supervisor when it starts, and ends as the program does; detached, the
 * launcher of its monitor, which prints the id.
 *
 * @returns the exit status, only with `explain`
 * @throws TsboxError; nothing of the container is left behind then
 */
export async function runContainer(options: RunOptions, mode: RunMode): Promise<number> {
  checkTerminal(options, mode);
  const monitored = wantsMonitor(options);
  const container = await makeContainer(options, { foreground: !monitored, onEvent: mode.onEvent });
  try {
    const plan = await (monitored ? detachedPlan(container, mode.explain) : foregroundPlan(container, mode.explain));
    if (!mode.explain) {
      writeCidFile(options, container.record.id);
      becomeNative(plan);
    }
    await Bun.write(Bun.stdout, await printPlan(plan));
    await discard(container);
    return 0;
  } catch (error) {
    await discard(container);
    throw error;
  }
}

/**
 * On a terminal, whose bytes are moved anyway, it has a monitor too: the person may let go of it, and come back. And when what only a monitor
 * does was asked for. An image's health check alone is no such thing: that would cost all who run it for a moment.
 */
function wantsMonitor({ detach, tty, restart, log, health }: RunOptions): boolean {
  return (
    detach ||
    tty ||
    (restart !== undefined && restart.name !== "no") ||
    (log.asked === true && log.driver !== "none") ||
    health?.asked === true
  );
}

/** @returns the id. @throws TsboxError; nothing of the container is left behind then */
export async function createContainer(options: RunOptions, onEvent: OnPullEvent | undefined): Promise<string> {
  const container = await makeContainer(options, { foreground: false, onEvent });
  try {
    writeCidFile(options, container.record.id);
  } catch (error) {
    await discard(container);
    throw error;
  }
  syscall(SYS.close, container.lock);
  return container.record.id;
}

async function foregroundPlan(container: Container, explain: boolean): Promise<Uint8Array> {
  const { served, perRun, whole, cleanup } = await prepareLaunch(container, { ownCgroup: false, explain });
  const { remove, id } = container.record;
  const tsbox = hasAnonymous(container.record);
  const native = tsbox ? [] : whole;
  return compileForeground({
    ...served,
    remove: { always: remove ? [...perRun, ...native] : perRun, onFailure: remove ? [] : native },
    cleanup,
    owned: ownedVolumes(container.store, container.record, whole),
    failure: tsbox ? ["__start-failure", container.store, id, "discard"] : undefined,
  });
}

async function detachedPlan(container: Container, explain: boolean): Promise<Uint8Array> {
  const { detachedPlanOf } = await import("./detach.ts");
  const { options, record } = container;
  const mode = { keep: false, explain };
  if (options.detach) return await detachedPlanOf(container, { print: record.id, client: undefined, ...mode });
  const { parseDetachKeys } = await import("./attach.ts");
  // as Docker: bytes of a pipe are all for the program
  const detachKeys = parseDetachKeys(options.tty ? options.detachKeys : "");
  const client = { input: options.interactive, forwardSignals: true, owns: true, detachKeys };
  return await detachedPlanOf(container, { print: undefined, client, ...mode });
}

async function discard({ store, record }: Container): Promise<void> {
  const { discardContainer } = await import("./remove.ts");
  await discardContainer(store, record.id);
}

/** As Docker: what comes from a pipe is not typed. Without -i the terminal is the container's alone, and its output goes anywhere. */
function checkTerminal(options: RunOptions, mode: RunMode): void {
  if (mode.explain || options.detach || !options.tty || !options.interactive || isTerminal(0)) return;
  throw new TsboxError(
    "usage",
    "cannot use -t with -i: the input device is not a terminal; leave -t out when input is a pipe or file",
  );
}

function writeCidFile({ cidFile }: RunOptions, id: string): void {
  if (cidFile === undefined) return;
  try {
    writeText(cidFile, id, { exclusive: true });
  } catch (cause) {
    throw new TsboxError("exists", `cannot write --cidfile ${cidFile}: ${reasonOf(cause)}`, { cause });
  }
}

/**
 * A pull in another process, for tests that kill it or run several at once: `IMAGE ROOT NAME [STOP]`. The image is that of
 * {@link childImage}; with STOP its source hangs after so many bytes of each layer, which it says in a line.
 */
import { statfsSync } from "node:fs";
import type { TsboxError } from "../../src/error.ts";
import { pullFrom } from "../../src/image/pull.ts";
import { openStore } from "../../src/store/index.ts";
import { pieces } from "../store/support.ts";
import { hanging, type MemoryImage, memoryImage, memorySource } from "./memory-source.ts";
import { pullOptions } from "./support.ts";

const SIZE = 3_000_000;

/** Three layers of three megabytes. */
export function childImage(): MemoryImage {
  return memoryImage([1, 2, 3].map((seed) => [{ path: `f${seed}`, data: new Uint8Array(SIZE).fill(seed) }]));
}

async function main([root = "", name = "", stop]: string[]): Promise<void> {
  const say = (value: unknown) => Bun.write(Bun.stdout, `${JSON.stringify(value)}\n`);
  const image = childImage();
  const source = memorySource(image, (index, offset) => {
    const bytes = image.layers[index]?.bytes ?? new Uint8Array();
    return stop === undefined ? pieces(bytes.subarray(offset)) : hanging(bytes.subarray(offset, Number(stop)));
  });
  const options = pullOptions(openStore(root), name);
  let unpacking = 0;
  const onEvent: typeof options.onEvent = (event) => {
    if (event.type === "layer" && event.state === "downloading" && event.bytes === Number(stop)) void say("stopped");
    if (event.type === "layer" && event.state === "unpacking") unpacking++;
  };
  try {
    const { manifestDigest } = await pullFrom(source, { ...options, onEvent });
    await say({ manifestDigest, opened: source.opened, unpacking });
  } catch (error) {
    const { code, message } = error as TsboxError; // cast: what else it throws shows in the test
    const { bavail, bsize } = statfsSync(root);
    await say({ code, message, free: bavail * bsize });
  }
}

if (import.meta.main) await main(process.argv.slice(2));

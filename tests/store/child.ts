/** What tests let another process do with a store. Prints a line when it has come so far; then waits to be killed, or ends. */
import { readdirSync, statfsSync } from "node:fs";
import type { TsboxError } from "../../src/error.ts";
import { openStore } from "../../src/store/index.ts";
import { describeBytes, from } from "./support.ts";

const [command, root = "", ...args] = process.argv.slice(2);
const store = openStore(root);
const say = (text: string) => Bun.write(Bun.stdout, `${text}\n`);

/** Bytes that another process can make too. */
function filled(size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += 4096) bytes[at] = at % 251;
  return bytes;
}

const commands: Record<string, () => Promise<void>> = {
  /** receive SIZE STOP: downloads, and hangs after STOP bytes */
  async receive() {
    const [size = 0, stop = 0] = args.map(Number);
    const bytes = filled(size);
    const descriptor = describeBytes("application/octet-stream", bytes);
    const result = await store.blobs.receive(descriptor, {
      async open(offset) {
        return (async function* () {
          for (let at = offset; at < size; at += 65536) {
            if (at >= stop && stop < size) {
              await say(`stopped ${at}`);
              await Bun.sleep(3_600_000);
            }
            yield bytes.subarray(at, Math.min(size, at + 65536));
          }
        })();
      },
    });
    await say(result);
  },
  /** names PREFIX COUNT: puts so many names into the index */
  async names() {
    const [prefix = "", count = "0"] = args;
    const descriptor = describeBytes("application/vnd.oci.image.manifest.v1+json", new TextEncoder().encode(prefix));
    for (let i = 0; i < Number(count); i++) store.index.set(`localhost/${prefix}:${i}`, descriptor);
  },
  /** lease DIGEST...: needs these blobs until killed */
  async lease() {
    const lease = store.lease();
    lease.needBlobs(args as never[]);
    await say(lease.id);
    await Bun.sleep(3_600_000);
  },
  /** full: fills the file system of the store, and reports */
  async full() {
    const bytes = filled(3_000_000);
    try {
      await store.blobs.receive(describeBytes("a/b", bytes), from(bytes));
    } catch (error) {
      const { bavail, bsize } = statfsSync(root);
      const { code, message } = error as TsboxError; // cast: what else it throws shows in the test
      await say(JSON.stringify({ code, message, tmp: readdirSync(`${root}/tmp`), free: bavail * bsize }));
    }
  },
  /** hold: keeps garbage collection out until killed */
  async hold() {
    using _held = store.hold();
    await say("held");
    await Bun.sleep(3_600_000);
  },
};

await commands[command ?? ""]?.();

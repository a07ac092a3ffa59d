/** A process that answers SCMP_ACT_NOTIFY, `listener.c`. */
import { basename, dirname } from "node:path";
import { type TemporaryFolder, temporaryFolder } from "../../support/tmp.ts";

let folder: TemporaryFolder | undefined;

function build(): string {
  if (folder !== undefined) return folder.join("listener");
  folder = temporaryFolder();
  const source = new URL("listener.c", import.meta.url).pathname;
  const result = Bun.spawnSync(["cc", "-O1", "-Wall", "-Wextra", "-Werror", "-o", folder.join("listener"), source]);
  if (!result.success) throw new Error(result.stderr.toString());
  return folder.join("listener");
}

/** To be called when the tests are done. */
export function removeListener(): void {
  folder?.[Symbol.dispose]();
  folder = undefined;
}

export interface Listener extends AsyncDisposable {
  /** What it has printed, when it has ended: lines as `listener.c` describes them, without "ready". */
  readonly lines: Promise<readonly string[]>;
}

/**
 * @param socket where it is to listen
 * @param answer what calls return, or "continue"
 * @param seconds to wait before reading
 * @returns when it can be connected to; the end of the scope ends it
 */
export async function startListener(socket: string, answer: number | "continue", seconds = 0): Promise<Listener> {
  // a path may be longer than a socket's address
  const command = [build(), basename(socket), String(answer), ...(seconds > 0 ? [String(seconds)] : [])];
  const process = Bun.spawn(command, { cwd: dirname(socket), stdio: ["ignore", "pipe", "inherit"] });
  const reader = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes("ready\n")) {
    const { done, value } = await reader.read();
    if (done) throw new Error("the listener did not start");
    text += value;
  }
  const rest = async () => {
    for (let part = await reader.read(); !part.done; part = await reader.read()) text += part.value;
    return text.trim().split("\n").slice(1);
  };
  return {
    lines: rest(),
    async [Symbol.asyncDispose]() {
      process.kill("SIGKILL");
      await process.exited;
    },
  };
}

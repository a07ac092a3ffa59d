/** The runtime's command line: `tsbox oci COMMAND`, and what recognise.ts takes for one. Each command's file is loaded when it is called. */
import { TsboxError } from "../../error.ts";
import { defaultStateRoot } from "../../runtime/lifecycle/index.ts";
import { type Globals, readCall } from "./globals.ts";

type RuntimeCommand = (args: readonly string[], globals: Globals) => Promise<number>;

const COMMANDS: Record<string, () => Promise<RuntimeCommand>> = {
  create: async () => (await import("./create.ts")).create,
  run: async () => (await import("./create.ts")).run,
  start: async () => (await import("./start.ts")).start,
  state: async () => (await import("./state.ts")).state,
  kill: async () => (await import("./kill.ts")).kill,
  delete: async () => (await import("./delete.ts")).deleteCommand,
  exec: async () => (await import("./exec.ts")).exec,
  list: async () => (await import("./list.ts")).list,
  ps: async () => (await import("./ps.ts")).ps,
  pause: async () => (await import("./pause.ts")).pause,
  resume: async () => (await import("./pause.ts")).resume,
  update: async () => (await import("./update.ts")).update,
  events: async () => (await import("./events.ts")).events,
  spec: async () => (await import("./spec.ts")).spec,
  features: async () => (await import("./features.ts")).features,
  checkpoint: async () => (await import("./checkpoint.ts")).checkpoint,
  restore: async () => (await import("./restore.ts")).restore,
};

/** @returns the exit status; failures are told in the log too, where callers of runtimes look for them */
export async function runtimeMain(argv: readonly string[]): Promise<number> {
  let globals: Globals | undefined;
  let failure = 1;
  try {
    const call = readCall(argv, () => defaultStateRoot(process.env));
    globals = call.globals;
    // 1 is what many programs end with; runc's exec says by this one that there was no program
    if (call.command === "exec") failure = 255;
    if (call.wants === "version") return await (await import("../version.ts")).version();
    const load =
      call.command !== undefined && Object.hasOwn(COMMANDS, call.command) ? COMMANDS[call.command] : undefined;
    if (load !== undefined) return await (await load())(call.args, globals);
    if (call.wants === "help" || call.command === undefined || call.command === "help")
      return await (await import("./help.ts")).runtimeHelp();
    throw new TsboxError(
      "usage",
      `cannot run tsbox oci ${call.command}: there is no such command; see tsbox oci --help`,
    );
  } catch (error) {
    const { reportFailure } = await import("./report.ts");
    reportFailure(error, globals?.log);
    return failure;
  }
}

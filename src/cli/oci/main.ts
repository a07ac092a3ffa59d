/** The runtime's command line: `tsbox oci COMMAND`, and what recognise.ts takes for one. Each command's file is loaded when it is called. */
import { TsboxError } from "../../error.ts";
import { defaultStateRoot } from "../../runtime/lifecycle/index.ts";
import { type Globals, readCall } from "./globals.ts";

type RuntimeCommand = (args: readonly string[], globals: Globals) => Promise<number>;

async function load(name: string | undefined): Promise<RuntimeCommand | undefined> {
  switch (name) {
    case "create":
      return (await import("./create.ts")).create;
    case "run":
      return (await import("./create.ts")).run;
    case "start":
      return (await import("./start.ts")).start;
    case "state":
      return (await import("./state.ts")).state;
    case "kill":
      return (await import("./kill.ts")).kill;
    case "delete":
      return (await import("./delete.ts")).deleteCommand;
    case "exec":
      return (await import("./exec.ts")).exec;
    case "list":
      return (await import("./list.ts")).list;
    case "ps":
      return (await import("./ps.ts")).ps;
    case "pause":
      return (await import("./pause.ts")).pause;
    case "resume":
      return (await import("./pause.ts")).resume;
    case "update":
      return (await import("./update.ts")).update;
    case "events":
      return (await import("./events.ts")).events;
    case "spec":
      return (await import("./spec.ts")).spec;
    case "features":
      return (await import("./features.ts")).features;
    case "checkpoint":
      return (await import("./checkpoint.ts")).checkpoint;
    case "restore":
      return (await import("./restore.ts")).restore;
    default:
      return undefined;
  }
}

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
    const command = await load(call.command);
    if (command !== undefined) return await command(call.args, globals);
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

/**
 * The router: finds the command, loads it alone, prints failures, ends the process. Start-up is on the path of every container,
 * so nothing is imported here that a command may not need.
 */
import { applyConfig } from "./cli/config/apply.ts";
import { runtimeArguments } from "./cli/oci/recognise.ts";
import { isTsboxError, type TsboxError } from "./error.ts";

type Command = (args: readonly string[]) => Promise<number>;

/**
 * Each command's file is loaded when it is called. Names that begin with two underscores are tsbox talking to itself. Not a table:
 * its sixty functions would be made at every start.
 */
async function load(name: string): Promise<Command | undefined> {
  switch (name) {
    case "run":
      return (await import("./cli/run.ts")).run;
    case "pull":
      return (await import("./cli/pull.ts")).pull;
    case "images":
      return (await import("./cli/images.ts")).images;
    case "rmi":
      return (await import("./cli/rmi.ts")).rmi;
    case "ps":
      return (await import("./cli/ps.ts")).ps;
    case "inspect":
      return (await import("./cli/inspect.ts")).inspect;
    case "rm":
      return (await import("./cli/rm.ts")).rm;
    case "create":
      return (await import("./cli/create.ts")).create;
    case "start":
      return (await import("./cli/start.ts")).start;
    case "stop":
      return (await import("./cli/stop.ts")).stop;
    case "restart":
      return (await import("./cli/restart.ts")).restart;
    case "kill":
      return (await import("./cli/kill.ts")).kill;
    case "pause":
      return (await import("./cli/pause.ts")).pause;
    case "unpause":
      return (await import("./cli/pause.ts")).unpause;
    case "wait":
      return (await import("./cli/wait.ts")).wait;
    case "exec":
      return (await import("./cli/exec.ts")).exec;
    case "logs":
      return (await import("./cli/logs.ts")).logs;
    case "attach":
      return (await import("./cli/attach.ts")).attach;
    case "top":
      return (await import("./cli/top.ts")).top;
    case "stats":
      return (await import("./cli/stats.ts")).stats;
    case "port":
      return (await import("./cli/port.ts")).port;
    case "rename":
      return (await import("./cli/rename.ts")).rename;
    case "update":
      return (await import("./cli/update.ts")).update;
    case "events":
      return (await import("./cli/events.ts")).events;
    case "cp":
      return (await import("./cli/cp.ts")).cp;
    case "diff":
      return (await import("./cli/diff.ts")).diff;
    case "commit":
      return (await import("./cli/commit.ts")).commit;
    case "prune":
      return (await import("./cli/prune.ts")).prune;
    case "network":
      return (await import("./cli/network.ts")).network;
    case "volume":
      return (await import("./cli/volume.ts")).volume;
    case "kube":
      return (await import("./cli/kube.ts")).kube;
    case "pod":
      return (await import("./cli/pod.ts")).pod;
    case "secret":
      return (await import("./cli/secret.ts")).secret;
    case "generate":
      return (await import("./cli/generate.ts")).generate;
    case "quadlet":
      return (await import("./cli/quadlet.ts")).quadlet;
    case "system":
      return (await import("./cli/system.ts")).system;
    case "doctor":
      return (await import("./cli/doctor.ts")).doctor;
    case "version":
      return (await import("./cli/version.ts")).version;
    case "completion":
      return (await import("./cli/completion/command.ts")).completion;
    case "help":
      return (await import("./cli/help.ts")).help;
    case "container":
      return (await import("./cli/docker-names.ts")).longName("container", load);
    case "image":
      return (await import("./cli/docker-names.ts")).longName("image", load);
    case "__complete":
      return (await import("./cli/completion/command.ts")).completeCommand;
    case "__unpack":
      return (await import("./image/unpack/index.ts")).unpackWorkerMain;
    case "__container-files":
      return (await import("./container/copy/index.ts")).filesWorkerMain;
    case "__tree":
      return (await import("./rootfs/tree/index.ts")).treeWorkerMain;
    case "__explain-failure":
      return (await import("./cli/internal.ts")).explainFailureCommand;
    case "__slirp-ports":
      return (await import("./cli/internal.ts")).slirpPortsCommand;
    case "__oci-failure":
      return (await import("./cli/oci/internal.ts")).lifecycleFailure;
    case "__oci-exec-failure":
      return (await import("./cli/oci/internal.ts")).execFailure;
    case "__oci-end":
      return (await import("./cli/oci/internal.ts")).lifecycleEnd;
    case "__start-failure":
      return (await import("./cli/internal.ts")).startFailureCommand;
    case "__after-exit":
      return (await import("./cli/internal.ts")).afterExitCommand;
    case "__quadlet-generator":
      return (await import("./cli/quadlet.ts")).quadletGenerator;
    case "__restart":
      return (await import("./cli/internal.ts")).restartCommand;
    case "__remove-container":
      return (await import("./cli/internal.ts")).removeContainerCommand;
    default:
      return undefined;
  }
}

const WITHOUT_CONFIG = ["help", "version", "completion"];

/** 126 and 127 are the shell's, and Docker's. */
const STATUS: Partial<Record<TsboxError["code"], number>> = { "command-not-executable": 126, "command-not-found": 127 };

async function main(argv: readonly string[]): Promise<number> {
  const runtime = runtimeArguments(process.argv0, argv);
  if (runtime !== undefined) return await (await import("./cli/oci/main.ts")).runtimeMain(runtime);
  let words = process.argv0.endsWith("-generator") ? ["__quadlet-generator", ...argv] : argv;
  try {
    if (argv[0]?.startsWith("-")) words = (await import("./cli/global-flags.ts")).readGlobalFlags(argv);
  } catch (error) {
    return await report(error, "");
  }
  const [first, ...rest] = words;
  if (first === "--version" || first === "-V" || first === "-v") return (await load("version"))?.([]) ?? 0;
  if (first === undefined || first === "--help" || first === "-h") return (await load("help"))?.([]) ?? 0;
  try {
    // tsbox talking to itself was told all before, and a broken configuration must not hide the help
    const reading = first.startsWith("__") || WITHOUT_CONFIG.includes(first) ? undefined : applyConfig();
    if (reading !== undefined) await reading;
    const command = await load(first);
    return command === undefined ? (await import("./cli/help.ts")).unknownCommand(first) : await command(rest);
  } catch (error) {
    return await report(error, first);
  }
}

/**
 * One sentence, no stack trace: a failure is for the person, unless they ask for more. 125 is Docker's for "the tool failed, not
 * the program", and for a command line that cannot be read; other commands fail with 1.
 */
async function report(error: unknown, command: string): Promise<number> {
  const known = isTsboxError(error);
  // not console.error, which makes it red on terminals
  const { writeAll } = await import("./linux/write-text.ts");
  try {
    writeAll(2, `tsbox: ${sentence(error)}\n`);
  } catch {
    // standard error is closed: the exit status has to say it alone
  }
  if (process.env.TSBOX_DEBUG) console.error(error);
  const isRun = command === "run" || command.startsWith("__");
  if (!known) return isRun ? 125 : 1;
  return STATUS[error.code] ?? (isRun || error.code === "usage" || error.code === "unsupported" ? 125 : 1);
}

function sentence(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (isTsboxError(error)) return error.message;
  // names the call and the path
  if (error.name === "SyscallError") return `cannot ${error.message}`;
  return `cannot go on: ${error.message} (TSBOX_DEBUG=1 shows where)`;
}

process.exit(await main(process.argv.slice(2)));

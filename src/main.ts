/**
 * The router: finds the command, loads it alone, prints failures, ends the process. Start-up is on the path of every container,
 * so nothing is imported here that a command may not need.
 */
import { applyConfig } from "./cli/config/apply.ts";
import { runtimeArguments } from "./cli/oci/recognise.ts";
import { isTsboxError, type TsboxError } from "./error.ts";

type Command = (args: readonly string[]) => Promise<number>;

/** Each command's file is loaded when it is called. Names that begin with two underscores are tsbox talking to itself. */
const COMMANDS: Record<string, () => Promise<Command>> = {
  run: async () => (await import("./cli/run.ts")).run,
  pull: async () => (await import("./cli/pull.ts")).pull,
  images: async () => (await import("./cli/images.ts")).images,
  rmi: async () => (await import("./cli/rmi.ts")).rmi,
  ps: async () => (await import("./cli/ps.ts")).ps,
  inspect: async () => (await import("./cli/inspect.ts")).inspect,
  rm: async () => (await import("./cli/rm.ts")).rm,
  create: async () => (await import("./cli/create.ts")).create,
  start: async () => (await import("./cli/start.ts")).start,
  stop: async () => (await import("./cli/stop.ts")).stop,
  restart: async () => (await import("./cli/restart.ts")).restart,
  kill: async () => (await import("./cli/kill.ts")).kill,
  pause: async () => (await import("./cli/pause.ts")).pause,
  unpause: async () => (await import("./cli/pause.ts")).unpause,
  wait: async () => (await import("./cli/wait.ts")).wait,
  exec: async () => (await import("./cli/exec.ts")).exec,
  logs: async () => (await import("./cli/logs.ts")).logs,
  attach: async () => (await import("./cli/attach.ts")).attach,
  top: async () => (await import("./cli/top.ts")).top,
  stats: async () => (await import("./cli/stats.ts")).stats,
  port: async () => (await import("./cli/port.ts")).port,
  rename: async () => (await import("./cli/rename.ts")).rename,
  update: async () => (await import("./cli/update.ts")).update,
  events: async () => (await import("./cli/events.ts")).events,
  cp: async () => (await import("./cli/cp.ts")).cp,
  diff: async () => (await import("./cli/diff.ts")).diff,
  commit: async () => (await import("./cli/commit.ts")).commit,
  prune: async () => (await import("./cli/prune.ts")).prune,
  network: async () => (await import("./cli/network.ts")).network,
  volume: async () => (await import("./cli/volume.ts")).volume,
  kube: async () => (await import("./cli/kube.ts")).kube,
  pod: async () => (await import("./cli/pod.ts")).pod,
  secret: async () => (await import("./cli/secret.ts")).secret,
  generate: async () => (await import("./cli/generate.ts")).generate,
  quadlet: async () => (await import("./cli/quadlet.ts")).quadlet,
  system: async () => (await import("./cli/system.ts")).system,
  doctor: async () => (await import("./cli/doctor.ts")).doctor,
  version: async () => (await import("./cli/version.ts")).version,
  completion: async () => (await import("./cli/completion/command.ts")).completion,
  help: async () => (await import("./cli/help.ts")).help,
  container: async () => (await import("./cli/docker-names.ts")).longName("container", COMMANDS),
  image: async () => (await import("./cli/docker-names.ts")).longName("image", COMMANDS),
  __complete: async () => (await import("./cli/completion/command.ts")).completeCommand,
  __unpack: async () => (await import("./image/unpack/index.ts")).unpackWorkerMain,
  "__container-files": async () => (await import("./container/copy/index.ts")).filesWorkerMain,
  __tree: async () => (await import("./rootfs/tree/index.ts")).treeWorkerMain,
  "__explain-failure": async () => (await import("./cli/internal.ts")).explainFailureCommand,
  "__slirp-ports": async () => (await import("./cli/internal.ts")).slirpPortsCommand,
  "__oci-failure": async () => (await import("./cli/oci/internal.ts")).lifecycleFailure,
  "__oci-exec-failure": async () => (await import("./cli/oci/internal.ts")).execFailure,
  "__oci-end": async () => (await import("./cli/oci/internal.ts")).lifecycleEnd,
  "__start-failure": async () => (await import("./cli/internal.ts")).startFailureCommand,
  "__after-exit": async () => (await import("./cli/internal.ts")).afterExitCommand,
  "__quadlet-generator": async () => (await import("./cli/quadlet.ts")).quadletGenerator,
  __restart: async () => (await import("./cli/internal.ts")).restartCommand,
  "__remove-container": async () => (await import("./cli/internal.ts")).removeContainerCommand,
};

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
  if (first === "--version" || first === "-V" || first === "-v") return (await COMMANDS.version?.())?.([]) ?? 0;
  if (first === undefined || first === "--help" || first === "-h") return (await COMMANDS.help?.())?.([]) ?? 0;
  const load = Object.hasOwn(COMMANDS, first) ? COMMANDS[first] : undefined;
  if (load === undefined) return (await import("./cli/help.ts")).unknownCommand(first, Object.keys(COMMANDS));
  try {
    // tsbox talking to itself was told all before, and a broken configuration must not hide the help
    const reading = first.startsWith("__") || WITHOUT_CONFIG.includes(first) ? undefined : applyConfig();
    if (reading !== undefined) await reading;
    return await (await load())(rest);
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

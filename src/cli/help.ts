/** `tsbox help` and unknown commands. */
import { nearest } from "./args.ts";

const COMMANDS: readonly (readonly [name: string, what: string])[] = [
  ["run", "Run a program in a new container"],
  ["pull", "Fetch an image"],
  ["images", "List images"],
  ["rmi", "Remove images"],
  ["ps", "List containers"],
  ["rm", "Remove containers"],
  ["oci", "The OCI runtime, with runc's command line: create, start, state, kill, delete, exec, ..."],
  ["doctor", "Say what this host can do, and how to mend what it cannot"],
  ["version", "Show the version"],
];

export async function help(): Promise<number> {
  const lines = COMMANDS.map(([name, what]) => `  ${name.padEnd(10)} ${what}`);
  console.log(`tsbox runs OCI images without root and without a daemon.

Usage: tsbox [--root FOLDER] COMMAND [FLAGS]

Commands:
${lines.join("\n")}

tsbox COMMAND --help shows a command's flags and examples. --root says where images and containers are kept; without it,
$TSBOX_ROOT, $XDG_DATA_HOME/tsbox or ~/.local/share/tsbox.

As a runtime beneath podman, Docker or containerd, tsbox takes runc's command line: after "oci", with --bundle, with runc's global
flags before the command, or when it is called by the name runc or crun. See tsbox oci --help.`);
  return 0;
}

export function unknownCommand(name: string, commands: readonly string[]): number {
  const near = nearest(
    name,
    commands.filter((command) => !command.startsWith("__")),
  );
  const hint = near === undefined ? "see tsbox help" : `did you mean ${near}?`;
  console.error(`tsbox: there is no command ${JSON.stringify(name)}; ${hint}`);
  return 1;
}

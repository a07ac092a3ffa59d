/** `tsbox oci --help` */
import { helpText } from "../args.ts";
import { OCI } from "./globals.ts";

const COMMANDS: readonly (readonly [name: string, what: string])[] = [
  ["create", "Make a container from a bundle; it waits for start"],
  ["start", "Run the program of a created container"],
  ["run", "Both, and wait for the end"],
  ["state", "Print a container's state as JSON"],
  ["list", "List the containers of a state folder"],
  ["exec", "Run another process in a container"],
  ["ps", "List the processes of a container"],
  ["kill", "Send a signal"],
  ["pause, resume", "Stop all processes where they are, and let them go on"],
  ["update", "Change the limits of a container that runs"],
  ["events", "What a container uses, and out-of-memory events"],
  ["delete", "Remove what is left of a container"],
  ["spec", "Write a config.json to begin with"],
  ["features", "What this runtime supports, as JSON"],
  ["checkpoint", "Write a running container to a folder, with CRIU"],
  ["restore", "Make a container from what checkpoint wrote"],
];

export async function runtimeHelp(): Promise<number> {
  const lines = COMMANDS.map(([name, what]) => `  ${name.padEnd(15)} ${what}`).join("\n");
  console.log(`${await helpText(OCI)}\nCOMMANDS\n\n${lines}\n\ntsbox oci COMMAND --help shows a command's flags.`);
  return 0;
}

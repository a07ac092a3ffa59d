/**
 * Every command, in the order of the help. The list of commands, `tsbox help COMMAND`, completion and the man pages come from here;
 * `main.ts` has its own list, of what runs, because start-up must not pay for this one. `tests/cli/catalogue.test.ts` compares them.
 */
import type { CommandDefinition } from "./args.ts";
import type { GroupDefinition } from "./group.ts";

export type Definition = CommandDefinition | GroupDefinition;

export interface Section {
  readonly title: string;
  /** Each command's file is loaded when it is asked for. */
  readonly commands: readonly (readonly [name: string, load: () => Promise<Definition>])[];
}

export const CATALOGUE: readonly Section[] = [
  {
    title: "Containers",
    commands: [
      ["run", async () => (await import("./run-flags.ts")).RUN],
      ["ps", async () => (await import("./ps.ts")).PS],
      ["inspect", async () => (await import("./inspect.ts")).INSPECT],
      ["rm", async () => (await import("./rm.ts")).RM],
      ["create", async () => (await import("./create.ts")).CREATE],
      ["start", async () => (await import("./start.ts")).START],
      ["stop", async () => (await import("./stop.ts")).STOP],
      ["restart", async () => (await import("./restart.ts")).RESTART],
      ["kill", async () => (await import("./kill.ts")).KILL],
      ["pause", async () => (await import("./pause.ts")).PAUSE],
      ["unpause", async () => (await import("./pause.ts")).UNPAUSE],
      ["wait", async () => (await import("./wait.ts")).WAIT],
      ["exec", async () => (await import("./exec.ts")).EXEC],
      ["logs", async () => (await import("./logs.ts")).LOGS],
      ["attach", async () => (await import("./attach.ts")).ATTACH],
      ["top", async () => (await import("./top.ts")).TOP],
      ["stats", async () => (await import("./stats.ts")).STATS],
      ["port", async () => (await import("./port.ts")).PORT],
      ["rename", async () => (await import("./rename.ts")).RENAME],
      ["update", async () => (await import("./update.ts")).UPDATE],
      ["events", async () => (await import("./events.ts")).EVENTS],
      ["cp", async () => (await import("./cp.ts")).CP],
      ["diff", async () => (await import("./diff.ts")).DIFF],
      ["commit", async () => (await import("./commit.ts")).COMMIT],
      ["prune", async () => (await import("./prune.ts")).PRUNE],
    ],
  },
  {
    title: "Images",
    commands: [
      ["pull", async () => (await import("./pull.ts")).PULL],
      ["images", async () => (await import("./images.ts")).IMAGES],
      ["rmi", async () => (await import("./rmi.ts")).RMI],
    ],
  },
  {
    title: "Networks, volumes, pods and secrets",
    commands: [
      ["network", async () => (await import("./network.ts")).NETWORK],
      ["volume", async () => (await import("./volume.ts")).VOLUME],
      ["pod", async () => (await import("./pod.ts")).POD],
      ["kube", async () => (await import("./kube.ts")).KUBE],
      ["secret", async () => (await import("./secret.ts")).SECRET],
    ],
  },
  {
    title: "This program",
    commands: [
      ["container", async () => (await import("./prune.ts")).CONTAINER],
      ["image", async () => (await import("./prune.ts")).IMAGE],
      ["generate", async () => (await import("./generate.ts")).GENERATE],
      ["quadlet", async () => (await import("./quadlet.ts")).QUADLET],
      ["system", async () => (await import("./system.ts")).SYSTEM],
      ["doctor", async () => (await import("./doctor.ts")).DOCTOR],
      ["oci", async () => (await import("./oci/globals.ts")).OCI],
      ["completion", async () => (await import("./completion/command.ts")).COMPLETION],
      ["version", async () => (await import("./version.ts")).VERSION],
      ["help", async () => (await import("./help.ts")).HELP_COMMAND],
    ],
  },
];

/** What may follow `tsbox`. */
export function commandNames(): string[] {
  return CATALOGUE.flatMap(({ commands }) => commands.map(([name]) => name));
}

export function isGroup(definition: Definition): definition is GroupDefinition {
  return "commands" in definition;
}

/** The definition of a command or group by its first word. */
export async function findDefinition(name: string): Promise<Definition | undefined> {
  const entry = CATALOGUE.flatMap(({ commands }) => commands).find(([candidate]) => candidate === name);
  return await entry?.[1]();
}

/** All definitions, those within groups after their group. */
export async function allDefinitions(): Promise<readonly Definition[]> {
  const top = await Promise.all(CATALOGUE.flatMap(({ commands }) => commands.map(([, load]) => load())));
  return top.flatMap((definition) =>
    isGroup(definition)
      ? [definition, ...Object.values(definition.commands).map((command) => command.definition)]
      : [definition],
  );
}

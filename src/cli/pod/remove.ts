/** `tsbox pod rm` and `prune` */
import { isUp } from "../../container/index.ts";
import { listPods, membersByPod, removePod } from "../../container/pods/index.ts";
import { TsboxError } from "../../error.ts";
import { writeAll } from "../../linux/write-text.ts";
import { openStore } from "../../store/index.ts";
import { type CommandDefinition, isOn, last } from "../args.ts";
import { HELP, readCommand, refuseOperands } from "../command.ts";
import { parseSeconds } from "../run-stays.ts";
import { ALL, forPods } from "./operands.ts";

export const RM: CommandDefinition = {
  name: "pod rm",
  description: "Remove pods, with their containers. Prints the ids of those that were removed.",
  operands: "POD...",
  flags: {
    force: { type: "boolean", alias: "f", description: "End what runs, and do not mind what is not there" },
    time: {
      type: "string",
      alias: "t",
      description: "Seconds to wait before killing, with --force (0)",
      valueHint: "SECONDS",
    },
    ignore: { type: "boolean", alias: "i", description: "Do not mind pods that are not there" },
    ...ALL,
    ...HELP,
  },
  examples: [
    ["tsbox pod rm web", "when all of its containers have ended"],
    ["tsbox pod rm -f web", "also when they run"],
  ],
};

export const PRUNE: CommandDefinition = {
  name: "pod prune",
  description: "Remove the pods of which no container runs, with their containers. Prints their ids.",
  operands: "",
  flags: { force: { type: "boolean", alias: "f", description: "Do not ask" }, ...HELP },
  examples: [["tsbox pod prune -f", "all that have ended, or were never started"]],
};

export async function rm(argv: readonly string[]): Promise<number> {
  const args = await readCommand(RM, argv);
  if (args === undefined) return 0;
  const time = last(args, "time");
  const timeout = time === undefined ? 0 : parseSeconds(time, "--time");
  return await forPods(RM, args, (store, pod) => removePod(store, pod, { force: isOn(args, "force"), timeout }));
}

export async function prune(argv: readonly string[]): Promise<number> {
  const args = await readCommand(PRUNE, argv);
  if (args === undefined) return 0;
  refuseOperands(PRUNE, args);
  if (!isOn(args, "force") && !(await confirmed())) return 0;
  const store = openStore().root;
  const members = membersByPod(store);
  for (const pod of listPods(store)) {
    if (members.get(pod.id)?.some(({ state }) => isUp(state))) continue;
    try {
      await removePod(store, pod, { force: false, timeout: 0 });
      writeAll(1, `${pod.id}\n`);
    } catch (error) {
      // it was started, or removed, this moment
      if (!(error instanceof TsboxError && (error.code === "busy" || error.code === "not-found"))) throw error;
    }
  }
  return 0;
}

async function confirmed(): Promise<boolean> {
  writeAll(
    1,
    "WARNING! This will remove all pods of which no container runs.\nAre you sure you want to continue? [y/N] ",
  );
  for await (const line of console) return /^y(es)?$/i.test(line.trim());
  return false;
}

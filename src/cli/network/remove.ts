/** `tsbox network rm` and `prune` */
import { pruneNetworks, removeNetwork } from "../../container/networks.ts";
import { TsboxError } from "../../error.ts";
import { writeAll } from "../../linux/write-text.ts";
import { openStore } from "../../store/index.ts";
import { all, type CommandDefinition, isOn } from "../args.ts";
import { forEachOperand, HELP, readCommand, refuseOperands, requireOperands } from "../command.ts";
import { networkFilter } from "./list.ts";
import { listed } from "./row.ts";

export const RM: CommandDefinition = {
  name: "network rm",
  description: "Remove networks. One that a running container is in is not removed.",
  operands: "NETWORK...",
  flags: { force: { type: "boolean", alias: "f", description: "Do not mind what is not there" }, ...HELP },
  examples: [["tsbox network rm web", "when its containers have ended"]],
};

export const PRUNE: CommandDefinition = {
  name: "network prune",
  description: "Remove the networks that no container has.",
  operands: "",
  flags: {
    force: { type: "boolean", alias: "f", description: "Do not ask" },
    filter: {
      type: "string",
      description: "label=NAME[=VALUE], label!=NAME[=VALUE], until=TIME",
      valueHint: "NAME=VALUE",
      repeated: true,
    },
    ...HELP,
  },
  examples: [["tsbox network prune -f", "what containers that are gone have left"]],
};

export async function rm(argv: readonly string[]): Promise<number> {
  const args = await readCommand(RM, argv);
  if (args === undefined) return 0;
  requireOperands(RM, args, "network");
  const store = openStore().root;
  return await forEachOperand(args, async (name) => {
    try {
      removeNetwork(store, name);
    } catch (error) {
      if (error instanceof TsboxError && error.code === "not-found" && isOn(args, "force")) return;
      throw error;
    }
    console.log(name);
  });
}

export async function prune(argv: readonly string[]): Promise<number> {
  const args = await readCommand(PRUNE, argv);
  if (args === undefined) return 0;
  refuseOperands(PRUNE, args);
  const store = openStore().root;
  const wanted = await networkFilter(all(args, "filter"), store, ["label", "label!", "until"]);
  if (!isOn(args, "force") && !(await confirmed())) return 0;
  const removed = pruneNetworks(store, (network) => wanted(listed(network)));
  if (removed.length > 0) console.log(["Deleted Networks:", ...removed.map(({ name }) => name)].join("\n"));
  return 0;
}

async function confirmed(): Promise<boolean> {
  writeAll(
    1,
    "WARNING! This will remove all custom networks not used by at least one container.\nAre you sure you want to continue? [y/N] ",
  );
  for await (const line of console) return /^y(es)?$/i.test(line.trim());
  return false;
}

/** `tsbox prune`, which is `tsbox container prune`, and `tsbox image prune` */
import type { ListedContainer } from "../container/list.ts";
import { type Pruned, pruneContainers, pruneUnusedImages } from "../container/prune.ts";
import type { ListedImage } from "../image/index.ts";
import { writeAll } from "../linux/write-text.ts";
import { storeFolder } from "../store/index.ts";
import { all, type CommandDefinition, isOn, type ParsedArgs } from "./args.ts";
import { HELP, readCommand, refuseOperands } from "./command.ts";
import { confirmed } from "./confirm.ts";
import { chooseBy, labelFilters } from "./format/filters.ts";
import type { GroupDefinition } from "./group.ts";
import { parseUntil } from "./network/until.ts";
import { FILTER, FORCE } from "./prune-flags.ts";
import { decimalSize } from "./stats-row.ts";

const CONTAINER_PRUNE: CommandDefinition = {
  name: "container prune",
  description: "Remove all containers that do not run.",
  operands: "",
  flags: { force: FORCE, filter: FILTER, ...HELP },
  examples: [
    ["tsbox container prune -f", "without a question"],
    ["tsbox container prune --filter until=24h", "those that are older than a day"],
  ],
};

/** The short name of `container prune`, as other commands about containers have one. */
export const PRUNE: CommandDefinition = {
  ...CONTAINER_PRUNE,
  name: "prune",
  examples: [
    ["tsbox prune -f", "without a question; system prune removes more"],
    ["tsbox prune --filter until=24h", "those that are older than a day"],
  ],
};

const IMAGE_PRUNE: CommandDefinition = {
  name: "image prune",
  description: "Remove images without a name, with -a all that no container was made from.",
  operands: "",
  flags: {
    all: { type: "boolean", alias: "a", description: "Those with names, too" },
    force: FORCE,
    filter: FILTER,
    ...HELP,
  },
  examples: [
    ["tsbox image prune -f", "what lost its name to a newer image"],
    ["tsbox image prune -a", "all that can be had again by pulling"],
  ],
};

/** What Docker's longer names have of their own; see `docker-names.ts`. */
export const CONTAINER: GroupDefinition = {
  name: "container",
  description: "Docker's longer names of commands about containers, and prune.",
  commands: { prune: { definition: CONTAINER_PRUNE, run: containerPrune } },
};

export const IMAGE: GroupDefinition = {
  name: "image",
  description: "Docker's longer names of commands about images, and prune.",
  commands: { prune: { definition: IMAGE_PRUNE, run: imagePrune } },
};

export async function prune(argv: readonly string[]): Promise<number> {
  return await removeStopped(PRUNE, argv);
}

async function containerPrune(argv: readonly string[]): Promise<number> {
  return await removeStopped(CONTAINER_PRUNE, argv);
}

async function removeStopped(command: CommandDefinition, argv: readonly string[]): Promise<number> {
  const args = await readCommand(command, argv);
  if (args === undefined) return 0;
  refuseOperands(command, args);
  const wanted = containerFilter(args);
  if (!isOn(args, "force") && !(await confirmed("all stopped containers"))) return 0;
  tell([["Deleted Containers", await pruneContainers(storeFolder(), wanted)]]);
  return 0;
}

async function imagePrune(argv: readonly string[]): Promise<number> {
  const args = await readCommand(IMAGE_PRUNE, argv);
  if (args === undefined) return 0;
  refuseOperands(IMAGE_PRUNE, args);
  const wanted = imageFilter(args);
  const which = isOn(args, "all")
    ? "all images without at least one container associated to them"
    : "all dangling images";
  if (!isOn(args, "force") && !(await confirmed(which))) return 0;
  tell([["Deleted Images", await pruneUnusedImages(isOn(args, "all"), wanted)]]);
  return 0;
}

/** @throws TsboxError `usage` */
export function containerFilter(args: ParsedArgs): (container: ListedContainer) => boolean {
  return chooseBy(all(args, "filter"), {
    ...labelFilters<ListedContainer>(({ record }) => record.labels),
    until: (value) => {
      const time = parseUntil(value);
      return ({ record }) => record.created < time;
    },
  });
}

/** @throws TsboxError `usage` */
export function imageFilter(args: ParsedArgs): (image: ListedImage) => boolean {
  return chooseBy(all(args, "filter"), {
    ...labelFilters<ListedImage>(({ labels }) => labels),
    until: (value) => {
      const time = parseUntil(value);
      return ({ created }) => created !== undefined && Date.parse(created) < time;
    },
  });
}

/** What was removed, kind by kind, and how much there is again. */
export function tell(kinds: readonly (readonly [heading: string, pruned: Pruned])[]): void {
  const lists = kinds
    .filter(([, { removed }]) => removed.length > 0)
    .map(([heading, { removed }]) => `${heading}:\n${removed.join("\n")}\n\n`);
  const bytes = kinds.reduce((sum, [, pruned]) => sum + pruned.bytes, 0);
  writeAll(1, `${lists.join("")}Total reclaimed space: ${decimalSize(bytes, 4)}\n`);
}

/** `tsbox system prune` */
import { pruneNetworks } from "../../container/networks.ts";
import { pruneContainers, pruneUnusedImages, pruneUnusedVolumes } from "../../container/prune.ts";
import { openStore } from "../../store/index.ts";
import { all, isOn, type ParsedArgs } from "../args.ts";
import { readCommand, refuseOperands } from "../command.ts";
import { confirmed } from "../confirm.ts";
import { chooseBy, labelFilters } from "../format/filters.ts";
import { parseUntil } from "../network/until.ts";
import { containerFilter, imageFilter, tell } from "../prune.ts";
import { PRUNE } from "../system.ts";

/** Containers first: what only they needed goes with them. */
export async function prune(argv: readonly string[]): Promise<number> {
  const args = await readCommand(PRUNE, argv);
  if (args === undefined) return 0;
  refuseOperands(PRUNE, args);
  const [everyImage, volumes] = [isOn(args, "all"), isOn(args, "volumes")];
  const container = containerFilter(args);
  const image = imageFilter(args);
  const other = madeThings(args);
  if (!isOn(args, "force")) {
    const what = [
      "all stopped containers",
      "all networks not used by at least one container",
      ...(volumes ? ["all anonymous volumes not used by at least one container"] : []),
      everyImage ? "all images without at least one container associated to them" : "all dangling images",
    ];
    if (!(await confirmed(what))) return 0;
  }
  const store = openStore().root;
  const containers = await pruneContainers(store, container);
  const networks = pruneNetworks(store, other).map(({ name }) => name);
  const anonymous = volumes
    ? await pruneUnusedVolumes(store, (volume) => volume.anonymous && other(volume))
    : { removed: [], bytes: 0 };
  const images = await pruneUnusedImages(everyImage, image);
  tell([
    ["Deleted Containers", containers],
    ["Deleted Networks", { removed: networks, bytes: 0 }],
    ["Deleted Volumes", anonymous],
    ["Deleted Images", images],
  ]);
  return 0;
}

interface MadeThing {
  readonly labels: Readonly<Record<string, string>>;
  readonly created: number;
}

function madeThings(args: ParsedArgs): (thing: MadeThing) => boolean {
  return chooseBy(all(args, "filter"), {
    ...labelFilters<MadeThing>(({ labels }) => labels),
    until: (value) => {
      const time = parseUntil(value);
      return ({ created }) => created < time;
    },
  });
}

/** `tsbox system prune` */
import { pruneNetworks } from "../../container/networks.ts";
import { pruneContainers, pruneUnusedImages } from "../../container/prune.ts";
import { sizesOf } from "../../container/tree-sizes.ts";
import { listVolumes, pruneVolumes, type Volume, volumeData } from "../../container/volumes/index.ts";
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
  const anonymous = volumes ? await removeVolumes(store, other) : { removed: [], bytes: 0 };
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

async function removeVolumes(store: string, wanted: (volume: Volume) => boolean) {
  // measured before: afterwards there is nothing to measure
  const volumes = listVolumes(store).filter(({ anonymous }) => anonymous);
  const sizes = await sizesOf(volumes.map((volume) => volumeData(store, volume)));
  const bytes = new Map(volumes.map(({ name }, i) => [name, sizes[i] ?? 0]));
  const removed = await pruneVolumes(store, (volume) => volume.anonymous && wanted(volume));
  return {
    removed: removed.map(({ name }) => name),
    bytes: removed.reduce((sum, { name }) => sum + (bytes.get(name) ?? 0), 0),
  };
}

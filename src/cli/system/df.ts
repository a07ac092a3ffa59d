/** `tsbox system df` */
import { type DiskUsage, diskUsage } from "../../container/disk-usage.ts";
import { writeAll } from "../../linux/write-text.ts";
import { isOn, last } from "../args.ts";
import { readCommand, refuseOperands } from "../command.ts";
import { decimalSize } from "../stats-row.ts";
import { DF } from "../system.ts";
import { type Columns, DOCKER_WIDTH, renderTable } from "../table.ts";
import { details } from "./df-details.ts";

/** Named as Docker's fields are. */
interface KindRow extends Record<string, unknown> {
  readonly Type: string;
  readonly TotalCount: string;
  readonly Active: string;
  readonly Size: string;
  readonly Reclaimable: string;
}

const COLUMNS: Columns<KindRow> = [
  ["Type", "TYPE"],
  ["TotalCount", "TOTAL"],
  ["Active", "ACTIVE"],
  ["Size", "SIZE"],
  ["Reclaimable", "RECLAIMABLE"],
];

export async function df(argv: readonly string[]): Promise<number> {
  const args = await readCommand(DF, argv);
  if (args === undefined) return 0;
  refuseOperands(DF, args);
  const usage = await diskUsage();
  const format = last(args, "format");
  const rows = kinds(usage);
  if (format !== undefined) {
    const { renderListing } = await import("../format/listing.ts");
    const text = renderListing(format, { columns: COLUMNS, headings: Object.fromEntries(COLUMNS), rows });
    writeAll(1, `${text}\n`);
  } else if (isOn(args, "verbose")) writeAll(1, details(usage, Date.now()));
  else writeAll(1, `${renderTable(COLUMNS, rows, DOCKER_WIDTH)}\n`);
  return 0;
}

function kinds({ images, imageBytes, reclaimableImageBytes, containers, volumes }: DiskUsage): KindRow[] {
  const stopped = containers.filter(({ state }) => state.pid === 0);
  const unused = volumes.filter(({ links }) => links === 0);
  const activeImages = images.filter((image) => image.containers > 0).length;
  return [
    kind("Images", images.length, activeImages, imageBytes, reclaimableImageBytes),
    kind("Containers", containers.length, containers.length - stopped.length, total(containers), total(stopped)),
    kind("Local Volumes", volumes.length, volumes.length - unused.length, total(volumes), total(unused)),
    // builds keep nothing beside images
    kind("Build Cache", 0, 0, 0, 0),
  ];
}

function total(things: readonly { readonly size: number }[]): number {
  return things.reduce((sum, { size }) => sum + size, 0);
}

function kind(Type: string, count: number, active: number, size: number, reclaimable: number): KindRow {
  const share = size > 0 ? ` (${Math.floor((reclaimable * 100) / size)}%)` : "";
  return {
    Type,
    TotalCount: String(count),
    Active: String(active),
    Size: decimalSize(size, 4),
    Reclaimable: `${decimalSize(reclaimable, 4)}${share}`,
  };
}

/** `tsbox images` */
import { TsboxError } from "../error.ts";
import { type ListedImage, listImages } from "../image/index.ts";
import { writeAll } from "../linux/write-text.ts";
import { openStore } from "../store/index.ts";
import { all, type CommandDefinition, isOn, last, type ParsedArgs } from "./args.ts";
import { HELP, readCommand } from "./command.ts";
import { labelHeading } from "./format/label-heading.ts";
import { NONE, splitName } from "./image-name.ts";
import { readableAge, readableTime, shortID } from "./readable.ts";
import { decimalSize } from "./stats-row.ts";
import { type Columns, DOCKER_WIDTH, renderTable } from "./table.ts";

export const IMAGES: CommandDefinition = {
  name: "images",
  description: "List images.",
  operands: "[REPOSITORY[:TAG]]",
  flags: {
    quiet: { type: "boolean", alias: "q", description: "Print nothing but image ids" },
    digests: { type: "boolean", description: "Show digests" },
    all: { type: "boolean", alias: "a", description: "As without: nothing is hidden here" },
    filter: {
      type: "string",
      alias: "f",
      description: "List those that fit: reference=, label=, dangling=, before=, since=",
      valueHint: "KEY=VALUE",
      repeated: true,
    },
    "no-trunc": { type: "boolean", description: "Print ids whole" },
    format: {
      type: "string",
      description: "table, json, or a template with {{.Repository}}, ...",
      valueHint: "FORMAT",
    },
    ...HELP,
  },
  examples: [
    ["tsbox images", "all"],
    ["tsbox images --digests", "with what pins each"],
    ["tsbox images --format '{{.Repository}}:{{.Tag}}'", "in a form of one's own"],
  ],
};

/** Named as Docker's fields are. */
interface ImageRow extends Record<string, unknown> {
  readonly Repository: string;
  readonly Tag: string;
  readonly Digest: string;
  readonly ID: string;
  readonly CreatedAt: string;
  readonly CreatedSince: string;
  readonly Size: string;
  readonly Platform: string;
  readonly Labels: string;
  readonly Label: (name: unknown) => string;
}

const HEADINGS: Readonly<Record<string, unknown>> = {
  Repository: "REPOSITORY",
  Tag: "TAG",
  Digest: "DIGEST",
  ID: "IMAGE ID",
  CreatedAt: "CREATED AT",
  CreatedSince: "CREATED",
  Size: "SIZE",
  Platform: "PLATFORM",
  Labels: "LABELS",
  Label: labelHeading,
};

function rowOf(image: ListedImage, whole: boolean, now: number): ImageRow {
  const created = image.created === undefined ? Number.NaN : Date.parse(image.created);
  return {
    ...(image.name === undefined ? { Repository: NONE, Tag: NONE } : splitName(image.name)),
    Digest: image.digest,
    ID: whole ? image.id : shortID(image.id),
    CreatedAt: readableTime(created),
    CreatedSince: readableAge(created, now),
    Size: decimalSize(image.size),
    Platform: image.platform,
    Labels: Object.entries(image.labels)
      .map(([name, value]) => `${name}=${value}`)
      .join(","),
    Label: (name) => image.labels[String(name)] ?? "",
  };
}

/** @throws TsboxError `usage`, or what makes the store unreadable */
export async function images(argv: readonly string[]): Promise<number> {
  const args = await readCommand(IMAGES, argv);
  if (args === undefined) return 0;
  const text = await listing(args);
  if (text !== "") writeAll(1, `${text}\n`);
  return 0;
}

async function listing(args: ParsedArgs): Promise<string> {
  const rows = (await chosen(args)).map((image) => rowOf(image, isOn(args, "no-trunc"), Date.now()));
  if (isOn(args, "quiet")) return [...new Set(rows.map(({ ID }) => ID))].join("\n");
  const columns: Columns<ImageRow> = [
    ["Repository", "REPOSITORY"],
    ["Tag", "TAG"],
    ...(isOn(args, "digests") ? [["Digest", "DIGEST"] as const] : []),
    ["ID", "IMAGE ID"],
    ["CreatedSince", "CREATED"],
    ["Size", "SIZE"],
  ];
  const format = last(args, "format");
  if (format === undefined) return renderTable(columns, rows, DOCKER_WIDTH);
  const { renderListing } = await import("./format/listing.ts");
  return renderListing(format, { columns, headings: HEADINGS, rows });
}

async function chosen(args: ParsedArgs): Promise<readonly ListedImage[]> {
  const [reference, more] = args.positionals;
  if (more !== undefined) throw new TsboxError("usage", `cannot run tsbox images: ${more} is one name too many`);
  const images = listImages(openStore());
  const filters = all(args, "filter");
  if (reference === undefined && filters.length === 0) return images;
  const { chooseBy } = await import("./format/filters.ts");
  const { imageFilters, referenceFilter } = await import("./image-filters.ts");
  const fits = chooseBy(filters, imageFilters(images));
  const isNamed = reference === undefined ? () => true : referenceFilter(reference);
  return images.filter((image) => fits(image) && isNamed(image));
}

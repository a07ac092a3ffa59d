/** `tsbox images` */
import { type ListedImage, listImages } from "../image/index.ts";
import { familiarName, parseReference } from "../oci/index.ts";
import { openStore } from "../store/index.ts";
import { type CommandDefinition, isOn, last } from "./args.ts";
import { HELP, readCommand, refuseOperands } from "./command.ts";
import { readableAge, readableSize, shortID } from "./readable.ts";
import { type Columns, renderFormat, renderTable } from "./table.ts";

export const IMAGES: CommandDefinition = {
  name: "images",
  description: "List images.",
  operands: "",
  flags: {
    quiet: { type: "boolean", alias: "q", description: "Print nothing but image ids" },
    digests: { type: "boolean", description: "Show digests" },
    "no-trunc": { type: "boolean", description: "Print ids whole" },
    format: { type: "string", description: "json, or text with {{.Repository}}, {{.ID}}, ...", valueHint: "FORMAT" },
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
}

const FIELDS = ["Repository", "Tag", "Digest", "ID", "CreatedAt", "CreatedSince", "Size", "Platform"] as const;
const NONE = "<none>";

/** An image that came from a path has that for its repository. */
function splitName(name: string): { Repository: string; Tag: string } {
  if (/^(oci|oci-archive|docker-archive):/.test(name)) {
    const tag = name.indexOf(":", name.indexOf(":") + 1);
    return tag < 0 ? { Repository: name, Tag: NONE } : { Repository: name.slice(0, tag), Tag: name.slice(tag + 1) };
  }
  const reference = parseReference(name);
  return { Repository: familiarName(reference, true), Tag: reference.tag ?? NONE };
}

function rowOf(image: ListedImage, whole: boolean, now: number): ImageRow {
  const created = image.created === undefined ? Number.NaN : Date.parse(image.created);
  return {
    ...(image.name === undefined ? { Repository: NONE, Tag: NONE } : splitName(image.name)),
    Digest: image.digest,
    ID: whole ? image.id : shortID(image.id),
    CreatedAt: image.created ?? "",
    CreatedSince: readableAge(created, now),
    Size: readableSize(image.size),
    Platform: image.platform,
  };
}

/** @throws TsboxError `usage`, or what makes the store unreadable */
export async function images(argv: readonly string[]): Promise<number> {
  const args = await readCommand(IMAGES, argv);
  if (args === undefined) return 0;
  refuseOperands(IMAGES, args);
  const rows = listImages(openStore()).map((image) => rowOf(image, isOn(args, "no-trunc"), Date.now()));
  const format = last(args, "format");
  const columns: Columns<ImageRow> = [
    ["Repository", "REPOSITORY"],
    ["Tag", "TAG"],
    ...(isOn(args, "digests") ? [["Digest", "DIGEST"] as const] : []),
    ["ID", "IMAGE ID"],
    ["CreatedSince", "CREATED"],
    ["Size", "SIZE"],
  ];
  if (isOn(args, "quiet")) for (const id of new Set(rows.map(({ ID }) => ID))) console.log(id);
  else if (format === undefined) console.log(renderTable(columns, rows));
  else {
    const text = renderFormat(format, FIELDS, rows);
    if (text !== "") console.log(text);
  }
  return 0;
}

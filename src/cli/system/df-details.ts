/** What `tsbox system df -v` shows: a table for each kind. */
import type { DiskUsage } from "../../container/disk-usage.ts";
import { storeFolder } from "../../store/index.ts";
import { FIELDS } from "../container-fields.ts";
import { NONE, splitName } from "../image-name.ts";
import { readableAge, shortID } from "../readable.ts";
import { decimalSize } from "../stats-row.ts";
import { type Columns, DOCKER_WIDTH, renderTable } from "../table.ts";

type Row = Record<string, string>;

const size = (bytes: number) => decimalSize(bytes, 4);

export function details(usage: DiskUsage, now: number): string {
  const tables = [
    section("Images space usage", imageRows(usage, now), IMAGES),
    section("Containers space usage", containerRows(usage, now), CONTAINERS),
    section("Local Volumes space usage", volumeRows(usage), VOLUMES),
  ];
  return tables.join("\n");
}

function section(title: string, rows: readonly Row[], columns: Columns<Row>): string {
  return `${title}:\n\n${renderTable(columns, rows, DOCKER_WIDTH)}\n`;
}

const IMAGES: Columns<Row> = [
  ["repository", "REPOSITORY"],
  ["tag", "TAG"],
  ["id", "IMAGE ID"],
  ["created", "CREATED"],
  ["size", "SIZE"],
  ["shared", "SHARED SIZE"],
  ["unique", "UNIQUE SIZE"],
  ["containers", "CONTAINERS"],
];

function imageRows({ images }: DiskUsage, now: number): Row[] {
  return images.map((image) => {
    const { Repository, Tag } = image.name === undefined ? { Repository: NONE, Tag: NONE } : splitName(image.name);
    return {
      repository: Repository,
      tag: Tag,
      id: shortID(image.id),
      created: readableAge(image.created === undefined ? undefined : Date.parse(image.created), now),
      size: size(image.size),
      shared: size(image.shared),
      unique: size(image.size - image.shared),
      containers: String(image.containers),
    };
  });
}

const CONTAINERS: Columns<Row> = [
  ["id", "CONTAINER ID"],
  ["image", "IMAGE"],
  ["command", "COMMAND"],
  ["volumes", "LOCAL VOLUMES"],
  ["size", "SIZE"],
  ["created", "CREATED"],
  ["status", "STATUS"],
  ["names", "NAMES"],
];

function containerRows({ containers }: DiskUsage, now: number): Row[] {
  return containers.map((container) => {
    const options = { store: storeFolder(), whole: false, now, sizes: undefined };
    const field = (name: keyof typeof FIELDS) => String(FIELDS[name](container, options));
    return {
      id: field("ID"),
      image: field("Image"),
      command: field("Command"),
      volumes: field("LocalVolumes"),
      size: size(container.size),
      created: field("RunningFor"),
      status: field("Status"),
      names: field("Names"),
    };
  });
}

const VOLUMES: Columns<Row> = [
  ["name", "VOLUME NAME"],
  ["links", "LINKS"],
  ["size", "SIZE"],
];

function volumeRows({ volumes }: DiskUsage): Row[] {
  return volumes.map(({ volume, links, size: bytes }) => ({
    name: volume.name,
    links: String(links),
    size: size(bytes),
  }));
}

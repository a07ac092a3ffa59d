/** Quadlets to units. */
import { TsboxError } from "../../../error.ts";
import { reasonOf } from "../../../linux/errno.ts";
import { readText } from "../../../linux/read-text.ts";
import { statPath } from "../../../linux/stat.ts";
import { namesIn } from "../names-in.ts";
import { tsboxCommand } from "../service.ts";
import { renderUnit, sectionEntries, splitWords, type UnitText } from "../unit-file.ts";
import { containerSections } from "./container.ts";
import {
  CONTAINER_KEYS,
  IMAGE_KEYS,
  type KeyTable,
  KUBE_KEYS,
  lastValue,
  NETWORK_KEYS,
  POD_KEYS,
  VOLUME_KEYS,
  valuesOf,
} from "./keys.ts";
import { imageSections, kubeSections, networkSections, podSections, volumeSections } from "./others.ts";
import {
  defaultDependencies,
  type Quadlet,
  type QuadletKind,
  type Quadlets,
  quadletKind,
  readQuadlet,
  SECTIONS,
  serviceName,
} from "./quadlet.ts";

export { type Quadlet, type Quadlets, quadletKind, serviceName } from "./quadlet.ts";

export interface QuadletUnit {
  /** `web.service` */
  readonly file: string;
  readonly text: string;
  readonly source: string;
  /** Links beside the unit that `[Install]` asks for, by their path from its folder; each leads to the unit. */
  readonly links: readonly string[];
}

/** The first line of each unit, by which it is known to be ours. */
export const MARK = "made by tsbox quadlet from ";

const KINDS: Readonly<
  Record<QuadletKind, readonly [KeyTable, (quadlet: Quadlet, all: Quadlets, tsbox: readonly string[]) => UnitText]>
> = {
  container: [CONTAINER_KEYS, containerSections],
  volume: [VOLUME_KEYS, volumeSections],
  network: [NETWORK_KEYS, networkSections],
  pod: [POD_KEYS, podSections],
  kube: [KUBE_KEYS, kubeSections],
  image: [IMAGE_KEYS, imageSections],
};

/**
 * Where quadlets are looked for; what is found first counts.
 * @param env of the person, or of a generator of systemd
 */
export function quadletFolders(env: Readonly<Record<string, string | undefined>>, uid: number): readonly string[] {
  if (uid === 0) return ["/run/containers/systemd", "/etc/containers/systemd", "/usr/share/containers/systemd"];
  const home = env.XDG_CONFIG_HOME?.startsWith("/")
    ? env.XDG_CONFIG_HOME
    : env.HOME
      ? `${env.HOME}/.config`
      : undefined;
  const own = home === undefined ? [] : [`${home}/containers/systemd`, `${home}/tsbox/systemd`];
  return [...own, `/etc/containers/systemd/users/${uid}`, "/etc/containers/systemd/users"];
}

/**
 * The quadlets in folders and those below them, by file name. Folders need not be there.
 * @param levels how far below
 */
export function findQuadletFiles(folders: readonly string[], levels = 8): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const look = (folder: string, depth: number) => {
    for (const { name, kind } of listed(folder)) {
      const path = `${folder}/${name}`;
      if (quadletKind(name) !== undefined && kind !== "folder") {
        if (!found.has(name)) found.set(name, path);
      } else if (kind === "folder" && depth < levels && !name.endsWith(".d") && !/^\d+$/.test(name))
        look(path, depth + 1);
    }
  };
  for (const folder of folders) look(folder, 0);
  return found;
}

function listed(folder: string): { name: string; kind: "folder" | "file" }[] {
  return namesIn(folder).map((name) => {
    let isFolder = false;
    try {
      isFolder = statPath(`${folder}/${name}`).isFolder;
    } catch {
      // a link that leads nowhere: reading it says so
    }
    return { name, kind: isFolder ? "folder" : "file" };
  });
}

/** With its drop-ins: `web.container.d/*.conf` beside it. @throws TsboxError naming file and line */
export function loadQuadlet(path: string): Quadlet {
  const kind = quadletKind(path.slice(path.lastIndexOf("/") + 1));
  if (kind === undefined)
    throw new TsboxError(
      "usage",
      `cannot use ${path}: its name ends with none of .${Object.keys(SECTIONS).join(", .")}`,
    );
  const more = listed(`${path}.d`).filter(({ name }) => name.endsWith(".conf"));
  const paths = [path, ...more.map(({ name }) => `${path}.d/${name}`)];
  return readQuadlet(
    paths.map((each) => [each, readFile(each)] as const),
    KINDS[kind][0],
  );
}

function readFile(path: string): string {
  try {
    return readText(path);
  } catch (cause) {
    throw new TsboxError("not-found", `cannot read ${path}: ${reasonOf(cause)}`, { cause });
  }
}

/** @param all what it may name. @throws TsboxError naming file and line */
export function quadletUnit(quadlet: Quadlet, all: Quadlets, tsbox = tsboxCommand()): QuadletUnit {
  const file = serviceName(quadlet);
  const [[, unit] = ["", []], ...rest] = KINDS[quadlet.kind][1](quadlet, all, tsbox);
  const waits = defaultDependencies(quadlet);
  // a person's manager has no such target
  const online = waits && process.getuid?.() === 0 ? ["Wants", "After"] : [];
  const lines = [
    ...online.map((key) => `${key}=network-online.target`),
    ...unit,
    `SourcePath=${quadlet.path.replaceAll("%", "%%")}`,
  ];
  const text = renderUnit([`${MARK}${quadlet.path}`], [["Unit", lines], ...rest]);
  return { file, text, source: quadlet.path, links: installLinks(quadlet, file) };
}

/** What `systemctl enable` would make. */
function installLinks({ sections, name }: Quadlet, file: string): string[] {
  const entries = sectionEntries(sections, "Install");
  const words = (key: string) => valuesOf(entries, key).flatMap(splitWords);
  const instance = lastValue(entries, "DefaultInstance");
  // a template without an instance is started by nobody
  if (name.endsWith("@") && instance === undefined) return words("Alias");
  const unit = name.endsWith("@") ? file.replace("@.", `@${instance}.`) : file;
  const links = ["WantedBy", "RequiredBy", "UpheldBy"].flatMap((key) => {
    const folder = { WantedBy: "wants", RequiredBy: "requires", UpheldBy: "upholds" }[key];
    return words(key).map((target) => `${target}.${folder}/${unit}`);
  });
  return [...words("Alias"), ...links];
}

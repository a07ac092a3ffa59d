/** A quadlet: a file that says which container, volume, network, pod, image or YAML a unit of systemd is to be made of. */
import { TsboxError } from "../../../error.ts";
import { joinWords, literalWord, parseUnit, sectionEntries, type UnitEntry, type UnitSection } from "../unit-file.ts";
import { boolValue, checkKeys, type KeyTable, lastValue, valuesOf } from "./keys.ts";

export type QuadletKind = "container" | "volume" | "network" | "pod" | "kube" | "image";

export const SECTIONS: Readonly<Record<QuadletKind, string>> = {
  container: "Container",
  volume: "Volume",
  network: "Network",
  pod: "Pod",
  kube: "Kube",
  image: "Image",
};

export interface Quadlet {
  /** Absolute. */
  readonly path: string;
  /** `web.container` */
  readonly file: string;
  readonly kind: QuadletKind;
  /** `web`, or `web@` */
  readonly name: string;
  readonly sections: readonly UnitSection[];
  /** Of its own section. */
  readonly entries: readonly UnitEntry[];
}

/** All that are looked at together, by file name: they may name each other. */
export type Quadlets = ReadonlyMap<string, Quadlet>;

/** The kind of a file by its name; undefined for one that is no quadlet. */
export function quadletKind(file: string): QuadletKind | undefined {
  const ending = file.slice(file.lastIndexOf(".") + 1);
  return Object.hasOwn(SECTIONS, ending) && file.lastIndexOf(".") > 0 ? (ending as QuadletKind) : undefined; // cast: just looked
}

/**
 * @param texts the file's, and those of its drop-ins after it, each with its path
 * @throws TsboxError `invalid` or `unsupported` naming file and line
 */
export function readQuadlet(texts: readonly (readonly [path: string, text: string])[], table: KeyTable): Quadlet {
  const path = texts[0]?.[0] ?? "";
  const file = path.slice(path.lastIndexOf("/") + 1);
  const kind = quadletKind(file);
  if (kind === undefined)
    throw new TsboxError(
      "usage",
      `cannot use ${path}: its name ends with none of .${Object.keys(SECTIONS).join(", .")}`,
    );
  const sections = texts.flatMap(([at, text]) => parseUnit(text, at));
  const section = SECTIONS[kind];
  if (!sections.some(({ name }) => name === section))
    throw new TsboxError("invalid", `cannot use ${path}: it has no section [${section}]`);
  const entries = sectionEntries(sections, section);
  checkKeys(entries, table, section);
  for (const other of Object.values(SECTIONS)) {
    const [stray] = other === section ? [] : sectionEntries(sections, other);
    if (stray !== undefined)
      throw new TsboxError("invalid", `cannot use ${stray.place}: [${other}] is not for a file named ${file}`);
  }
  return { path, file, kind, name: file.slice(0, file.lastIndexOf(".")), sections, entries };
}

/** The unit's name, with `.service`. */
export function serviceName({ kind, name, entries }: Quadlet): string {
  const given = lastValue(entries, "ServiceName");
  if (given !== undefined) return `${given}.service`;
  return kind === "container" || kind === "kube" ? `${name}.service` : `${name}-${kind}.service`;
}

const NAME_KEYS: Partial<Record<QuadletKind, string>> = {
  container: "ContainerName",
  volume: "VolumeName",
  network: "NetworkName",
  pod: "PodName",
};

/** What the unit makes is called so. Within the unit itself specifiers are right, from others' it is written out. */
export function resourceName({ kind, name, entries, path }: Quadlet, within: boolean): string {
  const given = lastValue(entries, NAME_KEYS[kind] ?? "");
  if (given !== undefined) {
    if (within || !given.includes("%")) return given;
    throw new TsboxError("unsupported", `cannot refer to ${path}: its name ${given} depends on its unit`);
  }
  if (kind === "container" && name.endsWith("@")) return "systemd-%p_%i";
  return `systemd-${name}`;
}

/** What a unit needs of others: lines of `[Unit]`. */
export interface Needs {
  readonly lines: string[];
}

/**
 * Another quadlet, from which a value is.
 * @throws TsboxError when it is not there
 */
export function findQuadlet(quadlets: Quadlets, file: string, { place }: Pick<UnitEntry, "place">): Quadlet {
  const found = quadlets.get(file);
  if (found !== undefined) return found;
  throw new TsboxError("not-found", `cannot use ${place}: there is no quadlet ${file}`);
}

export function need(needs: Needs, quadlet: Quadlet, how = "Requires"): void {
  const service = serviceName(quadlet);
  for (const line of [`${how}=${service}`, `After=${service}`]) if (!needs.lines.includes(line)) needs.lines.push(line);
}

/** A path of a value: one that begins with a dot is from the quadlet's folder. */
export function pathFrom({ path }: Quadlet, text: string, always = false): string {
  if (!(text.startsWith(".") || (always && !text.startsWith("/") && !text.startsWith("%")))) return text;
  const folder = path.slice(0, path.lastIndexOf("/"));
  return `${folder.replaceAll("%", "%%")}/${text.replace(/^(?:\.\/)+/, "")}`.replace(/\/\.$/, "");
}

/** Lines of a section of the person's own, as they are. */
export function ownLines({ sections }: Quadlet, section: string): string[] {
  return sectionEntries(sections, section).map(({ key, value }) => `${key}=${value}`);
}

/** A line of ours, unless the person has one of that key. */
export function unlessGiven({ sections }: Quadlet, section: string, line: string): string | undefined {
  const key = line.slice(0, line.indexOf("="));
  return sectionEntries(sections, section).some((entry) => entry.key === key) ? undefined : line;
}

export function globalArguments(quadlet: Quadlet): string[] {
  return valuesOf(quadlet.entries, "GlobalArgs").flatMap(({ value }) => value.split(/\s+/));
}

/** A command line of tsbox for the unit of a quadlet. */
export function commandLine(tsbox: readonly string[], quadlet: Quadlet, words: readonly string[]): string {
  return joinWords([...tsbox.map(literalWord), ...globalArguments(quadlet), ...words]);
}

/** `[Quadlet] DefaultDependencies=`: whether it waits for the network. */
export function defaultDependencies({ sections }: Quadlet): boolean {
  const entries = sectionEntries(sections, "Quadlet");
  const stray = entries.find(({ key }) => key !== "DefaultDependencies");
  if (stray !== undefined)
    throw new TsboxError("invalid", `cannot use ${stray.place}: there is no key ${stray.key} in [Quadlet]`);
  return boolValue(entries, "DefaultDependencies") ?? true;
}

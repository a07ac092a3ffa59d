/** `volumes` of a pod, and `volumeMounts` of its containers. */
import type { KubeFile } from "./documents.ts";
import { find } from "./environment.ts";
import type { Fields } from "./fields.ts";
import { bytes } from "./quantity.ts";

export interface VolumeFile {
  /** Below the place where it is mounted. */
  readonly path: string;
  readonly content: Uint8Array;
  readonly mode: number;
  readonly key: string;
}

export type KubeVolume =
  | { readonly kind: "hostPath"; readonly path: string; readonly type: string; readonly field: string }
  | { readonly kind: "empty"; readonly memory: boolean; readonly size: number | undefined }
  | { readonly kind: "configMap" | "secret"; readonly name: string; readonly files: readonly VolumeFile[] }
  | { readonly kind: "claim"; readonly name: string; readonly readOnly: boolean };

const HOST_PATH_TYPES = [
  "",
  "DirectoryOrCreate",
  "Directory",
  "FileOrCreate",
  "File",
  "Socket",
  "CharDevice",
  "BlockDevice",
] as const;

/** @throws TsboxError naming the field */
export function readVolumes(
  spec: Fields,
  sources: Pick<KubeFile, "configMaps" | "secrets">,
): ReadonlyMap<string, KubeVolume> {
  const volumes = new Map<string, KubeVolume>();
  for (const fields of spec.objects("volumes")) {
    const name = fields.requiredText("name");
    if (volumes.has(name)) throw fields.fail("name", "there are two of that name");
    // of no size and no medium: an empty object is an empty folder
    const volume =
      readHostPath(fields) ?? readFiles(fields, sources) ?? readClaim(fields) ?? readEmpty(fields) ?? undefined;
    fields.end();
    if (volume === undefined) throw fields.fail(undefined, "it does not say what it is");
    volumes.set(name, volume);
  }
  return volumes;
}

function readHostPath(fields: Fields): KubeVolume | undefined {
  const host = fields.object("hostPath");
  if (host === undefined) return undefined;
  const path = host.requiredText("path");
  if (!path.startsWith("/")) throw host.fail("path", `${JSON.stringify(path)} is not an absolute path`);
  const type = host.oneOf("type", HOST_PATH_TYPES) ?? "";
  host.end();
  return { kind: "hostPath", path, type, field: host.pathOf("path") };
}

function readEmpty(fields: Fields): KubeVolume | undefined {
  const empty = fields.object("emptyDir");
  if (empty === undefined) return undefined;
  const memory = empty.oneOf("medium", ["", "Memory"]) === "Memory";
  const size = bytes(empty, "sizeLimit");
  empty.end();
  if (size !== undefined && !memory)
    throw empty.fail("sizeLimit", "not built yet without medium: Memory", "unsupported");
  return { kind: "empty", memory, size };
}

function readClaim(fields: Fields): KubeVolume | undefined {
  const claim = fields.object("persistentVolumeClaim");
  if (claim === undefined) return undefined;
  const name = claim.requiredText("claimName");
  const readOnly = claim.flag("readOnly") === true;
  claim.end();
  return { kind: "claim", name, readOnly };
}

function readFiles(
  fields: Fields,
  { configMaps, secrets }: Pick<KubeFile, "configMaps" | "secrets">,
): KubeVolume | undefined {
  for (const [kind, nameKey, map] of [
    ["configMap", "name", configMaps],
    ["secret", "secretName", secrets],
  ] as const) {
    const source = fields.object(kind);
    if (source === undefined) continue;
    const data = find(source, nameKey, map)?.data ?? new Map<string, Uint8Array>();
    const mode = source.number("defaultMode") ?? 0o644;
    const items = source.objects("items");
    const files = items.map((item): VolumeFile => {
      const key = item.requiredText("key");
      const path = item.requiredText("path");
      const content = data.get(key);
      if (content === undefined) throw item.fail("key", `there is no key ${JSON.stringify(key)}`, "not-found");
      if (!isBelow(path)) throw item.fail("path", `${JSON.stringify(path)} is not a path within the volume`);
      const own = item.number("mode") ?? mode;
      item.end();
      return { path, content, mode: own, key };
    });
    const name = source.text(nameKey) ?? "";
    source.end();
    const all = [...data].map(([key, content]): VolumeFile => ({ path: key, content, mode, key }));
    return { kind, name, files: items.length > 0 ? files : all };
  }
  return undefined;
}

export function isBelow(path: string): boolean {
  return path !== "" && !path.startsWith("/") && !path.split("/").includes("..");
}

export interface VolumeMountWish {
  readonly volume: string;
  readonly destination: string;
  readonly readOnly: boolean;
  readonly subpath: string | undefined;
  /** Where it is said, for messages. */
  readonly field: string;
}

export function readMounts(container: Fields, volumes: ReadonlyMap<string, KubeVolume>): VolumeMountWish[] {
  return container.objects("volumeMounts").map((fields) => {
    const volume = fields.requiredText("name");
    const found = volumes.get(volume);
    if (found === undefined) throw fields.fail("name", `the pod has no volume ${JSON.stringify(volume)}`, "not-found");
    const destination = fields.requiredText("mountPath");
    if (!destination.startsWith("/") || destination.split("/").includes(".."))
      throw fields.fail("mountPath", `${JSON.stringify(destination)} is not an absolute path`);
    const subpath = fields.text("subPath") || undefined;
    if (subpath !== undefined && !isBelow(subpath))
      throw fields.fail("subPath", `${JSON.stringify(subpath)} is not a path within the volume`);
    // a container that writes there could make it a link to anywhere on the host (CVE-2017-1002101)
    if (subpath !== undefined && (found.kind === "hostPath" || (found.kind === "empty" && found.memory)))
      throw fields.fail(
        "subPath",
        "not built yet for this kind of volume; name the folder in the volume",
        "unsupported",
      );
    fields.accept({ mountPropagation: ["None"] });
    const readOnly = fields.flag("readOnly") === true;
    fields.end();
    const clean = `/${destination
      .split("/")
      .filter((part) => part !== "" && part !== ".")
      .join("/")}`;
    return { volume, destination: clean, readOnly, subpath, field: fields.path };
  });
}

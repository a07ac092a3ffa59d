/** The volumes of a pod that is made: folders, files, volumes and secrets of its own. */
import { writeFileSync } from "node:fs";
import { TsboxError } from "../../error.ts";
import { AT_FDCWD, SYS } from "../../linux/abi.gen.ts";
import { check } from "../../linux/errno.ts";
import { type Stat, statIfPresent } from "../../linux/stat.ts";
import { cstring, syscall } from "../../linux/syscall.ts";
import { makeFolders, writeText } from "../../linux/write-text.ts";
import { POD_LABEL } from "../pods/belongings.ts";
import { type PodRecord, podFolder } from "../pods/folder.ts";
import { createSecret } from "../secrets/index.ts";
import { bindOptions } from "../spec/mount-flags.ts";
import type { MountRequest } from "../spec/options.ts";
import type { SecretRequest } from "../spec/secret-flag.ts";
import { createVolume, requireVolume, volumeData } from "../volumes/index.ts";
import type { KubeContainer } from "./container.ts";
import type { KubePod } from "./pod-spec.ts";
import type { KubeVolume, VolumeMountWish } from "./volumes.ts";

/** Labels of a secret that was made of a key of a Secret. */
export const SECRET_LABEL = "io.tsbox.secret";
export const KEY_LABEL = "io.tsbox.key";

function chmod(path: string, mode: number): void {
  // whatever the caller's mask
  check("fchmodat", syscall(SYS.fchmodat, AT_FDCWD, cstring(path), mode), path);
}

/** Of an emptyDir. */
export function emptyName(pod: Pick<PodRecord, "id">, volume: string): string {
  return `${pod.id.slice(0, 12)}-${volume}`;
}

function secretName(pod: PodRecord, name: string, key: string): string {
  return `${pod.id.slice(0, 12)}-${name}-${key}`;
}

/** Makes what the volumes of a pod stand for. @throws TsboxError */
export function placeVolumes(store: string, record: PodRecord, pod: KubePod): void {
  // also the mark that the pod has belongings
  makeFolders(`${podFolder(store, record.id)}/files`, 0o700);
  for (const [name, volume] of pod.volumes) {
    if (volume.kind === "hostPath") placeHostPath(volume);
    else if (volume.kind === "empty" && !volume.memory) {
      const wanted = { name: emptyName(record, name), labels: { [POD_LABEL]: record.id } };
      createVolume(store, wanted);
      chmod(volumeData(store, requireVolume(store, wanted.name)), 0o777);
    } else if (volume.kind === "configMap") {
      const folder = filesFolder(store, record, name);
      makeFolders(folder);
      chmod(folder, 0o755);
      for (const { path, content, mode } of volume.files) {
        makeFolders(`${folder}/${path}`.replace(/\/[^/]*$/, ""));
        writeFileSync(`${folder}/${path}`, content);
        chmod(`${folder}/${path}`, mode);
      }
    } else if (volume.kind === "claim") createVolume(store, { name: volume.name });
  }
}

export function filesFolder(store: string, { id }: Pick<PodRecord, "id">, volume: string): string {
  return `${podFolder(store, id)}/files/${volume}`;
}

const KINDS: Readonly<Record<string, (stat: Stat) => boolean>> = {
  Directory: ({ isFolder }) => isFolder,
  DirectoryOrCreate: ({ isFolder }) => isFolder,
  File: ({ mode }) => (mode & 0o170000) === 0o100000,
  FileOrCreate: ({ mode }) => (mode & 0o170000) === 0o100000,
  Socket: ({ mode }) => (mode & 0o170000) === 0o140000,
  CharDevice: ({ mode }) => (mode & 0o170000) === 0o020000,
  BlockDevice: ({ mode }) => (mode & 0o170000) === 0o060000,
};

function placeHostPath({ path, type, field }: Extract<KubeVolume, { kind: "hostPath" }>): void {
  const stat = statIfPresent(path);
  if (stat === undefined && type === "DirectoryOrCreate") {
    makeFolders(path);
    return;
  }
  // Kubernetes makes the file, and not its folder
  if (stat === undefined && type === "FileOrCreate") {
    writeText(path, "", { exclusive: true });
    return;
  }
  if (stat === undefined)
    throw new TsboxError("not-found", `cannot use ${field}: ${path}: no such file or folder on the host`);
  if (type !== "" && KINDS[type]?.(stat) !== true)
    throw new TsboxError("invalid", `cannot use ${field}: ${path} is not what its type says (${type})`);
}

export interface PlacedContainer {
  readonly mounts: readonly MountRequest[];
  readonly secrets: readonly SecretRequest[];
}

/** What a container mounts; secrets that it reads are made. */
export function placeContainer(
  store: string,
  record: PodRecord,
  pod: KubePod,
  container: KubeContainer,
): PlacedContainer {
  const mounts: MountRequest[] = [];
  const secrets: SecretRequest[] = [];
  const secret = (name: string, key: string, value: Uint8Array): string => {
    const full = secretName(record, name, key);
    const labels = { [POD_LABEL]: record.id, [SECRET_LABEL]: name, [KEY_LABEL]: key };
    createSecret(store, { name: full, labels, value, replace: true });
    return full;
  };
  const none = { uid: undefined, gid: undefined };
  for (const [target, variable] of container.variables) {
    if ("plain" in variable) continue;
    const { name, key, value } = variable.secret;
    const flag = `env of ${container.name}`;
    secrets.push({ secret: secret(name, key, value), type: "env", target, ...none, mode: 0o400, flag });
  }
  for (const wish of container.mounts) {
    const volume = pod.volumes.get(wish.volume);
    if (volume === undefined) continue;
    if (volume.kind !== "secret") {
      mounts.push(mountOf(store, record, volume, wish));
      continue;
    }
    for (const { path, content, mode, key } of volume.files) {
      if (wish.subpath !== undefined && wish.subpath !== path) continue;
      if (content.length === 0)
        throw new TsboxError("unsupported", `cannot mount Secret ${volume.name}: ${key} is empty: not built yet`);
      const target = wish.subpath === undefined ? `${wish.destination}/${path}` : wish.destination;
      secrets.push({
        secret: secret(volume.name, key, content),
        type: "mount",
        target,
        ...none,
        mode,
        flag: wish.field,
      });
    }
  }
  return { mounts, secrets };
}

function mountOf(store: string, record: PodRecord, volume: KubeVolume, wish: VolumeMountWish): MountRequest {
  const { destination, field: flag, subpath } = wish;
  if (volume.kind === "empty" && volume.memory) {
    const size = volume.size === undefined ? [] : [`size=${volume.size}`];
    const access = wish.readOnly ? ["ro"] : [];
    return { type: "tmpfs", destination, options: ["nosuid", "nodev", "mode=1777", ...size, ...access], flag };
  }
  const readOnly = wish.readOnly || volume.kind === "configMap" || (volume.kind === "claim" && volume.readOnly);
  const access = readOnly ? ["ro"] : [];
  if (volume.kind === "hostPath")
    return { type: "bind", source: volume.path, destination, ...bindOptions(access, flag, "bind"), flag };
  if (volume.kind === "configMap") {
    const folder = filesFolder(store, record, wish.volume);
    const source = subpath === undefined ? folder : `${folder}/${subpath}`;
    return { type: "bind", source, destination, ...bindOptions(access, flag, "bind"), flag };
  }
  const source = volume.kind === "claim" ? volume.name : emptyName(record, wish.volume);
  return {
    type: "volume",
    source,
    destination,
    ...bindOptions(access, flag, "volume"),
    ...(volume.kind === "empty" ? { noCopy: true } : {}),
    ...(subpath === undefined ? {} : { subpath }),
    flag,
  };
}

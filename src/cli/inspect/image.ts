/** An image in the words of Docker's API (ImageInspect). */

import { TsboxError } from "../../error.ts";
import { findListed, type ListedImage, listImages } from "../../image/index.ts";
import { parsePlatform } from "../../oci/index.ts";
import { openStore, readImage } from "../../store/index.ts";
import { mapOf } from "../format/values.ts";
import { splitName } from "../image-name.ts";
import type { Inspected } from "./kinds.ts";

/** @throws TsboxError `not-found`; `usage` when several images' ids begin so */
export async function inspectImage(root: string, operand: string): Promise<Inspected> {
  const store = openStore(root);
  const images = listImages(store);
  const found = findListed(images, operand, "inspect")[0];
  if (found === undefined) throw new TsboxError("not-found", `cannot find image ${JSON.stringify(operand)}`);
  const { id, digest, size, created, platform } = found;
  const top = store.index.read().manifests.find((entry) => entry.digest === digest);
  const image = top === undefined ? undefined : readImage(store, top, parsePlatform(platform), operand);
  if (image === undefined) throw new TsboxError("not-found", `cannot find image ${JSON.stringify(operand)}`);
  const { config } = image;
  const named = images.filter((other) => other.id === id);
  return {
    Id: id,
    RepoTags: unique(named.flatMap(tagOf)),
    RepoDigests: unique(named.flatMap(digestOf)),
    Parent: "",
    Comment: config.history?.at(-1)?.comment ?? "",
    Created: created ?? "",
    DockerVersion: "",
    Author: config.author ?? "",
    Config: configOf({ ...config.config }),
    Architecture: config.architecture,
    ...(config.variant === undefined ? {} : { Variant: config.variant }),
    Os: config.os,
    Size: size,
    GraphDriver: { Name: "overlay", Data: null },
    RootFS: { Type: config.rootfs.type, Layers: config.rootfs.diff_ids },
    Metadata: { LastTagTime: "0001-01-01T00:00:00Z" },
  };
}

/** As the image has it, labels and the like as maps, and what a template may ask for though the image has it not. */
function configOf(config: Readonly<Record<string, unknown>>): Inspected {
  const map = (value: unknown) =>
    typeof value === "object" && value !== null ? mapOf(value as Readonly<Record<string, unknown>>) : value; // cast: it is an object
  return {
    User: "",
    ExposedPorts: undefined,
    Env: null,
    Cmd: null,
    Entrypoint: null,
    WorkingDir: "",
    StopSignal: undefined,
    Healthcheck: undefined,
    ...config,
    Labels: map(config.Labels ?? null),
    Volumes: map(config.Volumes ?? undefined),
    ...(config.ExposedPorts === undefined ? {} : { ExposedPorts: map(config.ExposedPorts) }),
  };
}

function unique(texts: readonly string[]): string[] {
  return [...new Set(texts)];
}

function tagOf({ name }: ListedImage): string[] {
  if (name === undefined) return [];
  const { Repository, Tag } = splitName(name);
  return Tag === "<none>" ? [] : [`${Repository}:${Tag}`];
}

/** Only what came from a registry has a digest there. */
function digestOf({ name, digest }: ListedImage): string[] {
  if (name === undefined || /^(oci|oci-archive|docker-archive):/.test(name)) return [];
  return [`${splitName(name).Repository}@${digest}`];
}

/**
 * `docker-archive:FILE[:REF]`: what `docker save` writes. Its `manifest.json` lists images as a configuration and layers, mostly
 * uncompressed, by their names in the archive; an OCI manifest is made of that, always the same for the same archive.
 */
import * as v from "valibot";
import { TsboxError } from "../error.ts";
import {
  CONFIG,
  type Descriptor,
  type Digest,
  DOCUMENT_LIMIT,
  digestHex,
  type ImageSource,
  LAYER,
  MANIFEST,
  parseImageConfig,
  parseReference,
  referenceName,
  sha256Of,
  verifyBytes,
} from "../oci/index.ts";
import { Archive, sniffCompression } from "./archive.ts";
import type { Member } from "./tar-index.ts";

const LIST = "manifest.json";

const listSchema = v.array(
  v.looseObject({ Config: v.string(), RepoTags: v.nullish(v.array(v.string())), Layers: v.array(v.string()) }),
);
type SavedImage = v.InferOutput<typeof listSchema>[number];

async function readList(archive: Archive, name: string): Promise<SavedImage[]> {
  const hint = archive.find("oci-layout") === undefined ? "" : "; it is an image layout, for oci-archive:";
  const bytes = await archive.read(LIST, DOCUMENT_LIMIT, `there is no ${LIST} in it${hint}`);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new TsboxError("invalid", `cannot use ${name}: its ${LIST} is not JSON`, { cause });
  }
  const result = v.safeParse(listSchema, value, { abortEarly: true });
  if (result.success) return result.output;
  const where = v.getDotPath(result.issues[0]) ?? "it";
  throw new TsboxError("invalid", `cannot use ${name}: ${where} in its ${LIST} is not what docker save writes`);
}

/** Docker writes `alpine:3.20`, other programs the whole name; both are the same. */
function canonical(reference: string): string {
  try {
    return referenceName(parseReference(reference));
  } catch {
    return reference;
  }
}

function pick(images: readonly SavedImage[], name: string, tag: string | undefined): SavedImage {
  const tags = images.flatMap(({ RepoTags }) => RepoTags ?? []);
  if (tag === undefined) {
    const [only, ...others] = images;
    if (only !== undefined && others.length === 0) return only;
    if (only === undefined) throw new TsboxError("not-found", `cannot use ${name}: the archive has no image`);
    const choice = tags.length === 0 ? "none has a name" : `name one of ${tags.join(", ")}`;
    throw new TsboxError("usage", `cannot use ${name}: it has ${images.length} images; ${choice}`);
  }
  // skopeo's way to name one by its place
  const found = /^@\d+$/.test(tag)
    ? images[Number(tag.slice(1))]
    : images.find(({ RepoTags }) => RepoTags?.some((own) => canonical(own) === canonical(tag)));
  if (found !== undefined) return found;
  const there = tags.length === 0 ? "none has a name" : `there is ${tags.join(", ")}`;
  throw new TsboxError("not-found", `cannot use ${name}: no image is named ${JSON.stringify(tag)}; ${there}`);
}

class DockerArchiveSource implements ImageSource {
  readonly name: string;
  readonly #archive: Archive;
  readonly #tag: string | undefined;
  /** Names in the archive. */
  readonly #blobs = new Map<Digest, string>();

  constructor(name: string, archive: Archive, tag: string | undefined) {
    this.name = name;
    this.#archive = archive;
    this.#tag = tag;
  }

  async resolve() {
    const image = pick(await readList(this.#archive, this.name), this.name, this.#tag);
    const configBytes = await this.#document(image.Config);
    const { diff_ids: diffIDs } = parseImageConfig(configBytes, `the configuration of ${this.name}`).rootfs;
    const config = { mediaType: CONFIG, digest: sha256Of(configBytes), size: configBytes.length };
    // docker names it so; other names say nothing about its content
    const claimed = /(?:^|\/)([0-9a-f]{64})(?:\.json)?$/.exec(image.Config)?.[1];
    if (claimed !== undefined && claimed !== digestHex(config.digest)) {
      const what = `the configuration ${image.Config} of ${this.name}`;
      throw new TsboxError("integrity", `cannot use ${what}: its digest is ${config.digest}`);
    }
    this.#blobs.set(config.digest, image.Config);
    if (diffIDs.length !== image.Layers.length) {
      throw new TsboxError(
        "invalid",
        `cannot use ${this.name}: its ${LIST} has ${image.Layers.length} layers, but its configuration ${diffIDs.length}`,
      );
    }
    const layers: Descriptor[] = [];
    for (const [index, diffID] of diffIDs.entries()) {
      const member = image.Layers[index] ?? "";
      const layer = await this.#describeLayer(member, diffID);
      this.#blobs.set(layer.digest, member);
      layers.push(layer);
    }
    const bytes = new TextEncoder().encode(JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST, config, layers }));
    return { descriptor: { mediaType: MANIFEST, digest: sha256Of(bytes), size: bytes.length }, bytes };
  }

  /** An uncompressed layer has the digest that the configuration says; whoever stores it verifies that. */
  async #describeLayer(path: string, diffID: Digest): Promise<Descriptor> {
    const member = this.#require(path);
    const start = await this.#archive.start(member, 8);
    const compression = sniffCompression(start, `${path} of ${this.name}`);
    const { size } = member;
    if (compression === "none") return { mediaType: LAYER, digest: diffID, size };
    const hash = new Bun.CryptoHasher("sha256");
    for await (const chunk of this.#archive.slices(member, 0)) hash.update(chunk);
    const digest = `sha256:${hash.digest("hex")}` as Digest; // cast: made here
    return { mediaType: `${LAYER}+${compression}`, digest, size };
  }

  #require(path: string): Member {
    const member = this.#archive.find(path);
    if (member !== undefined) return member;
    throw new TsboxError("not-found", `cannot use ${this.name}: ${JSON.stringify(path)} is missing in it`);
  }

  #path({ digest }: Descriptor): string {
    const path = this.#blobs.get(digest);
    if (path !== undefined) return path;
    throw new TsboxError("not-found", `cannot use ${this.name}: ${digest} is missing in it`);
  }

  #document(path: string): Promise<Uint8Array> {
    return this.#archive.read(path, DOCUMENT_LIMIT, `${JSON.stringify(path)} is missing in it`);
  }

  async fetch(descriptor: Descriptor): Promise<Uint8Array> {
    const bytes = await this.#document(this.#path(descriptor));
    verifyBytes(bytes, descriptor, `${descriptor.digest} of ${this.name}`);
    return bytes;
  }

  async open(descriptor: Descriptor, offset: number): Promise<AsyncIterable<Uint8Array>> {
    return this.#archive.slices(this.#require(this.#path(descriptor)), offset);
  }

  async close(): Promise<void> {
    await this.#archive[Symbol.asyncDispose]();
  }
}

/**
 * @param tag a reference of the archive's `RepoTags`, or `@N`
 * @param scratch an existing folder, for an archive that is compressed
 * @throws TsboxError when the file cannot be read or is no archive
 */
export async function dockerArchiveSource(
  path: string,
  tag: string | undefined,
  scratch: string,
): Promise<ImageSource> {
  const name = `docker-archive:${path}${tag === undefined ? "" : `:${tag}`}`;
  return new DockerArchiveSource(name, await Archive.open(path, name, scratch), tag);
}

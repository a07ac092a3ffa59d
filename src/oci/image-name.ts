/** Where an image is, as people name it: a registry's reference, or a transport and a path as skopeo has them. */
import { TsboxError } from "../error.ts";
import { parseReference, type Reference, referenceName } from "./reference.ts";

export type ImageName =
  | { readonly transport: "docker"; readonly reference: Reference }
  /** A layout folder, or a tar of one. The tag is the annotation `org.opencontainers.image.ref.name`. */
  | { readonly transport: "oci" | "oci-archive"; readonly path: string; readonly tag: string | undefined }
  /** What `docker save` writes. */
  | { readonly transport: "docker-archive"; readonly path: string; readonly tag: string | undefined };

const UNSUPPORTED = ["docker-daemon", "containers-storage", "dir", "tarball", "ostree", "sif", "atomic"];

/** @throws TsboxError `usage` for what is no name, `unsupported` for a transport that tsbox does not have */
export function parseImageName(text: string): ImageName {
  const colon = text.indexOf(":");
  const scheme = colon < 0 ? "" : text.slice(0, colon);
  const rest = text.slice(colon + 1);
  if (scheme === "docker" && rest.startsWith("//"))
    return { transport: "docker", reference: parseReference(rest.slice(2)) };
  if (scheme === "oci" || scheme === "oci-archive" || scheme === "docker-archive") {
    const at = rest.indexOf(":");
    const path = at < 0 ? rest : rest.slice(0, at);
    const tag = at < 0 ? undefined : rest.slice(at + 1);
    if (path === "")
      throw new TsboxError("usage", `cannot use image name ${JSON.stringify(text)}: the path is missing`);
    if (tag === "")
      throw new TsboxError("usage", `cannot use image name ${JSON.stringify(text)}: the name after the path is empty`);
    return { transport: scheme, path, tag };
  }
  // `dir:5000/x` is a host with a port
  if (UNSUPPORTED.includes(scheme) && !/^\d+(\/|$)/.test(rest)) {
    throw new TsboxError(
      "unsupported",
      `cannot use image name ${JSON.stringify(text)}: tsbox has no transport "${scheme}"; it has docker, oci, oci-archive and docker-archive`,
    );
  }
  return { transport: "docker", reference: parseReference(text) };
}

/** One canonical text for each image name: what the store files it under, and what messages call it. */
export function imageNameText(name: ImageName): string {
  if (name.transport === "docker") return referenceName(name.reference);
  return `${name.transport}:${name.path}${name.tag === undefined ? "" : `:${name.tag}`}`;
}

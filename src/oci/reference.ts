/** Image references as Docker users write them: the grammar of distribution/reference. */
import { TsboxError } from "../error.ts";
import { type Digest, isDigest } from "./digest.ts";

export interface Reference {
  /** `docker.io`, `ghcr.io`, `localhost:5000`. */
  readonly registry: string;
  /** `library/alpine`. */
  readonly repository: string;
  /** `latest` where neither tag nor digest was given; undefined with a digest alone. */
  readonly tag: string | undefined;
  readonly digest: Digest | undefined;
}

const DOMAIN_COMPONENT = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])";
const DOMAIN = new RegExp(`^(?:${DOMAIN_COMPONENT}(?:\\.${DOMAIN_COMPONENT})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?$`);
const PATH_COMPONENT = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
const PATH = new RegExp(`^${PATH_COMPONENT}(?:/${PATH_COMPONENT})*$`);
const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
const NAME_LIMIT = 255;

function invalid(text: string, reason: string): TsboxError {
  return new TsboxError("usage", `cannot use image name ${JSON.stringify(text)}: ${reason}`);
}

/** The first part is a registry when it looks like a host; otherwise the image is Docker Hub's. */
function splitRegistry(name: string): [registry: string, rest: string] {
  const slash = name.indexOf("/");
  const first = slash < 0 ? "" : name.slice(0, slash);
  const isHost = /[.:]/.test(first) || first === "localhost" || first !== first.toLowerCase();
  return isHost ? [first, name.slice(slash + 1)] : ["docker.io", name];
}

/**
 * @param text `alpine`, `alpine:3.20`, `ghcr.io/a/b@sha256:...`, `localhost:5000/x:tag@sha256:...`
 * @throws TsboxError `usage` saying what is wrong
 */
export function parseReference(text: string): Reference {
  if (text === "") throw invalid(text, "it is empty");
  const at = text.indexOf("@");
  const digest = at < 0 ? undefined : text.slice(at + 1);
  if (digest !== undefined && !isDigest(digest))
    throw invalid(text, `${JSON.stringify(digest)} is not a sha256 or sha512 digest`);
  const named = at < 0 ? text : text.slice(0, at);
  const colon = named.indexOf(":", named.lastIndexOf("/") + 1);
  const tag = colon < 0 ? undefined : named.slice(colon + 1);
  if (tag !== undefined && !TAG.test(tag)) throw invalid(text, `${JSON.stringify(tag)} is not a tag`);
  const name = colon < 0 ? named : named.slice(0, colon);
  if (/^[a-f0-9]{64}$/.test(name)) throw invalid(text, "64 hexadecimal digits are an id, not a name");
  const [host, path] = splitRegistry(name);
  const registry = host === "index.docker.io" || host === "registry-1.docker.io" ? "docker.io" : host;
  if (!DOMAIN.test(registry)) throw invalid(text, `${JSON.stringify(registry)} is not a registry's host name`);
  const repository = registry === "docker.io" && path !== "" && !path.includes("/") ? `library/${path}` : path;
  if (!PATH.test(repository)) {
    const reason = /[A-Z]/.test(repository)
      ? "a repository's name is lower case"
      : `${JSON.stringify(path)} is not a repository's name`;
    throw invalid(text, reason);
  }
  if (registry.length + 1 + repository.length > NAME_LIMIT)
    throw invalid(text, `a name has at most ${NAME_LIMIT} characters`);
  return { registry, repository, tag: tag ?? (digest === undefined ? "latest" : undefined), digest };
}

/** The whole name, with nothing left out: `docker.io/library/alpine:latest`. */
export function referenceName({ registry, repository, tag, digest }: Reference): string {
  return `${registry}/${repository}${tag === undefined ? "" : `:${tag}`}${digest === undefined ? "" : `@${digest}`}`;
}

/** As people know it: `alpine:latest`, `someone/thing:1`, `ghcr.io/a/b:c`; without tag and digest with `bare`. */
export function familiarName(reference: Reference, bare = false): string {
  const { registry, repository, tag, digest } = reference;
  let name = registry === "docker.io" ? repository.replace(/^library\/(?=[^/]+$)/, "") : `${registry}/${repository}`;
  // a first part that looks like a host would be read as one
  if (registry === "docker.io" && splitRegistry(name)[0] !== "docker.io") name = `docker.io/${repository}`;
  if (bare) return name;
  return `${name}${tag === undefined ? "" : `:${tag}`}${digest === undefined ? "" : `@${digest}`}`;
}

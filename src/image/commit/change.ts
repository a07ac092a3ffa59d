/** `commit --change`: an instruction of a Dockerfile that changes an image's configuration. */
import { TsboxError } from "../../error.ts";
import type { ContainerDefaults } from "../../oci/index.ts";
import { changeHealthcheck } from "./healthcheck.ts";
import { splitWords } from "./words.ts";

type Change = (config: ContainerDefaults, rest: string, words: (text: string) => string[]) => ContainerDefaults;

const SHELL = ["/bin/sh", "-c"];

/** `["a", "b"]`; undefined when it is not that, which is then for the shell. */
export function execForm(text: string): string[] | undefined {
  if (!text.startsWith("[")) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) && value.every((item) => typeof item === "string") ? value : undefined;
  } catch {
    return undefined;
  }
}

function command(rest: string, config: ContainerDefaults): string[] {
  return execForm(rest) ?? [...(config.Shell ?? SHELL), rest];
}

const CHANGES: Readonly<Record<string, Change>> = {
  CMD: (config, rest) => ({ ...config, Cmd: command(rest, config) }),
  // as Docker: a Cmd that was meant for another entrypoint goes
  ENTRYPOINT: (config, rest) => ({ ...config, Entrypoint: command(rest, config), Cmd: null }),
  ENV: (config, rest, words) => {
    const names = new Map((config.Env ?? []).map((entry) => [entry.split("=", 1)[0] ?? "", entry]));
    for (const [name, value] of pairs("ENV", rest, words)) names.set(name, `${name}=${value}`);
    return { ...config, Env: [...names.values()] };
  },
  LABEL: (config, rest, words) => ({
    ...config,
    Labels: { ...config.Labels, ...Object.fromEntries(pairs("LABEL", rest, words)) },
  }),
  EXPOSE: (config, rest, words) => ({
    ...config,
    ExposedPorts: { ...config.ExposedPorts, ...Object.fromEntries(words(rest).flatMap(port)) },
  }),
  VOLUME: (config, rest, words) => ({
    ...config,
    Volumes: {
      ...config.Volumes,
      ...Object.fromEntries((execForm(rest) ?? words(rest)).map((path) => [needed("VOLUME", path), {}])),
    },
  }),
  USER: (config, rest, words) => ({ ...config, User: one("USER", words(rest)) }),
  STOPSIGNAL: (config, rest, words) => ({ ...config, StopSignal: signal(one("STOPSIGNAL", words(rest))) }),
  WORKDIR: (config, rest, words) => {
    const path = one("WORKDIR", words(rest));
    return { ...config, WorkingDir: normal(path.startsWith("/") ? path : `${config.WorkingDir || "/"}/${path}`) };
  },
  ONBUILD: (config, rest) => ({ ...config, OnBuild: [...(config.OnBuild ?? []), rest] }),
  HEALTHCHECK: (config, rest) => ({ ...config, Healthcheck: changeHealthcheck(rest) }),
};

/** All of `--change`, one after the other. @throws TsboxError `usage` */
export function applyChanges(config: ContainerDefaults, changes: readonly string[]): ContainerDefaults {
  const changed = changes.reduce(applyChange, config);
  // as in a Dockerfile: ENTRYPOINT takes away the Cmd that was there, not one that is given with it
  const own = changes.findLast((text) => /^\s*CMD\s/i.test(text));
  return own === undefined || changed.Cmd !== null ? changed : applyChange(changed, own);
}

/**
 * @param text one instruction, such as `ENV A=b`
 * @throws TsboxError `usage`
 */
export function applyChange(config: ContainerDefaults, text: string): ContainerDefaults {
  const match = /^\s*([A-Za-z]+)(?:\s+([\s\S]*?))?\s*$/.exec(text);
  const name = match?.[1]?.toUpperCase() ?? "";
  const change = Object.hasOwn(CHANGES, name) ? CHANGES[name] : undefined;
  if (change === undefined) {
    const known = Object.keys(CHANGES).join(", ");
    throw new TsboxError("usage", `cannot use --change ${JSON.stringify(text)}: it is none of ${known}`);
  }
  const variables = new Map(
    (config.Env ?? []).map((entry) => [entry.split("=", 1)[0], entry.slice(entry.indexOf("=") + 1)]),
  );
  return change(config, needed(name, match?.[2] ?? ""), (rest) => splitWords(rest, (key) => variables.get(key) ?? ""));
}

export function needed(name: string, text: string): string {
  if (text === "") throw new TsboxError("usage", `cannot use --change ${name}: it says nothing`);
  return text;
}

function one(name: string, words: readonly string[]): string {
  const [word = "", ...more] = words;
  if (more.length > 0) throw new TsboxError("usage", `cannot use --change ${name}: it takes one word`);
  return needed(name, word);
}

/** `A=b C=d`, or the old form `A b c`. */
function pairs(name: string, rest: string, words: (text: string) => string[]): [string, string][] {
  const first = /^\S+/.exec(rest)?.[0] ?? "";
  if (!first.includes("=")) {
    const match = /^(\S+)\s+([\s\S]+)$/.exec(rest);
    if (match === null) throw new TsboxError("usage", `cannot use --change ${name} ${rest}: write NAME=VALUE`);
    return [[match[1] ?? "", words(match[2] ?? "").join(" ")]];
  }
  return words(rest).map((word) => {
    const equals = word.indexOf("=");
    if (equals < 1) throw new TsboxError("usage", `cannot use --change ${name} ${word}: write NAME=VALUE`);
    return [word.slice(0, equals), word.slice(equals + 1)];
  });
}

/** `80`, `80/udp`, `8000-8010`. */
function port(text: string): [string, object][] {
  const match = /^(\d+)(?:-(\d+))?(?:\/(tcp|udp|sctp))?$/i.exec(text);
  const [first, last] = [Number(match?.[1]), Number(match?.[2] ?? match?.[1])];
  if (match === null || first < 1 || last > 65535 || last < first)
    throw new TsboxError("usage", `cannot use --change EXPOSE ${text}: write PORT or PORT/udp`);
  const protocol = (match[3] ?? "tcp").toLowerCase();
  return Array.from({ length: last - first + 1 }, (_, i) => [`${first + i}/${protocol}`, {}]);
}

function signal(text: string): string {
  if (/^(\d+|(SIG)?[A-Z][A-Z0-9]*([+-]\d+)?)$/i.test(text)) return text;
  throw new TsboxError("usage", `cannot use --change STOPSIGNAL ${text}: it is no signal`);
}

function normal(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}

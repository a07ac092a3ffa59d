/** `--filter` of volumes. */
import { type Volume, volumeUsers } from "../../container/volumes/index.ts";
import { TsboxError } from "../../error.ts";
import { all, type ParsedArgs } from "../args.ts";

type Test = (volume: Volume) => boolean;

/** Of one name any value is enough, and each name has to agree, as with Docker. @throws TsboxError `usage` */
export function volumeFilter(args: ParsedArgs, store: string, names: readonly string[]): Test {
  const groups = new Map<string, Test[]>();
  for (const text of all(args, "filter")) {
    const at = text.indexOf("=");
    const bang = text[at - 1] === "!";
    const name = text.slice(0, bang ? at - 1 : at);
    const key = bang ? `${name}!` : name;
    if (at < 1 || !names.includes(key))
      throw new TsboxError("usage", `cannot use --filter ${text}: there is ${names.join(", ")}`);
    groups.set(key, [...(groups.get(key) ?? []), testOf(key, text.slice(at + 1), text, store)]);
  }
  return (volume) =>
    [...groups].every(([key, tests]) =>
      // labels are conditions of their own
      key.startsWith("label") ? tests.every((test) => test(volume)) : tests.some((test) => test(volume)),
    );
}

function testOf(key: string, value: string, text: string, store: string): Test {
  if (key === "name") return ({ name }) => name.includes(value);
  if (key === "driver") return ({ driver }) => driver === value;
  if (key === "label") return (volume) => hasLabel(volume, value);
  if (key === "label!") return (volume) => !hasLabel(volume, value);
  if (key === "until") {
    const limit = untilTime(value, text);
    return ({ created }) => created < limit;
  }
  const wanted = truth(value, text);
  if (key === "all") return () => true;
  const users = volumeUsers(store);
  return ({ name }) => users.has(name) !== wanted;
}

function hasLabel({ labels }: Volume, text: string): boolean {
  const at = text.indexOf("=");
  return at < 0 ? Object.hasOwn(labels, text) : labels[text.slice(0, at)] === text.slice(at + 1);
}

const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A time of day as Date reads it, seconds since 1970, or so long ago: `24h`, `1h30m`. */
function untilTime(value: string, text: string): number {
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  if (/^(\d+[smhd])+$/.test(value)) {
    const parts = [...value.matchAll(/(\d+)([smhd])/g)];
    return Date.now() - parts.reduce((sum, [, count, unit]) => sum + Number(count) * (UNITS[unit ?? ""] ?? 0), 0);
  }
  const time = Date.parse(value);
  if (Number.isNaN(time)) throw new TsboxError("usage", `cannot use --filter ${text}: that is no time`);
  return time;
}

/** Whether `dangling`, or `all`, is meant. */
export function truth(value: string, text: string): boolean {
  if (["true", "1"].includes(value)) return true;
  if (["false", "0"].includes(value)) return false;
  throw new TsboxError("usage", `cannot use --filter ${text}: it is true or false`);
}

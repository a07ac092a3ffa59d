/** `--filter` of volumes. */
import { type Volume, volumeUsers } from "../../container/volumes/index.ts";
import { TsboxError } from "../../error.ts";
import { all, type ParsedArgs } from "../args.ts";
import {
  chooseBy,
  type Filter,
  type Filters,
  labelFilters,
  nameFilter,
  switchFilter,
  wordFilter,
} from "../format/filters.ts";

/** Docker's keys of `ls`, and podman's. */
export function listFilter(args: ParsedArgs, store: string): (volume: Volume) => boolean {
  return chooseBy<Volume>(all(args, "filter"), {
    ...COMMON,
    name: nameFilter("name", ({ name }) => [name]),
    driver: wordFilter("driver", ["local"], ({ driver }) => driver),
    dangling: (value) => {
      const users = volumeUsers(store);
      return switchFilter<Volume>("dangling", ({ name }) => !users.has(name))(value);
    },
  });
}

export interface Pruning {
  readonly fits: (volume: Volume) => boolean;
  /** `all=true`: those with names too. */
  readonly named: boolean;
}

export function pruneFilter(args: ParsedArgs): Pruning {
  let named = false;
  const fits = chooseBy<Volume>(all(args, "filter"), {
    ...COMMON,
    all: (value) => {
      named = switchFilter<null>("all", () => true)(value)(null);
      return () => true;
    },
  });
  return { fits, named };
}

const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A time as Date reads it, seconds since 1970, or so long ago: `24h`, `1h30m`. */
const until: Filter<Volume> = (value) => {
  const parts = /^(\d+[smhd])+$/.test(value) ? [...value.matchAll(/(\d+)([smhd])/g)] : [];
  const ago = parts.reduce((sum, [, count, unit]) => sum + Number(count) * (UNITS[unit ?? ""] ?? 0), 0);
  const time = /^\d+$/.test(value) ? Number(value) * 1000 : parts.length > 0 ? Date.now() - ago : Date.parse(value);
  if (Number.isNaN(time)) throw new TsboxError("usage", `cannot use --filter until=${value}: that is no time`);
  return ({ created }) => created < time;
};

const COMMON: Filters<Volume> = { ...labelFilters(({ labels }) => labels), until };

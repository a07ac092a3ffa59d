/** One line of the table: what is measured, beside whom, and how good it has to be. */
import type { Person } from "../support/tsbox.ts";
import type { Podman } from "./podman.ts";

export type Measurement = {
  readonly ours: number;
  /** the same for the peer; a row without one compares with an absolute bound */
  readonly peer?: number;
  readonly unit: "ms" | "kB";
  /** how many runs the medians are of */
  readonly runs: number;
};

export type Row = {
  /** for `--only` */
  readonly name: string;
  readonly work: string;
  /** who is compared with; "" where nobody is */
  readonly peer: string;
  /** the largest acceptable ours / peer; for a row without peer, the largest acceptable `ours` */
  readonly atMost: number;
  measure(bench: Bench): Promise<Measurement>;
};

/** What rows share: made on first use, gone at the end. */
export type Bench = {
  /** a scratch folder; `person.folder` and everything of a row's own belong elsewhere */
  readonly folder: string;
  readonly person: Person;
  /** the busybox image in a layout: "oci:..." */
  readonly busybox: () => string;
  readonly podman: () => Podman;
};

/** ours / peer, or `ours` itself. */
export const score = ({ ours, peer }: Measurement): number => (peer === undefined ? ours : ours / peer);

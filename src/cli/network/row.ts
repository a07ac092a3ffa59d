/** A network as listings show it, its fields named as Docker's are. */
import { DEFAULT_NETWORK, type NetworkDefinition } from "../../container/networks.ts";

export interface NetworkRow extends Record<string, unknown> {
  /** 12 digits, unless it is not cut. */
  readonly ID: string;
  readonly Name: string;
  readonly Driver: string;
  readonly Scope: string;
  readonly IPv6: string;
  readonly Internal: string;
  readonly Labels: string;
  readonly CreatedAt: string;
}

/** What is listed. Docker lists the networks of single containers, too. */
export interface ListedNetwork {
  readonly name: string;
  readonly id: string;
  readonly driver: "bridge" | "host" | "null";
  readonly builtIn: boolean;
  readonly internal: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly created: number;
}

/** Docker's two that are no network of their own. */
export const KINDS: readonly ListedNetwork[] = (["host", "none"] as const).map((name) => ({
  name,
  id: (name === "host" ? "6057" : "904e").padEnd(64, "0"),
  driver: name === "host" ? "host" : "null",
  builtIn: true,
  internal: name === "none",
  labels: {},
  created: 0,
}));

export function listed(network: NetworkDefinition): ListedNetwork {
  const { name, id, internal, labels, created } = network;
  return { name, id, driver: "bridge", builtIn: id === DEFAULT_NETWORK.id, internal, labels, created };
}

export function rowOf(network: ListedNetwork, whole: boolean): NetworkRow {
  const { name, id, driver, internal, labels, created } = network;
  return {
    ID: whole ? id : id.slice(0, 12),
    Name: name,
    Driver: driver,
    Scope: "local",
    IPv6: "false",
    Internal: String(internal),
    Labels: Object.entries(labels)
      .map(([key, value]) => `${key}=${value}`)
      .join(","),
    CreatedAt: new Date(created).toISOString(),
  };
}

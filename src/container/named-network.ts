/** The named networks of a container that is about to start: it becomes a member, and the plan gets what connects it. */
import { TsboxError } from "../error.ts";
import type { IdMapping } from "../idmap/index.ts";
import { type NetworkOptions, type NetworkSetup, setUpNetwork } from "../network/index.ts";
import {
  addAttachment,
  findNetwork,
  type Joined,
  joinNamed,
  setUpNamed,
  upstreamServers,
} from "../network/named/index.ts";
import type { PlanBuilder, Program } from "../plan/index.ts";
import type { ContainerRecord } from "./folder.ts";
import type { RunOptions } from "./spec/options.ts";

/** A container, or a pod, as far as its networks care. */
export interface NetworkMember {
  readonly options: Pick<RunOptions, "network" | "dns">;
  readonly record: Pick<ContainerRecord, "id" | "name">;
  readonly store: string;
  readonly mapping: IdMapping;
}

export interface NamedNetworks {
  readonly joined: readonly Joined[];
  /** The user namespace of the networks, for the container to join; empty without user namespaces. */
  readonly namespaces: readonly { readonly type: "user"; readonly path: string }[];
  /** Descriptors that survive exec, by those paths. */
  readonly open: ReadonlyMap<string, number>;
  setUp(options: NetworkOptions): Promise<NetworkSetup>;
  /** Appends what connects the container, to be carried out when its namespaces and its helper are there. */
  attach(plan: PlanBuilder, outside: Program, setup: NetworkSetup): void;
}

/** Of a container that was taken out of all its networks: it has its loopback, and nothing to publish ports with. */
const NOWHERE: NamedNetworks = {
  joined: [],
  namespaces: [],
  open: new Map(),
  setUp: (wish) => setUpNetwork({ ...wish, mode: { mode: "none" }, publish: [] }),
  attach: () => {},
};

/**
 * The container is a member from here on, until this process, or the supervisor that it becomes, ends.
 * @throws TsboxError
 */
export async function joinNetworks({ options, record, store, mapping }: NetworkMember): Promise<NamedNetworks> {
  const endpoints = options.network?.mode === "named" ? options.network.endpoints : [];
  if (endpoints.length === 0) return NOWHERE;
  const networks = endpoints.map(({ network }) => findNetwork(store, network, true));
  const twice = networks.find(({ id }, i) => networks.findIndex((other) => other.id === id) !== i);
  if (twice !== undefined) throw new TsboxError("usage", `cannot join network ${twice.name}: it is named twice`);
  const servers = upstreamServers(
    options.dns.servers,
    networks.map(({ subnet }) => subnet),
  );
  const names = [...(record.name === undefined ? [] : [record.name]), record.id.slice(0, 12)];
  const several = networks.length > 1;
  const joined: Joined[] = [];
  for (const [i, endpoint] of endpoints.entries()) {
    const network = networks[i];
    if (network !== undefined)
      joined.push(await joinNamed(store, network, { endpoint, id: record.id, names, servers, several, mapping }));
  }
  const user = joined[0]?.connection.user;
  const path = user === undefined ? undefined : `/proc/self/fd/${user}`;
  return {
    joined,
    namespaces: path === undefined ? [] : [{ type: "user", path }],
    open: new Map(path === undefined || user === undefined ? [] : [[path, user]]),
    setUp: (wish) => setUpNamed(wish, joined),
    attach: (plan, outside, { helper }) =>
      addAttachment(plan, outside, { networks: joined, outside: helper?.kind === "pasta" }),
  };
}

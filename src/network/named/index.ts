/** Networks with names, that several containers of one user share. */
export { addAttachment } from "./attach.ts";
export { connectToHub, disconnect, type HubConnection, keepOnExec, type Member } from "./connection.ts";
export {
  createNetwork,
  DEFAULT_NETWORK,
  findNetwork,
  listNetworks,
  lockNetwork,
  lockNetworks,
  type NetworkDefinition,
  type NewNetwork,
  readNetwork,
  removeDefinition,
} from "./definition.ts";
export { type EndpointFlags, type NamedEndpoint, withFlags } from "./endpoint.ts";
export { type Joined, joinNamed, membersOf } from "./join.ts";
export { connectRunning, disconnectRunning } from "./running.ts";
export { setUpNamed, upstreamServers } from "./set-up.ts";
export { parseSubnet } from "./subnet.ts";

/** Networks of containers: the host's, none, pasta, slirp4netns, another container's. */
export type { HelperProcess } from "./helper.ts";
export { type ExtraHost, parseAddHost } from "./hosts.ts";
export { type NetworkMode, parseNetwork, parseNetworks } from "./network-option.ts";
export { type BoundPort, checkExposed, type PublishedPort, parsePublish } from "./ports.ts";
export type { DNSOptions } from "./resolv-conf.ts";
export { type NetworkFiles, type NetworkOptions, type NetworkSetup, setUpNetwork } from "./set-up.ts";
export { publishWithSlirp } from "./slirp-ports.ts";
export { findTools, type NetworkTools } from "./tools.ts";

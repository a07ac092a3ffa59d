/** Registries: distribution-spec 1.1, pull side. Loaded only by commands that fetch. */
export { configuredSource } from "./configured.ts";
export { type Credentials, findCredentials } from "./credentials.ts";
export type { RegistryOptions, Timeouts } from "./options.ts";
export { type RegistrySource, registrySource } from "./source.ts";

/** What a pod without anything of its own is made of. */
import type { NewPod } from "../../../src/container/pods/create.ts";

export const POD: NewPod = {
  name: undefined,
  labels: {},
  share: ["net", "ipc", "uts"],
  hostname: undefined,
  network: undefined,
  networkName: undefined,
  ports: [],
  dns: { servers: [], search: [], options: [] },
  addHosts: [],
  mapping: { name: "none", kind: "none", uids: [], gids: [] },
};

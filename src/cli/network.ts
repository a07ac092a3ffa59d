/** `tsbox network`: its commands are in `network/`. */
import { type GroupDefinition, groupCommand } from "./group.ts";
import { CONNECT, connect, DISCONNECT, disconnect } from "./network/connect.ts";
import { CREATE, create } from "./network/create.ts";
import { EXISTS, exists, INSPECT, inspect } from "./network/inspect.ts";
import { LS, ls } from "./network/list.ts";
import { PRUNE, prune, RM, rm } from "./network/remove.ts";

export const NETWORK: GroupDefinition = {
  name: "network",
  description: "Manage networks that several containers share, and in which they find each other by name.",
  commands: {
    create: { definition: CREATE, run: create },
    ls: { definition: LS, run: ls, aliases: ["list"] },
    inspect: { definition: INSPECT, run: inspect },
    rm: { definition: RM, run: rm, aliases: ["remove"] },
    prune: { definition: PRUNE, run: prune },
    connect: { definition: CONNECT, run: connect },
    disconnect: { definition: DISCONNECT, run: disconnect },
    exists: { definition: EXISTS, run: exists },
  },
};

export const network = groupCommand(NETWORK);

/** `tsbox volume`: its commands are in `volume/`. */
import { type GroupDefinition, groupCommand } from "./group.ts";
import { CREATE, create } from "./volume/create.ts";
import { EXISTS, exists, INSPECT, inspect, LS, ls } from "./volume/list.ts";
import { PRUNE, prune, RM, rm } from "./volume/remove.ts";
import { EXPORT, exportCommand, IMPORT, importCommand } from "./volume/transfer.ts";

export const VOLUME: GroupDefinition = {
  name: "volume",
  description: "Manage volumes: data that outlives containers.",
  commands: {
    create: { definition: CREATE, run: create },
    ls: { definition: LS, run: ls, aliases: ["list"] },
    inspect: { definition: INSPECT, run: inspect },
    rm: { definition: RM, run: rm, aliases: ["remove"] },
    prune: { definition: PRUNE, run: prune },
    export: { definition: EXPORT, run: exportCommand },
    import: { definition: IMPORT, run: importCommand },
    exists: { definition: EXISTS, run: exists },
  },
};

export const volume = groupCommand(VOLUME);

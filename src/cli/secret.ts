/** `tsbox secret`: its commands are in `secret/`. */
import { type GroupDefinition, groupCommand } from "./group.ts";
import { CREATE, create } from "./secret/create.ts";
import { EXISTS, exists, INSPECT, inspect, LS, ls, RM, rm } from "./secret/list.ts";

export const SECRET: GroupDefinition = {
  name: "secret",
  description: "Manage secrets: values that containers may read and that are written down nowhere else.",
  commands: {
    create: { definition: CREATE, run: create },
    ls: { definition: LS, run: ls, aliases: ["list"] },
    inspect: { definition: INSPECT, run: inspect },
    rm: { definition: RM, run: rm, aliases: ["remove"] },
    exists: { definition: EXISTS, run: exists },
  },
};

export const secret = groupCommand(SECRET);

/** `tsbox pod`: its commands are in `pod/`. */
import { type GroupDefinition, groupCommand } from "./group.ts";
import { CREATE, create } from "./pod/create.ts";
import { EXISTS, exists, INSPECT, inspect } from "./pod/inspect.ts";
import {
  KILL,
  kill,
  PAUSE,
  pause,
  RESTART,
  restart,
  START,
  STOP,
  start,
  stop,
  UNPAUSE,
  unpause,
} from "./pod/lifecycle.ts";
import { LS, ls } from "./pod/list.ts";
import { PRUNE, prune, RM, rm } from "./pod/remove.ts";
import { LOGS, logs, TOP, top } from "./pod/show.ts";

export const POD: GroupDefinition = {
  name: "pod",
  description: "Manage pods: containers that share a network, a host name and interprocess communication.",
  commands: {
    create: { definition: CREATE, run: create },
    ls: { definition: LS, run: ls, aliases: ["ps", "list"] },
    inspect: { definition: INSPECT, run: inspect },
    start: { definition: START, run: start },
    stop: { definition: STOP, run: stop },
    restart: { definition: RESTART, run: restart },
    kill: { definition: KILL, run: kill },
    pause: { definition: PAUSE, run: pause },
    unpause: { definition: UNPAUSE, run: unpause },
    rm: { definition: RM, run: rm, aliases: ["remove"] },
    prune: { definition: PRUNE, run: prune },
    exists: { definition: EXISTS, run: exists },
    top: { definition: TOP, run: top },
    logs: { definition: LOGS, run: logs },
  },
};

export const pod = groupCommand(POD);

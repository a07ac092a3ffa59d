/** `tsbox port` */
import { type PortBinding, portBindings, portsFolder } from "../container/ports.ts";
import { containerState, readRecord } from "../container/state.ts";
import { nameOf } from "../container/stop.ts";
import { TsboxError } from "../error.ts";
import { writeAll } from "../linux/write-text.ts";
import type { CommandDefinition } from "./args.ts";
import { HELP, readCommand } from "./command.ts";
import { oneContainer } from "./containers.ts";

export const PORT: CommandDefinition = {
  name: "port",
  description: "Show where a container's published ports are reached on the host, those that the host chose too.",
  operands: "CONTAINER [PORT]",
  flags: { ...HELP },
  examples: [
    ["tsbox port web", "80/tcp -> 0.0.0.0:8080"],
    ["tsbox port web 80", "0.0.0.0:8080"],
    ["tsbox port web 53/udp", "of another protocol than tcp"],
  ],
};

export async function port(argv: readonly string[]): Promise<number> {
  const args = await readCommand(PORT, argv);
  if (args === undefined) return 0;
  const { store, id } = oneContainer(PORT, args);
  const [, asked, more] = args.positionals;
  if (more !== undefined) throw new TsboxError("usage", "cannot run tsbox port: give a container and one port at most");
  const record = readRecord(store, id);
  const runs = containerState(store, record).pid !== 0;
  const bindings = runs ? portBindings(portsFolder(store, record)) : [];
  const lines = asked === undefined ? bindings.map(whole) : oneOf(bindings, asked, nameOf(record)).map(place);
  writeAll(1, lines.map((line) => `${line}\n`).join(""));
  return 0;
}

function place({ hostIP, hostPort }: PortBinding): string {
  return `${hostIP.includes(":") ? `[${hostIP}]` : hostIP}:${hostPort}`;
}

function whole(binding: PortBinding): string {
  return `${binding.containerPort}/${binding.protocol} -> ${place(binding)}`;
}

/** @throws TsboxError `usage` for what is no port, `not-found` when it is not published */
function oneOf(bindings: readonly PortBinding[], asked: string, name: string): PortBinding[] {
  const [, digits = "", protocol = "tcp"] = /^(\d{1,5})(?:\/(tcp|udp))?$/.exec(asked) ?? [];
  if (digits === "") throw new TsboxError("usage", `cannot show port ${asked}: expected PORT or PORT/tcp or PORT/udp`);
  const found = bindings.filter((one) => one.containerPort === Number(digits) && one.protocol === protocol);
  if (found.length > 0) return found;
  throw new TsboxError("not-found", `cannot show port ${digits}/${protocol}: container ${name} does not publish it`);
}

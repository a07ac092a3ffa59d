/** `attach`: a person, or pipes, beside a container that runs. */
import { TsboxError } from "../error.ts";
import { becomeNative, PlanBuilder, STDIN } from "../plan/index.ts";
import type { AttachedClient } from "../runtime/index.ts";
import { containerFolder } from "./folder.ts";
import { connectToMonitor } from "./monitor-socket.ts";
import { containerState, readRecord } from "./state.ts";
import { nameOf } from "./stop.ts";

/** native/native.h */
const WANTS_OUTPUT = 3;
const CLIENT_TERMINAL = 1;
const CLIENT_FORWARDS_SIGNALS = 2;

/** This process becomes the client, and ends as the container does, or with 0 when the person leaves. @throws TsboxError */
export function attachContainer(store: string, id: string, client: AttachedClient): never {
  const record = readRecord(store, id);
  const cannot = (reason: string) => new TsboxError("busy", `cannot attach to container ${nameOf(record)}: ${reason}`);
  const { status } = containerState(store, record);
  if (status !== "running" && status !== "restarting")
    throw cannot(status === "paused" ? "it is paused; first: tsbox unpause" : "it does not run");
  const connection = connectToMonitor(containerFolder(store, id), true);
  if (connection === undefined)
    throw cannot(record.log === "none" ? "it runs in the foreground of another tsbox" : "nobody monitors it");
  const plan = new PlanBuilder();
  const program = plan.program("client");
  const socket = program.slot();
  program.add("adopt", [socket, connection.fd]);
  program.add("send_hello", [socket, WANTS_OUTPUT]);
  const flags = (record.tty ? CLIENT_TERMINAL : 0) | (client.forwardSignals ? CLIENT_FORWARDS_SIGNALS : 0);
  program.add("client", [
    socket,
    client.input && record.interactive ? STDIN : null,
    flags,
    // as Docker: bytes of a pipe are all for the program
    record.tty ? client.detachKeys : new Uint8Array(),
    containerFolder(store, id),
  ]);
  program.add("exit", [256]);
  return becomeNative(plan.encode());
}

const DEFAULT_KEYS = "ctrl-p,ctrl-q";

/** `ctrl-p,ctrl-q` and the like; empty switches it off. @returns bytes. @throws TsboxError `usage` */
export function parseDetachKeys(text: string = DEFAULT_KEYS): Uint8Array {
  if (text === "") return new Uint8Array();
  return Uint8Array.from(
    text.split(",").map((key) => {
      if (/^[\x20-\x7e]$/.test(key)) return key.charCodeAt(0);
      const control = /^ctrl-([a-z@[\\\]^_])$/.exec(key)?.[1];
      if (control !== undefined) return control.toUpperCase().charCodeAt(0) & 0x1f;
      throw new TsboxError(
        "usage",
        `cannot use --detach-keys ${text}: ${JSON.stringify(key)} is neither a character nor ctrl-X`,
      );
    }),
  );
}

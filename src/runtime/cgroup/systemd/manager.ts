/** systemd's manager, the system's or a user's, over D-Bus. org.freedesktop.systemd1(5). */
import { TsboxError } from "../../../error.ts";
import { exists } from "../../../linux/read-text.ts";
import { type Address, CallError, Connection, socketOf } from "./connection.ts";
import type { Value } from "./marshal.ts";
import type { Property } from "./properties.ts";

const SERVICE = "org.freedesktop.systemd1";
const MANAGER = "org.freedesktop.systemd1.Manager";
const OBJECT = "/org/freedesktop/systemd1";

/** Where managers can be reached, best first: the bus, then systemd's own socket, which is there where no bus runs. */
export function managerAddresses(
  user: boolean,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Address[] {
  const runtime = env.XDG_RUNTIME_DIR;
  const named = socketOf((user ? env.DBUS_SESSION_BUS_ADDRESS : env.DBUS_SYSTEM_BUS_ADDRESS) ?? "");
  const buses = user ? (runtime ? [`${runtime}/bus`] : []) : ["/run/dbus/system_bus_socket"];
  const own = user ? (runtime ? [`${runtime}/systemd/private`] : []) : ["/run/systemd/private"];
  return [
    ...(named === undefined ? buses : [named, ...buses]).map((socket) => ({ socket, direct: false })),
    ...own.map((socket) => ({ socket, direct: true })),
  ].filter(({ socket }) => socket.startsWith("@") || exists(socket));
}

export class Manager {
  readonly #connection: Connection;
  #subscribed = false;

  private constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** @throws TsboxError `host` when there is none */
  static connect(user: boolean, addresses = managerAddresses(user)): Manager {
    let failure: unknown;
    for (const address of addresses) {
      try {
        return new Manager(Connection.open(address));
      } catch (error) {
        failure ??= error;
      }
    }
    if (failure !== undefined) throw failure;
    const where = user
      ? "there is no bus of this user (XDG_RUNTIME_DIR); log in through systemd, or use --cgroup-manager=cgroupfs"
      : "there is no system bus; use --cgroup-manager=cgroupfs";
    throw new TsboxError("host", `cannot talk to systemd: ${where}`);
  }

  [Symbol.dispose](): void {
    this.#connection[Symbol.dispose]();
  }

  #call(member: string, signature: string, body: readonly Value[]): readonly Value[] {
    return this.#connection.call({ destination: SERVICE, path: OBJECT, interface: MANAGER, member, signature, body });
  }

  /** Runs what gives a job, and waits until it is done. Returns its result: `done`, `failed`, `timeout`, ... */
  #job(member: string, signature: string, body: readonly Value[]): string {
    const [job] = this.#call(member, signature, body);
    const signal = this.#connection.waitForSignal(
      (one) => one.member === "JobRemoved" && one.interface === MANAGER && one.body?.[1] === job,
    );
    return String(signal.body?.[3]);
  }

  /** Signals are sent to those who ask only. */
  #subscribe(): void {
    if (this.#subscribed) return;
    const rule = `type='signal',sender='${SERVICE}',interface='${MANAGER}',member='JobRemoved'`;
    const bus = "org.freedesktop.DBus";
    if (!this.#connection.direct) {
      const match = { path: "/org/freedesktop/DBus", interface: bus, member: "AddMatch", signature: "s", body: [rule] };
      this.#connection.call({ destination: bus, ...match });
    }
    this.#call("Subscribe", "", []);
    this.#subscribed = true;
  }

  /**
   * Starts a transient unit. One of that name that failed earlier is forgotten first.
   * @throws TsboxError `host` with systemd's reason
   */
  startTransient(unit: string, properties: readonly Property[]): void {
    const body: readonly Value[] = [unit, "replace", properties, []];
    const start = () => this.#job("StartTransientUnit", "ssa(sv)a(sa(sv))", body);
    try {
      this.#subscribe();
      let result: string;
      try {
        result = start();
      } catch (error) {
        if (!isNamed(error, "UnitExists") || !this.#reset(unit)) throw error;
        result = start();
      }
      if (result !== "done") throw new TsboxError("host", `cannot start ${unit}: systemd says "${result}"`);
    } catch (error) {
      throw explain(error, `start ${unit}`);
    }
  }

  #reset(unit: string): boolean {
    try {
      this.#call("ResetFailedUnit", "s", [unit]);
      return true;
    } catch {
      return false;
    }
  }

  /** Stops a unit and forgets it; one that is gone is no failure. */
  stop(unit: string): void {
    try {
      this.#subscribe();
      this.#job("StopUnit", "ss", [unit, "replace"]);
    } catch (error) {
      if (!isNamed(error, "NoSuchUnit")) throw explain(error, `stop ${unit}`);
    }
    this.#reset(unit);
  }

  /** Changes properties until the unit ends. */
  setProperties(unit: string, properties: readonly Property[]): void {
    try {
      this.#call("SetUnitProperties", "sba(sv)", [unit, true, properties]);
    } catch (error) {
      throw explain(error, `change ${unit}`);
    }
  }
}

function isNamed(error: unknown, name: string): boolean {
  return error instanceof CallError && error.dbusName === `${SERVICE}.${name}`;
}

function explain(error: unknown, what: string): unknown {
  if (!(error instanceof CallError)) return error;
  return new TsboxError("host", `cannot ${what}: systemd says: ${error.message}`, { cause: error });
}

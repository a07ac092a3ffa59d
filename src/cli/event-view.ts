/** An event in Docker's words: its line, its JSON, and what templates and filters see of it. */
import type { StoredEvent } from "../container/event-log.ts";
import { recordIfPresent } from "../container/state.ts";
import { type Filters, labelFilters } from "./format/filters.ts";
import { mapOf } from "./format/values.ts";
import { printable } from "./readable.ts";

export interface EventView extends Record<string, unknown> {
  readonly Type: string;
  readonly Action: string;
  readonly Status: string;
  readonly ID: string;
  readonly From: string;
  readonly Scope: "local";
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> };
  /** Seconds since 1970. */
  readonly Time: number;
  readonly TimeNano: number;
  /** podman's */
  readonly Name: string;
  readonly Image: string;
  readonly ContainerExitCode: number;
}

const OWN = ["type", "action", "id", "time", "labels"];

/**
 * Makes views of events, in their order: what labels a container has stands in the event of its making, and on disk while there is one.
 */
export function eventViews(store: string): (event: StoredEvent) => EventView {
  const labels = new Map<string, Readonly<Record<string, string>>>();
  // a monitor tells of the name that its container had when it was started
  const renamed = new Map<string, string>();
  const labelsOf = (event: StoredEvent) => {
    if (event.type !== "container") return {};
    const known =
      (event.labels as Readonly<Record<string, string>> | undefined) ?? // cast: make.ts writes it
      labels.get(event.id) ??
      recordIfPresent(store, event.id)?.labels ??
      {};
    if (event.action === "destroy") labels.delete(event.id);
    else labels.set(event.id, known);
    return known;
  };
  return (event) => {
    const rest = Object.entries(event).filter(([key, value]) => !OWN.includes(key) && value !== undefined);
    const attributes: Record<string, string> = {
      ...labelsOf(event),
      ...Object.fromEntries(rest.map(([key, value]) => [key, String(value)])),
    };
    const { type, action, id, time, image } = event;
    if (action === "rename" && event.name !== undefined) renamed.set(id, event.name);
    const name = renamed.get(id) ?? event.name;
    if (name !== undefined) attributes.name = name;
    return {
      Type: type,
      Action: action,
      Status: action,
      ID: id,
      From: image ?? "",
      Scope: "local",
      Actor: { ID: id, Attributes: mapOf(attributes) },
      Time: Math.floor(time / 1000),
      TimeNano: time * 1e6,
      Name: name ?? "",
      Image: image ?? "",
      ContainerExitCode: Number(event.exitCode ?? 0),
    };
  };
}

/** `2026-11-21T12:00:00.123000000Z container create ID (image=alpine, name=web)` */
export function eventLine(view: EventView): string {
  const attributes = Object.entries(view.Actor.Attributes)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${value}`);
  const list = attributes.length === 0 ? "" : ` (${attributes.join(", ")})`;
  return printable(`${localTime(view.TimeNano / 1e6)} ${view.Type} ${view.Action} ${view.Actor.ID}${list}`);
}

/** RFC 3339 with nanoseconds, in the time zone of the reader. */
function localTime(milliseconds: number): string {
  const offset = -new Date(milliseconds).getTimezoneOffset();
  const local = new Date(milliseconds + offset * 60_000).toISOString().slice(0, -1);
  const two = (value: number) => String(Math.floor(Math.abs(value))).padStart(2, "0");
  const zone = offset === 0 ? "Z" : `${offset < 0 ? "-" : "+"}${two(offset / 60)}:${two(offset % 60)}`;
  return `${local}000000${zone}`;
}

/** One line, with the keys that Docker's has. */
export function eventJSON({ Action, ID, From, Type, Actor, Time, TimeNano }: EventView): string {
  const object = {
    ...(Type === "container" || Type === "image" ? { status: Action, id: ID, from: From } : {}),
    Type,
    Action,
    Actor,
    scope: "local",
    time: Time,
    timeNano: 0,
  };
  // a double has not enough digits for nanoseconds
  return JSON.stringify(object).replace(
    /"timeNano":0}$/,
    `"timeNano":${BigInt(Math.round(TimeNano / 1e6)) * 1_000_000n}}`,
  );
}

export const EVENT_FILTERS: Filters<EventView> = {
  type: (value) => (view) => view.Type === value,
  // `health_status` is any of them
  event: (value) => (view) => view.Action === value || view.Action.startsWith(`${value}:`),
  container: (value) => (view) => view.Type === "container" && names(view, value),
  volume: (value) => (view) => view.Type === "volume" && names(view, value),
  network: (value) => (view) => view.Type === "network" && names(view, value),
  image: (value) => (view) => {
    const image = view.Type === "image" ? view.Actor.ID : view.From;
    return image === value || image.replace(/:[^/:]*$/, "") === value;
  },
  scope: (value) => () => value === "local",
  ...labelFilters<EventView>((view) => view.Actor.Attributes),
};

function names({ Actor }: EventView, value: string): boolean {
  return Actor.Attributes.name === value || (value !== "" && Actor.ID.startsWith(value));
}

/**
 * What a pull does, as people see it, on standard error: on a terminal a line for each layer that moves, otherwise a line for
 * each that is done. Nothing has to be ended: the cursor is always below the last line.
 */
import type { OnPullEvent, PullEvent } from "../image/index.ts";
import { isTerminal, terminalSize } from "../linux/terminal.ts";
import { writeAll } from "../linux/write-text.ts";
import { printable, readableSize, shortID } from "./readable.ts";

type LayerEvent = Extract<PullEvent, { type: "layer" }>;

/** Between two drawings, in milliseconds: more often nobody sees. */
const PAUSE = 80;
const BAR = 30;

export interface ProgressTarget {
  readonly write: (text: string) => void;
  /** Undefined when it is no terminal. */
  readonly size: () => { readonly columns: number; readonly rows: number } | undefined;
  /** Milliseconds. */
  readonly now: () => number;
}

const STDERR: ProgressTarget = {
  write: (text) => writeAll(2, text),
  size: () => (isTerminal(2) ? (terminalSize(2) ?? { columns: 80, rows: 24 }) : undefined),
  now: () => performance.now(),
};

/** @param everything also say so when nothing had to be fetched, which who asked for a pull wants to know, and who runs does not */
export function pullProgress(everything = false, target: ProgressTarget = STDERR): OnPullEvent {
  const show = target.size() === undefined || process.env.TERM === "dumb" ? lines(target) : bars(target);
  return everything ? show : fromFirstWork(show);
}

/** Holds back until something is fetched or unpacked. */
function fromFirstWork(show: OnPullEvent): OnPullEvent {
  let held: PullEvent[] | undefined = [];
  return (event) => {
    if (held === undefined) return show(event);
    held.push(event);
    if (
      event.type === "resolved" ||
      (event.type === "layer" && (event.state === "waiting" || event.state === "exists"))
    )
      return;
    for (const earlier of held) show(earlier);
    held = undefined;
  };
}

const STATES: Readonly<Record<LayerEvent["state"], string>> = {
  waiting: "waiting",
  downloading: "downloading",
  unpacking: "unpacking",
  exists: "is here already",
  done: "done",
};

function isFinished({ state }: LayerEvent): boolean {
  return state === "done" || state === "exists";
}

function finishedLine({ digest, state, total }: LayerEvent): string {
  return `${shortID(digest)} ${readableSize(total).padStart(8)} ${STATES[state]}`;
}

/** Of events that are not about a layer. */
function otherLine(event: Exclude<PullEvent, LayerEvent>): string {
  return printable(event.type === "note" ? event.message : `pulling ${event.where} ${event.digest}`);
}

function lines({ write }: ProgressTarget): OnPullEvent {
  return (event) => {
    if (event.type !== "layer") write(`${otherLine(event)}\n`);
    else if (isFinished(event)) write(`${finishedLine(event)}\n`);
  };
}

function bars({ write, size, now }: ProgressTarget): OnPullEvent {
  const moving = new Map<string, LayerEvent>();
  let shown = 0;
  let drawn = Number.NEGATIVE_INFINITY;
  return (event) => {
    const settled: string[] = [];
    let changed = true;
    if (event.type !== "layer") settled.push(otherLine(event));
    else if (isFinished(event)) {
      moving.delete(event.digest);
      settled.push(finishedLine(event));
    } else {
      changed = moving.get(event.digest)?.state !== event.state;
      moving.set(event.digest, event);
    }
    if (!changed && now() - drawn < PAUSE) return;
    drawn = now();
    const { columns, rows } = size() ?? { columns: 80, rows: 24 };
    const live = liveLines([...moving.values()], rows - 2);
    // up to where the moving lines began, and clear from there; what is settled stays above them
    const back = shown === 0 ? "" : `\x1b[${shown}A`;
    const text = [...settled, ...live].map((line) => `${line.slice(0, columns - 1)}\n`).join("");
    shown = live.length;
    write(`${back}\x1b[J${text}`);
  };
}

/** The layers that move come first; those that wait are counted when the screen is too low for all. */
function liveLines(layers: readonly LayerEvent[], room: number): string[] {
  const sorted = layers.toSorted((a, b) => Number(a.state === "waiting") - Number(b.state === "waiting"));
  if (sorted.length <= room) return sorted.map(barLine);
  const rest = sorted.length - Math.max(room - 1, 0);
  return [...sorted.slice(0, Math.max(room - 1, 0)).map(barLine), `and ${rest} more`];
}

function barLine({ digest, state, bytes, total }: LayerEvent): string {
  const part = total === 0 ? 1 : Math.min(bytes / total, 1);
  const full = Math.round(part * BAR);
  const bar = `${"=".repeat(Math.max(full - 1, 0))}${full > 0 ? ">" : ""}`.padEnd(BAR);
  const amount = `${readableSize(bytes)} / ${readableSize(total)}`;
  return `${shortID(digest)} [${bar}] ${amount.padStart(19)} ${STATES[state]}`;
}

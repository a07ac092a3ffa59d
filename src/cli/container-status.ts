/** A container's state in Docker's words: the STATUS of `ps`. On the path of every `ps`. */
import type { ListedContainer } from "../container/list.ts";
import { readableDuration } from "./readable.ts";

/** `Up 5 minutes (healthy)`, `Exited (137) 2 hours ago`, `Created`. */
export function statusText({ state }: ListedContainer, now: number): string {
  const { status, exitCode, startedAt, finishedAt, health } = state;
  const since = (time: number | undefined) => (time === undefined ? undefined : readableDuration(now - time));
  switch (status) {
    case "created":
      return "Created";
    case "restarting":
      return `Restarting (${exitCode}) ${since(finishedAt) ?? "Less than a second"} ago`;
    case "exited": {
      // killed with its monitor, so nobody noted when
      const age = since(finishedAt);
      return age === undefined ? `Exited (${exitCode})` : `Exited (${exitCode}) ${age} ago`;
    }
    case "paused":
      return `Up ${since(startedAt)} (Paused)`;
    case "running":
      return `Up ${since(startedAt)}${health === undefined ? "" : ` (${health === "starting" ? "health: starting" : health})`}`;
  }
}

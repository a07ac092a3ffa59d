/** What a pod is said to do, from what its containers do. */
import { describe, expect, test } from "bun:test";
import type { ListedContainer } from "../../../src/container/list.ts";
import { podStatus } from "../../../src/container/pods/state.ts";

function member(id: string, status: string, exitCode = 0): ListedContainer {
  return { record: { id }, state: { status, exitCode } } as ListedContainer; // cast: nothing else is looked at
}

const CASES: readonly (readonly [statuses: readonly string[], expected: string])[] = [
  [[], "Created"],
  [["created", "created"], "Created"],
  [["running", "running"], "Running"],
  [["running", "restarting"], "Running"],
  [["running", "exited"], "Degraded"],
  [["running", "created"], "Degraded"],
  [["running", "paused"], "Degraded"],
  [["paused", "paused"], "Paused"],
  [["paused", "exited"], "Degraded"],
  [["exited", "exited"], "Exited"],
  [["exited", "created"], "Stopped"],
];

describe("podStatus", () => {
  for (const [statuses, expected] of CASES) {
    test(`${statuses.join(" and ") || "no container"}: ${expected}`, () => {
      expect(
        podStatus(
          {},
          statuses.map((status, i) => member(String(i), status)),
        ),
      ).toEqual(expected as never);
    });
  }

  test("a container that runs first has done its work when it has ended well, and only then", () => {
    const pod = { init: ["first"] };
    expect(podStatus(pod, [member("first", "exited"), member("a", "running")])).toBe("Running");
    expect(podStatus(pod, [member("first", "exited", 1), member("a", "created")])).toBe("Stopped");
    expect(podStatus(pod, [member("first", "created"), member("a", "created")])).toBe("Created");
  });
});

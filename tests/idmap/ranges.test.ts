import { describe, expect, test } from "bun:test";
import { layOut, mergeRanges } from "../../src/idmap/ranges.ts";

describe("mergeRanges", () => {
  test.each([
    [
      "neighbours become one",
      [
        [100, 10],
        [110, 5],
      ],
      1,
      [[100, 15]],
    ],
    [
      "the order of the file stays",
      [
        [500, 5],
        [100, 5],
      ],
      1,
      [
        [500, 5],
        [100, 5],
      ],
    ],
    [
      "an overlap counts once",
      [
        [100, 10],
        [105, 10],
      ],
      1,
      [[100, 15]],
    ],
    [
      "a range inside an earlier one vanishes",
      [
        [100, 10],
        [102, 3],
      ],
      1,
      [[100, 10]],
    ],
    [
      "a range around an earlier one is cut",
      [
        [105, 2],
        [100, 10],
      ],
      1,
      [
        [105, 2],
        [100, 5],
        [107, 3],
      ],
    ],
    [
      "the caller's own id is left out",
      [[1000, 10]],
      1005,
      [
        [1000, 5],
        [1006, 4],
      ],
    ],
    ["the caller's own id at the start is left out", [[1000, 10]], 1000, [[1001, 9]]],
    [
      "a range of only the own id vanishes",
      [
        [1000, 1],
        [5, 1],
      ],
      1000,
      [[5, 1]],
    ],
  ] as const)("%s", (_, ranges, own, expected) => {
    const merged = mergeRanges(
      ranges.map(([start, count]) => ({ start, count })),
      own,
    );
    expect(merged.map(({ start, count }) => [start, count] as [number, number])).toEqual(
      expected.map(([start, count]) => [start, count] as [number, number]),
    );
  });
});

describe("layOut", () => {
  const lines = (own: number, inside: number, ranges: [number, number][]) =>
    layOut(
      own,
      inside,
      ranges.map(([start, count]) => ({ start, count })),
    ).map((line) => [line.container, line.host, line.count].join(" "));

  test("root in the container is the caller, the others follow from 1", () => {
    expect(lines(1000, 0, [[100000, 65536]])).toEqual(["0 1000 1", "1 100000 65536"]);
  });
  test("several ranges follow one another", () => {
    expect(
      lines(1000, 0, [
        [100000, 10],
        [300000, 5],
      ]),
    ).toEqual(["0 1000 1", "1 100000 10", "11 300000 5"]);
  });
  // podman unshare cat /proc/self/uid_map with --userns=keep-id gives these
  test("keep-id puts the caller at their own id and shifts nobody else's number", () => {
    expect(lines(1000, 1000, [[100000, 65536]])).toEqual(["1000 1000 1", "0 100000 1000", "1001 101000 64536"]);
  });
  test("keep-id with an id above the ranges uses them all below it", () => {
    expect(lines(1000, 70000, [[100000, 65536]])).toEqual(["70000 1000 1", "0 100000 65536"]);
  });
  test("keep-id at the border of two ranges cuts neither", () => {
    expect(
      lines(7, 10, [
        [100, 10],
        [200, 5],
      ]),
    ).toEqual(["10 7 1", "0 100 10", "11 200 5"]);
  });
  test("no container id and no host id stands twice", () => {
    for (const inside of [0, 1, 5, 9, 10, 11, 30]) {
      const map = layOut(7, inside, [
        { start: 100, count: 10 },
        { start: 200, count: 5 },
      ]);
      const container = map.flatMap((line) => Array.from({ length: line.count }, (_, i) => line.container + i));
      const host = map.flatMap((line) => Array.from({ length: line.count }, (_, i) => line.host + i));
      expect(new Set(container).size).toBe(16);
      expect(new Set(host).size).toBe(16);
      expect(map[0]).toEqual({ container: inside, host: 7, count: 1 });
    }
  });
  test("a map has at most the 340 lines that the kernel takes", () => {
    const many = Array.from({ length: 500 }, (_, i) => ({ start: 1000 + 10 * i, count: 2 }));
    expect(layOut(7, 0, many)).toHaveLength(340);
  });
});

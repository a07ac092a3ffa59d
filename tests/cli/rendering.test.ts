/** Tables, formats, sizes, ages and the progress of pulls, as text. */
import { describe, expect, test } from "bun:test";
import { renderFormat } from "../../src/cli/format/listing.ts";
import { type ProgressTarget, pullProgress } from "../../src/cli/pull-progress.ts";
import { printable, readableAge, readableSize, shortID } from "../../src/cli/readable.ts";
import { renderTable } from "../../src/cli/table.ts";
import type { PullEvent } from "../../src/image/index.ts";
import { parseDigest } from "../../src/oci/index.ts";

describe("sizes", () => {
  const SIZES: readonly (readonly [number, string])[] = [
    [0, "0 B"],
    [999, "999 B"],
    [1000, "1.00 kB"],
    [9994, "9.99 kB"],
    [9995, "10.0 kB"],
    [99949, "99.9 kB"],
    [99950, "100 kB"],
    [999_499, "999 kB"],
    [999_500, "1.00 MB"],
    [7_830_000, "7.83 MB"],
    [335_000_000, "335 MB"],
    [2 ** 53, "9.01 PB"],
  ];
  for (const [bytes, text] of SIZES) test(`${bytes} is ${text}`, () => expect(readableSize(bytes)).toBe(text));
});

describe("ages", () => {
  const [minute, hour, day] = [60, 3600, 86400];
  // the texts of Docker's listings
  const AGES: readonly (readonly [seconds: number, string])[] = [
    [-5, "Less than a second ago"],
    [0, "Less than a second ago"],
    [1, "1 second ago"],
    [59, "59 seconds ago"],
    [minute, "About a minute ago"],
    [2 * minute - 1, "About a minute ago"],
    [2 * minute, "2 minutes ago"],
    [hour - 1, "59 minutes ago"],
    [hour, "About an hour ago"],
    [1.5 * hour, "2 hours ago"],
    [47 * hour, "47 hours ago"],
    [2 * day, "2 days ago"],
    [13 * day, "13 days ago"],
    [14 * day, "2 weeks ago"],
    [60 * day, "2 months ago"],
    [700 * day, "23 months ago"],
    [1000 * day, "2 years ago"],
  ];
  for (const [seconds, text] of AGES) {
    test(`${seconds} s is ${text}`, () => expect(readableAge(1e12, 1e12 + seconds * 1000)).toBe(text));
  }
  test("of what has no time", () => {
    expect(readableAge(undefined, 0)).toBe("-");
    expect(readableAge(Date.parse("not a time"), 0)).toBe("-");
  });
});

test("ids are shortened, with and without the name of the algorithm", () => {
  expect(shortID(`sha256:${"ab".repeat(32)}`)).toBe("abababababab");
  expect(shortID("0123456789abcdef")).toBe("0123456789ab");
});

interface Fruit extends Record<string, unknown> {
  readonly Name: string;
  readonly Weight: number;
}
const FRUITS: readonly Fruit[] = [
  { Name: "apple", Weight: 1 },
  { Name: "watermelon", Weight: 5000 },
];

describe("tables", () => {
  test("columns are as wide as their widest field", () => {
    const table = renderTable<Fruit>(
      [
        ["Name", "NAME"],
        ["Weight", "WEIGHT"],
      ],
      FRUITS,
    );
    expect(table).toBe("NAME         WEIGHT\napple        1\nwatermelon   5000");
  });
  test("a name cannot write to the terminal", () => {
    const evil = { Name: "\x1b]0;owned\x07\n\u009b2J", Weight: 1 };
    expect(renderTable<Fruit>([["Name", "NAME"]], [evil])).toBe("NAME\n?]0;owned???2J");
    expect(renderFormat<Fruit>("{{.Name}}", ["Name"], [evil])).toBe("?]0;owned???2J");
    expect(printable("ünï ☃")).toBe("ünï ☃");
  });
});

describe("formats", () => {
  const fields = ["Name", "Weight"] as const;
  test("json is all of it", () => expect(JSON.parse(renderFormat("json", fields, FRUITS))).toEqual([...FRUITS]));
  test("a template is a line for each", () => {
    expect(renderFormat("{{.Name}}\\t{{ .Weight }} $& g", fields, FRUITS)).toBe("apple\t1 $& g\nwatermelon\t5000 $& g");
  });
  test("a field that there is not is refused, with those that there are", () =>
    expect(() => renderFormat("{{.Colour}}", fields, FRUITS)).toThrow(
      "cannot use --format: at character 3, {{.Colour}}: there is no field .Colour; there are .Name, .Weight",
    ));
  test("a table has a heading for each field, and Docker's widths", () =>
    expect(renderFormat("table {{.Weight}}\\t{{.Name}}", fields, FRUITS)).toBe(
      "WEIGHT    NAME\n1         apple\n5000      watermelon",
    ));
});

const A = parseDigest(`sha256:${"a".repeat(64)}`);
const B = parseDigest(`sha256:${"b".repeat(64)}`);

function layer(
  digest: typeof A,
  state: "waiting" | "downloading" | "unpacking" | "exists" | "done",
  bytes: number,
): PullEvent {
  return { type: "layer", digest, state, bytes, total: 1000 };
}

/** Plays events and returns what was written for each. */
function play(
  events: readonly (PullEvent | number)[],
  size?: { columns: number; rows: number },
  everything = true,
): string[] {
  let time = 0;
  let written = "";
  const target: ProgressTarget = { write: (text) => (written += text), size: () => size, now: () => time };
  const show = pullProgress(everything, target);
  return events.map((event) => {
    written = "";
    if (typeof event === "number") time += event;
    else show(event);
    return written;
  });
}

describe("progress", () => {
  const resolved: PullEvent = { type: "resolved", where: "docker.io/library/alpine", digest: A };

  test("without a terminal is a line for each thing that is done", () => {
    const events = [
      resolved,
      layer(A, "waiting", 0),
      layer(A, "downloading", 500),
      layer(B, "exists", 1000),
      layer(A, "done", 1000),
    ];
    expect(play(events).filter((text) => text !== "")).toEqual([
      `pulling docker.io/library/alpine ${A}\n`,
      "bbbbbbbbbbbb  1.00 kB is here already\n",
      "aaaaaaaaaaaa  1.00 kB done\n",
    ]);
  });

  test("on a terminal draws over the lines that move, and leaves those that are done above", () => {
    const size = { columns: 120, rows: 24 };
    const [first, second, third] = play(
      [layer(A, "downloading", 500), layer(B, "waiting", 0), layer(A, "done", 1000)],
      size,
    );
    expect(first).toBe("\x1b[Jaaaaaaaaaaaa [==============>               ]     500 B / 1.00 kB downloading\n");
    expect(second).toStartWith("\x1b[1A\x1b[Jaaaaaaaaaaaa [");
    expect(second).toEndWith("bbbbbbbbbbbb [                              ]       0 B / 1.00 kB waiting\n");
    expect(third).toBe(
      "\x1b[2A\x1b[Jaaaaaaaaaaaa  1.00 kB done\nbbbbbbbbbbbb [                              ]       0 B / 1.00 kB waiting\n",
    );
  });

  test("draws no more often than one sees, but every change of state", () => {
    const size = { columns: 120, rows: 24 };
    const texts = play(
      [layer(A, "downloading", 1), layer(A, "downloading", 2), layer(A, "unpacking", 3), 100, layer(A, "unpacking", 4)],
      size,
    );
    expect(texts.map((text) => text !== "")).toEqual([true, false, true, false, true]);
  });

  test("fits a screen that is too small", () => {
    const digests = Array.from("0123456789", (digit) => parseDigest(`sha256:${digit.repeat(64)}`));
    const texts = play([layer(A, "downloading", 1), ...digests.map((digest) => layer(digest, "waiting", 0))], {
      columns: 40,
      rows: 6,
    });
    const last = texts.at(-1) ?? "";
    const lines = last.slice(last.indexOf("J") + 1).split("\n");
    expect(lines).toHaveLength(5);
    expect(lines[0]).toStartWith("aaaaaaaaaaaa [ ");
    expect(lines[3]).toBe("and 8 more");
    for (const line of lines) expect(line.length).toBeLessThan(40);
  });

  test("of a run says nothing when all is here, and all when something is not", () => {
    const here = [resolved, layer(A, "waiting", 0), layer(A, "exists", 1000)];
    for (const size of [undefined, { columns: 80, rows: 24 }]) expect(play(here, size, false).join("")).toBe("");
    expect(
      play(
        [...here, layer(B, "waiting", 0), layer(B, "downloading", 1), layer(B, "done", 1000)],
        undefined,
        false,
      ).join(""),
    ).toBe(
      `pulling docker.io/library/alpine ${A}\naaaaaaaaaaaa  1.00 kB is here already\nbbbbbbbbbbbb  1.00 kB done\n`,
    );
    expect(play([{ type: "note", message: "using the old one" }], undefined, false)).toEqual(["using the old one\n"]);
  });

  test("a message of a server cannot write to the terminal", () => {
    const [text] = play([{ type: "note", message: "busy\x1b[2J\r" }], { columns: 80, rows: 24 });
    expect(text).toBe("\x1b[Jbusy?[2J?\n");
  });
});

/** What detached containers write, and how it is read again. */
import { describe, expect } from "bun:test";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { busybox } from "../../support/busybox-image.ts";
import { executable, requires, userNamespaces } from "../../support/skip.ts";
import { TSBOX } from "../../support/tsbox.ts";
import { Host, until } from "./host.ts";

const it = requires(executable, busybox, userNamespaces);

/** Standard output of `tsbox logs`, byte for byte. */
function logs(host: Host, ...args: string[]): Buffer {
  const { stdout, success, stderr } = Bun.spawnSync([TSBOX, "logs", ...args], { env: host.env });
  if (!success) throw new Error(stderr.toString());
  return stdout;
}

async function ran(host: Host, script: string, flags: readonly string[] = []): Promise<void> {
  await host.start(["--name", "box", ...flags], ["sh", "-c", script]);
  await host.ok(["wait", "box"]);
}

describe("what is written", () => {
  it("is read as it was written, on the stream that it was written to", async () => {
    using host = new Host();
    await ran(host, "echo out; echo err >&2; printf unfinished");
    const { stdout, stderr } = await host.run(["logs", "box"]);
    expect([stdout, stderr]).toEqual(["out\nunfinished", "err\n"]);
  });

  it("may be any bytes, in lines of any length", async () => {
    using host = new Host();
    // all bytes, some of them UTF-8 cut in the middle, and a line of a megabyte
    const script = "cat /etc/bytes; head -c 1000000 /dev/zero; echo; cat /etc/bytes /etc/bytes";
    const bytes = Buffer.concat([
      Buffer.from(Array.from({ length: 256 }, (_, i) => i)),
      Buffer.from('é€😀\xff"\\\t', "latin1"),
      Buffer.from("é€😀"),
    ]);
    await Bun.write(host.folder.join("bytes"), bytes);
    await ran(host, script, ["-v", `${host.folder.join("bytes")}:/etc/bytes:ro`]);
    const expected = Buffer.concat([bytes, Buffer.alloc(1_000_000), Buffer.from("\n"), bytes, bytes]);
    expect(logs(host, "box").equals(expected)).toBe(true);
    // each record is JSON by itself, and Docker's
    for (const line of host.read("box", "log/container.log").trimEnd().split("\n")) {
      const record = JSON.parse(line);
      expect(Object.keys(record)).toEqual(["log", "stream", "time"]);
      expect(record.time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
    }
  });

  it("has the time at which it was written", async () => {
    using host = new Host();
    const before = Date.now();
    await ran(host, "echo x");
    const { time } = JSON.parse(host.read("box", "log/container.log"));
    expect(Date.parse(time)).toBeGreaterThanOrEqual(before - 1);
    expect(Date.parse(time)).toBeLessThanOrEqual(Date.now());
  });

  it("is all there however fast it comes", async () => {
    using host = new Host();
    await ran(host, "i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done; yes | head -n 200000");
    const text = logs(host, "box").toString();
    const lines = Array.from({ length: 20000 }, (_, i) => `line ${i}\n`).join("");
    expect(text === lines + "y\n".repeat(200000)).toBe(true);
  });

  it("stays with its monitor's death", async () => {
    using host = new Host();
    await host.start(["--name", "box"], ["sh", "-c", "printf 'no end of line'; sleep 1000"]);
    await until("it is there", () => logs(host, "box").toString() === "no end of line");
    process.kill(host.monitor("box"), "SIGKILL");
    await Bun.sleep(50);
    expect(logs(host, "box").toString()).toBe("no end of line");
  });

  it("stops with a full disk, which the reader is told, and the container goes on", async () => {
    using host = new Host();
    await host.ok(["pull", "-q", host.image]);
    // a limit on the size of files is a disk that is full, for the monitor; the program has none
    const script = `ulimit -S -f 64; exec "$0" run -d --network=none --name box --ulimit fsize=-1 "$1" sh -c 'yes 0123456789 | head -n 20000; echo >/done'`;
    const made = Bun.spawnSync(["bash", "-c", script, TSBOX, host.image], { env: host.env });
    expect(made.stderr.toString()).toBe("");
    expect(await host.ok(["wait", "box"])).toBe("0\n");
    const { exitCode, stdout, stderr } = await host.run(["logs", "box"]);
    expect(exitCode).toBe(0);
    // whole records; where the loss begins a line may be cut
    expect(stdout.startsWith("0123456789\n".repeat(500))).toBe(true);
    const lost = 20000 * 11 - stdout.length;
    expect(lost).toBeGreaterThan(0);
    expect(stderr).toBe(`tsbox: ${lost} bytes of output were lost: file too large\n`);
  });
});

describe("logs", () => {
  it("--tail counts lines", async () => {
    using host = new Host();
    await ran(host, "for i in 1 2 3 4 5; do echo $i; done; printf 6");
    for (const [tail, text] of [
      ["0", ""],
      ["1", "6"],
      ["2", "5\n6"],
      ["100", "1\n2\n3\n4\n5\n6"],
      ["all", "1\n2\n3\n4\n5\n6"],
    ] as const)
      expect(logs(host, "--tail", tail, "box").toString()).toBe(text);
    expect((await host.run(["logs", "--tail", "x", "box"])).exitCode).toBe(125);
  });

  it("--timestamps, --since and --until", async () => {
    using host = new Host();
    await ran(host, "echo early; sleep 0.3; echo late");
    const lines = logs(host, "-t", "box")
      .toString()
      .trimEnd()
      .split("\n")
      .map((line) => line.split(" "));
    expect(lines.map(([, text]) => text)).toEqual(["early", "late"]);
    const [[early = ""] = [], [late = ""] = []] = lines;
    expect(late > early).toBe(true);
    expect(logs(host, "--since", late, "box").toString()).toBe("late\n");
    const between = new Date((Date.parse(early) + Date.parse(late)) / 2).toISOString();
    expect(logs(host, "--until", between, "box").toString()).toBe("early\n");
    expect(logs(host, "--since", "1h", "box").toString()).toBe("early\nlate\n");
    expect((await host.run(["logs", "--since", "yesterday", "box"])).exitCode).toBe(125);
  });

  it("-f goes on until the container ends", async () => {
    using host = new Host();
    await host.start(
      ["--name", "box"],
      ["sh", "-c", "echo one; read x </dev/zero & sleep 0.5; echo two; printf three; exit 0"],
    );
    expect(logs(host, "-f", "box").toString()).toBe("one\ntwo\nthree");
    expect(logs(host, "-f", "--tail", "1", "box").toString()).toBe("three");
  });

  it("-f follows through rotation", async () => {
    using host = new Host();
    await host.start(
      ["--name", "box", "--log-opt", "max-size=20k", "--log-opt", "max-file=100"],
      ["sh", "-c", "i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done"],
    );
    const expected = Array.from({ length: 3000 }, (_, i) => `line ${i}\n`).join("");
    expect(logs(host, "-f", "box").toString()).toBe(expected);
    expect(logs(host, "box").toString()).toBe(expected);
  });

  it("a container in the foreground has none, and one with --log-driver=none", async () => {
    using host = new Host();
    await host.ok(["run", "--network=none", "--name", "front", host.image, "true"]);
    await ran(host, "echo x", ["--log-driver", "none"]);
    for (const name of ["front", "box"])
      expect(await host.run(["logs", name])).toMatchObject({
        exitCode: 125,
        stderr: expect.stringContaining("has none"),
      });
  });
});

describe("rotation", () => {
  it("keeps max-file files of max-size bytes, whole lines in each", async () => {
    using host = new Host();
    await ran(host, "i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); done", [
      "--log-opt",
      "max-size=10k",
      "--log-opt",
      "max-file=3",
    ]);
    const folder = `${host.container("box")}/log`;
    const files = readdirSync(folder)
      .filter((name) => name.startsWith("container.log"))
      .sort();
    expect(files).toEqual(["container.log", "container.log.1", "container.log.2"]);
    for (const file of files) {
      expect(statSync(`${folder}/${file}`).size).toBeLessThanOrEqual(10 * 1024);
      for (const line of readFileSync(`${folder}/${file}`, "utf8").trimEnd().split("\n")) JSON.parse(line);
    }
    const text = logs(host, "box").toString();
    expect(text.endsWith("line 1998\nline 1999\n")).toBe(true);
    const numbers = [...text.matchAll(/line (\d+)/g)].map(([, number]) => Number(number));
    expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, i) => 2000 - numbers.length + i));
  });

  it("of a single file begins it again", async () => {
    using host = new Host();
    await ran(host, "i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); done", ["--log-opt", "max-size=10k"]);
    expect(readdirSync(`${host.container("box")}/log`).sort()).toEqual(["container.log", "lost"]);
    expect(logs(host, "box").toString().endsWith("line 1999\n")).toBe(true);
  });

  it("options that do not fit are refused", async () => {
    using host = new Host();
    for (const flags of [
      ["--log-driver=syslog"],
      ["--log-opt", "max-file=0"],
      ["--log-opt", "nosuch=1"],
      ["--log-driver=none", "--log-opt", "max-size=1k"],
      // only the journal has tags
      ["--log-opt", "tag=x"],
      ["--log-driver=none", "--log-opt", "tag=x"],
      ["--log-driver=journald", "--log-opt", "max-size=1k"],
    ])
      expect((await host.run(["create", ...flags, host.image, "true"])).exitCode).toBe(125);
  });
});

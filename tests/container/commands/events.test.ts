/** `tsbox events`: what is told, by whom, and that nothing is lost when the file is full. */
import { describe, expect } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { readEvents, type StoredEvent } from "../../../src/container/event-log.ts";
import { eventsFile, noteEvent, SIZE_LIMIT } from "../../../src/container/events.ts";
import { Host, until } from "../../integration/detached/host.ts";
import { busybox } from "../../support/busybox-image.ts";
import { executable, requires, userNamespaces } from "../../support/skip.ts";
import { temporaryFolder } from "../../support/tmp.ts";

const it = requires(executable, busybox, userNamespaces);
const plain = requires();

const past = async (host: Host, ...args: string[]) =>
  (await host.ok(["events", "--stream=false", ...args])).split("\n").filter(Boolean);
const ACTIONS = ["--format", "{{.Type}} {{.Action}} {{.Actor.Attributes.name}}"];

/** Whether a `tsbox events` has come so far that it misses nothing: it has a handler for SIGTERM. proc(5), SigCgt */
function follows(pid: number): boolean {
  const caught = /^SigCgt:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return (BigInt(`0x${caught}`) & (1n << 14n)) !== 0n;
}

describe("events", () => {
  it("tells a container's life in order, with exit status, signal and names", async () => {
    using host = new Host();
    const id = await host.start(
      ["--name", "box", "--label", "tier=web"],
      ["sh", "-c", "trap 'exit 3' TERM; echo up; sleep 1000 & wait"],
    );
    await until("its trap is set", async () => (await host.ok(["logs", "box"])) === "up\n");
    await host.ok(["exec", "box", "true"]);
    await host.ok(["rename", "box", "old"]);
    await host.ok(["stop", "old"]);
    await until("its end is told", async () => (await past(host, "--filter", "event=die")).length === 1);
    await host.ok(["start", "old"]);
    await host.ok(["kill", "-s", "KILL", "old"]);
    await host.ok(["wait", "old"]);
    await host.ok(["rm", "old"]);
    const actions = await past(host, "--filter", "type=container", ...ACTIONS);
    expect(actions.map((line) => line.replace("container ", ""))).toEqual([
      "create box",
      "start box",
      "exec_create: true box",
      "exec_start: true box",
      "exec_die box",
      "rename old",
      "die old",
      "stop old",
      "start old",
      "kill old",
      "die old",
      "destroy old",
    ]);
    const [line] = await past(host, "--filter", "event=create", "--filter", "type=container");
    expect(line).toMatch(
      new RegExp(
        `^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{9}(Z|[+-]\\d\\d:\\d\\d) container create ${id} \\(image=oci:.*, name=box, tier=web\\)$`,
      ),
    );
    const [died] = (await past(host, "--filter", "event=die", "--format", "json")).map((text) => JSON.parse(text));
    expect(died).toMatchObject({
      status: "die",
      id,
      Type: "container",
      Action: "die",
      Actor: { ID: id, Attributes: { exitCode: "3", name: "old", tier: "web" } },
      scope: "local",
    });
    expect(died.timeNano).toBeCloseTo(died.time * 1e9, -10);
    const execs = await past(
      host,
      "--format",
      "{{.Actor.Attributes.execID}} {{.Actor.Attributes.exitCode}}",
      "--filter",
      "event=exec_die",
    );
    expect(execs).toEqual([expect.stringMatching(/^[0-9a-f]{64} 0$/)]);
    expect(await past(host, "--filter", "event=kill", "--format", "{{.Actor.Attributes.signal}}")).toEqual(["9"]);
  });

  it("tells of images, volumes and networks", async () => {
    using host = new Host();
    await host.ok(["pull", "-q", host.image]);
    await host.ok(["volume", "create", "data"]);
    await host.ok(["volume", "rm", "data"]);
    await host.ok(["network", "create", "net"]);
    await host.ok(["network", "rm", "net"]);
    await host.ok(["rmi", host.image]);
    const actions = await past(host, "--format", "{{.Type}} {{.Action}}");
    expect(actions).toEqual([
      "image pull",
      "volume create",
      "volume destroy",
      "network create",
      "network destroy",
      "image untag",
      "image delete",
    ]);
    expect(await past(host, "--filter", "volume=data", "--format", "{{.Action}}")).toEqual(["create", "destroy"]);
    expect(await past(host, "--filter", "network=net", "--filter", "event=create", "--format", "{{.Action}}")).toEqual([
      "create",
    ]);
  });

  it("filters by container, image, label and time", async () => {
    using host = new Host();
    const id = await host.start(["--name", "one", "--label", "a=1"], ["true"]);
    await host.ok(["wait", "one"]);
    await host.start(["--name", "two", "--label", "a=2"], ["true"]);
    await host.ok(["wait", "two"]);
    await until("both ends are told", async () => (await past(host, "--filter", "event=die")).length === 2);
    await host.ok(["rm", "one", "two"]);
    const life = ["create", "start", "die", "destroy"];
    const actions = (...filters: string[]) =>
      past(host, ...filters.flatMap((filter) => ["--filter", filter]), "--format", "{{.Action}}");
    expect(await actions("container=one")).toEqual(life);
    expect(await actions(`container=${id.slice(0, 12)}`)).toEqual(life);
    // the container is gone: its labels are known of its making
    expect(await actions("label=a=1")).toEqual(life);
    expect(await actions("label=a", "event=die")).toEqual(["die", "die"]);
    expect(await actions("container=one", "container=two", "event=start")).toEqual(["start", "start"]);
    expect((await actions(`image=${host.image}`)).length).toBe(9);
    expect(await past(host, "--until", "1h")).toEqual([]);
    expect((await past(host, "--since", "1h")).length).toBe(9);
    expect((await host.run(["events", "--filter", "nosuch=1"])).stderr).toContain("there is no filter");
  });

  it("follows from now on, ends with --until, and with Ctrl-C", async () => {
    using host = new Host();
    await host.start(["--name", "before"], ["true"]);
    await until("its end is told", async () => (await past(host, "--filter", "event=die")).length === 1);
    const child = host.spawn(["events", "--filter", "type=container", "--format", "{{.Action}} {{.Name}}"]);
    const reader = child.stdout.getReader();
    await until("it follows", () => follows(child.pid));
    await host.start(["--name", "box", "--rm"], ["true"]);
    let text = "";
    // a container that goes with its end tells that it has gone
    while (!text.includes("destroy")) text += new TextDecoder().decode((await reader.read()).value);
    expect(text).toBe("create box\nstart box\ndie box\ndestroy box\n");
    text = "";
    await host.ok(["run", "--rm", "--network=none", "--name", "fore", host.image, "true"]);
    while (!text.includes("destroy")) text += new TextDecoder().decode((await reader.read()).value);
    expect(text).toBe("create fore\nstart fore\ndie fore\ndestroy fore\n");
    child.kill("SIGINT");
    expect(await child.exited).toBe(0);
    const soon = new Date(Date.now() + 500).toISOString();
    const started = Date.now();
    expect(await host.ok(["events", "--until", soon])).toBe("");
    expect(Date.now() - started).toBeGreaterThan(400);
  });

  it("follows where nothing has happened yet", async () => {
    using host = new Host();
    const child = host.spawn(["events", "--filter", "type=container", "--format", "{{.Action}}"]);
    await until("it follows", () => follows(child.pid));
    await host.start(["--name", "box"], ["sleep", "1000"]);
    const reader = child.stdout.getReader();
    let text = "";
    while (!text.includes("start")) text += new TextDecoder().decode((await reader.read()).value);
    child.kill("SIGTERM");
    expect(text).toBe("create\nstart\n");
    expect(await child.exited).toBe(0);
  });
});

/** Events with numbers, large enough that some ten thousand fill the file many times. */
const WRITER = `
  import { noteEvent } from "${import.meta.dir}/../../../src/container/events.ts";
  const [store, writer, count] = process.argv.slice(1);
  for (let i = 0; i < Number(count); i++) {
    noteEvent(store, { type: "test", action: "write", id: writer + ":" + i, padding: "x".repeat(900) });
    if (i % 20 === 0) await Bun.sleep(1);
  }`;

describe("the file of events", () => {
  plain(
    "is changed for a new one beyond its limit, and a follower misses nothing of what several write",
    async () => {
      using folder = temporaryFolder();
      const store = folder.path;
      const [writers, each] = [3, 2500];
      const ending = new AbortController();
      const seen: StoredEvent[] = [];
      const following = (async () => {
        for await (const event of readEvents(store, { follow: true, signal: ending.signal })) {
          seen.push(event);
          if (seen.length === writers * each) ending.abort();
        }
      })();
      const children = Array.from({ length: writers }, (_, i) =>
        Bun.spawn([process.execPath, "-e", WRITER, store, `w${i}`, String(each)], {
          stdout: "inherit",
          stderr: "inherit",
        }),
      );
      for (const child of children) expect(await child.exited).toBe(0);
      const timer = setTimeout(() => ending.abort(), 15_000);
      await following;
      clearTimeout(timer);
      expect(seen).toHaveLength(writers * each);
      for (let i = 0; i < writers; i++) {
        const own = seen.filter(({ id }) => id.startsWith(`w${i}:`)).map(({ id }) => Number(id.split(":")[1]));
        expect(own).toEqual(Array.from({ length: each }, (_, n) => n));
      }
      const files = readdirSync(store).filter((name) => /^events\.jsonl(\.\d+)?$/.test(name));
      expect(files.length).toBeGreaterThan(3);
      expect(files.length).toBeLessThanOrEqual(5);
      // what is written while one of them renames it still comes in
      for (const name of files) expect(Bun.file(`${store}/${name}`).size).toBeLessThan(SIZE_LIMIT * 2);
    },
    60_000,
  );

  plain("is read over lines that a full disk has cut, and a writer that still had the old one is heard", async () => {
    using folder = temporaryFolder();
    const store = folder.path;
    const { appendFileSync, openSync, renameSync, writeSync } = await import("node:fs");
    noteEvent(store, { type: "test", action: "one", id: "1" });
    appendFileSync(eventsFile(store), '{"type":"test","acti\n[1]\nnull\n');
    noteEvent(store, { type: "test", action: "two", id: "2" });
    const late = openSync(eventsFile(store), "a");
    const ending = new AbortController();
    const seen: string[] = [];
    const following = (async () => {
      for await (const { action } of readEvents(store, { follow: true, signal: ending.signal })) seen.push(action);
    })();
    await until("two are read", () => seen.length === 2);
    renameSync(eventsFile(store), `${eventsFile(store)}.1`);
    noteEvent(store, { type: "test", action: "four", id: "4" });
    await Bun.sleep(50);
    writeSync(late, `${JSON.stringify({ type: "test", action: "three", id: "3", time: Date.now() })}\n`);
    await until("four are read", () => seen.length === 4);
    ending.abort();
    await following;
    expect(seen).toEqual(["one", "two", "three", "four"]);
  });
});

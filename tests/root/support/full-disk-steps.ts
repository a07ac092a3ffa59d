/** What people do while the disk that has the store is full. Run in a mount namespace of its own; what was seen is printed as JSON. */
import { mkdirSync, readdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { Host, until } from "../../integration/detached/host.ts";

export interface Seen {
  /** Commands with their exit status and standard error, while nothing could be written. */
  readonly refused: Record<string, { exitCode: number; stderr: string }>;
  /** Commands that need no space, and what they printed. */
  readonly done: Record<string, string>;
  /** Of the store, before and after what was refused; names of files and folders below it, but for those that came and went with containers. */
  readonly before: readonly string[];
  readonly after: readonly string[];
  /** Standard error and output of `logs` of a container that wrote all the time. */
  readonly logs: { stdout: string; stderr: string };
  /** The same commands when there was space again: exit status. */
  readonly later: Record<string, number>;
}

const MEGABYTES = 12;

function mountStore(host: Host): void {
  mkdirSync(host.storage, { recursive: true });
  const mounted = Bun.spawnSync(["mount", "-t", "tmpfs", "-o", `size=${MEGABYTES}m,mode=700`, "none", host.storage]);
  if (!mounted.success) throw new Error(`cannot mount: ${mounted.stderr}`);
}

function fill(host: Host): void {
  for (const size of [65536, 1024, 1]) {
    try {
      for (;;) writeFileSync(`${host.storage}/filler-${size}`, Buffer.alloc(size), { flag: "a" });
    } catch {
      // no space is left for as much
    }
  }
  if (statfsSync(host.storage).bavail !== 0) throw new Error("the disk is not full");
}

const unfill = (host: Host) => {
  for (const size of [65536, 1024, 1]) rmSync(`${host.storage}/filler-${size}`, { force: true });
};

/** Containers, names, volumes and what is on its way into the store. */
const contents = (host: Host) =>
  ["containers", "containers/names", "volumes", "secrets", "tmp", "layers", "blobs/sha256"]
    .flatMap((folder) => {
      try {
        return readdirSync(`${host.storage}/${folder}`).map((name) => `${folder}/${name}`);
      } catch {
        return [];
      }
    })
    // made by the first who looks
    .filter((path) => path !== "volumes/.lock")
    .sort();

async function main(): Promise<Seen> {
  using host = new Host();
  mountStore(host);
  try {
    return await observe(host);
  } finally {
    await host.run(["rm", "-f", "--all"]);
    Bun.spawnSync(["umount", "-l", host.storage]);
  }
}

async function observe(host: Host): Promise<Seen> {
  await host.ok(["pull", "-q", host.image]);
  const writer = "i=0; while :; do echo line $i; i=$((i+1)); sleep 0.01; done";
  await host.start(["--name", "writer"], ["sh", "-c", writer]);
  await host.start(["--name", "box", "-v", "vol:/vol"], ["sleep", "1000"]);
  await host.ok(["exec", "box", "sh", "-c", "head -c 200000 /dev/urandom > /root/change"]);
  const big = host.folder.join("big");
  writeFileSync(big, Buffer.alloc(300_000, 1));
  await until("something is logged", async () => (await host.ok(["logs", "writer"])).includes("line 9\n"));
  const before = contents(host);

  fill(host);
  const commands: Record<string, string[]> = {
    "run -d": ["run", "-d", "--network=none", "--name", "new", host.image, "true"],
    run: ["run", "--rm", "--network=none", host.image, "true"],
    create: ["create", "--network=none", host.image, "true"],
    commit: ["commit", "box", "made:1"],
    cp: ["cp", big, "box:/root/big"],
    "cp to a volume": ["cp", big, "box:/vol/big"],
    "volume create": ["volume", "create", "v2"],
    "run -v": ["run", "--rm", "--network=none", "-v", "v3:/data", host.image, "true"],
    update: ["update", "--restart", "always", "box"],
    rename: ["rename", "box", "other"],
  };
  const refused: Seen["refused"] = {};
  for (const [what, args] of Object.entries(commands)) {
    const { exitCode, stderr } = await host.run(args);
    refused[what] = { exitCode, stderr };
  }
  // the last block of the log has room for some lines yet
  await until("a line could not be written", () => /[^\0]/.test(host.read("writer", "log/lost")));
  const done = {
    ps: await host.ok(["ps", "-a", "--format", "{{.Names}} {{.State}}"]),
    exec: await host.ok(["exec", "box", "echo", "alive"]),
    files: await host.ok(["exec", "box", "sh", "-c", "ls /root /vol"]),
    stop: await host.ok(["stop", "-t", "0", "writer"]),
  };
  const logs = await host.run(["logs", "writer"]);
  const after = contents(host);

  unfill(host);
  const later: Seen["later"] = {};
  for (const [what, args] of Object.entries(commands)) later[what] = (await host.run(args)).exitCode;
  later.start = (await host.run(["start", "writer"])).exitCode;
  return { refused, done, before, after, logs, later };
}

if (import.meta.main) {
  const seen = await main();
  console.log(JSON.stringify(seen));
}

/** `tsbox ps`: Docker's columns, texts, fields and filters, of containers in every state. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { portText } from "../../src/cli/container-fields.ts";
import { fieldsIn } from "../../src/cli/container-rows.ts";
import { statusText } from "../../src/cli/container-status.ts";
import type { ListedContainer } from "../../src/container/list.ts";
import type { ContainerState } from "../../src/container/state.ts";
import { Host, isProcess, until } from "../integration/detached/host.ts";
import { busybox } from "../support/busybox-image.ts";
import { executable, requires, userNamespaces } from "../support/skip.ts";

setDefaultTimeout(60_000);
const it = requires(executable, busybox, userNamespaces);

const NOW = 1e12;
const STATE: ContainerState = {
  status: "running",
  pid: 1,
  startTime: 1,
  exitCode: 0,
  error: undefined,
  oomKilled: false,
  startedAt: NOW - 300_000,
  finishedAt: NOW - 7_200_000,
  restarts: 0,
  cgroup: undefined,
  health: undefined,
};
// what `docker ps` writes of a container in that state
const TEXTS: readonly (readonly [Partial<ContainerState>, string])[] = [
  [{}, "Up 5 minutes"],
  [{ health: "starting" }, "Up 5 minutes (health: starting)"],
  [{ health: "healthy" }, "Up 5 minutes (healthy)"],
  [{ health: "unhealthy" }, "Up 5 minutes (unhealthy)"],
  [{ status: "paused", health: "healthy" }, "Up 5 minutes (Paused)"],
  [{ status: "exited", exitCode: 137 }, "Exited (137) 2 hours ago"],
  [{ status: "exited", exitCode: 137, finishedAt: undefined }, "Exited (137)"],
  [{ status: "restarting", exitCode: 1, finishedAt: NOW - 3000 }, "Restarting (1) 3 seconds ago"],
  [{ status: "created", startedAt: undefined, finishedAt: undefined }, "Created"],
];
for (const [state, text] of TEXTS)
  test(text, () => {
    // cast: of the record nothing is used
    const container = { state: { ...STATE, ...state }, record: {} } as ListedContainer;
    expect(statusText(container, NOW)).toBe(text);
  });

test("ports as Docker shows them", () => {
  const port = { protocol: "tcp", containerPort: 80, hostPort: 8080, count: 1 } as const;
  expect(portText(port)).toBe("0.0.0.0:8080->80/tcp");
  expect(portText({ ...port, hostIP: "127.0.0.1", protocol: "udp" })).toBe("127.0.0.1:8080->80/udp");
  expect(portText({ ...port, hostIP: "::1", count: 3 })).toBe("[::1]:8080-8082->80-82/tcp");
});

test("only the fields that a format names are made, and all where it has the whole", () => {
  expect(fieldsIn("{{.Names}} {{.ID | upper}} 1.5 a.b")).toEqual(["ID", "Names"]);
  expect(fieldsIn('{{(index .Ports 1)}}{{.Label "x"}}')).toEqual(["Ports"]);
  for (const format of ["json", "{{json .}}", "{{.}}", "{{$}}", "{{with .}}{{.ID}}{{end}}", "{{println (.)}}"])
    expect(fieldsIn(format)).toHaveLength(18);
});

it("lists what runs, and with -a, -n, -l and filters the rest", async () => {
  using host = new Host();
  const id = await host.start(["--name", "web", "--label", "tier=front"], ["sleep", "1000"]);
  await host.run([
    "run",
    "--network=none",
    "--name",
    "failed",
    "--label",
    "tier=back",
    host.image,
    "sh",
    "-c",
    "exit 7",
  ]);
  await host.ok(["create", "--network=none", "--name", "fresh", host.image, "sleep", "a longer command line"]);
  const [head, row, more] = (await host.ok(["ps"])).trimEnd().split("\n");
  expect(head).toMatch(/^CONTAINER ID {3}IMAGE +COMMAND +CREATED +STATUS +PORTS {5}NAMES$/);
  expect(row).toStartWith(`${id.slice(0, 12)}   ${host.image}   "sleep 1000"   `);
  expect(row).toMatch(/ ago +Up .* web$/);
  expect(more).toBeUndefined();

  const names = async (...args: string[]) =>
    (await host.ok(["ps", ...args, "--format", "{{.Names}}"])).trim().split("\n").join(" ");
  const CASES: readonly (readonly [args: string, names: string])[] = [
    ["", "web"],
    ["-a", "fresh failed web"],
    ["-l", "fresh"],
    ["-n 2", "fresh failed"],
    ["-n 1 -f status=exited", "failed"],
    ["-f status=exited", "failed"],
    ["-f status=created -f status=running", "fresh web"],
    ["-f exited=7", "failed"],
    ["-f exited=0", ""],
    ["-a -f label=tier", "failed web"],
    ["-a -f label=tier=back -f label=tier=front", ""],
    ["-a -f name=f", "fresh failed"],
    ["-a -f name=^/web$", "web"],
    [`-a -f id=${id.slice(0, 10)}`, "web"],
    [`-a -f ancestor=${host.image}`, "fresh failed web"],
    ["-a -f ancestor=nosuch", ""],
    ["-a -f before=failed", "web"],
    ["-a -f since=failed", "fresh"],
    ["-a -f network=none", "fresh failed web"],
    ["-a -f network=other", ""],
    ["-a -f health=none -f status=running", "web"],
    ["-a -f publish=80", ""],
    ["-a -f is-task=true", ""],
  ];
  for (const [args, expected] of CASES)
    expect([args, await names(...args.split(" ").filter(Boolean))]).toEqual([args, expected]);

  expect(await host.ok(["ps", "-q"])).toBe(`${id.slice(0, 12)}\n`);
  expect(await host.ok(["ps", "-q", "--no-trunc"])).toBe(`${id}\n`);
  expect(await host.ok(["ps", "--filter", "name=fresh", "-a", "--format", "table {{.Command}}\\t{{.State}}"])).toBe(
    'COMMAND                  STATE\n"sleep a longer comm…"   created\n',
  );
  const template = '{{.Label "tier"}} {{.Labels}} {{.LocalVolumes}} {{.ExitCode}}';
  expect(await host.ok(["ps", "-a", "-f", "name=failed", "--format", template])).toBe("back tier=back 0 7\n");

  const refused = await host.run(["ps", "--filter", "nme=x"]);
  expect(refused.exitCode).toBe(125);
  expect(refused.stderr).toStartWith(
    'tsbox: cannot use --filter nme=x: there is no filter "nme"; there are ancestor, ',
  );
  expect((await host.run(["ps", "-n", "0"])).exitCode).toBe(125);
});

it("tells the truth of one whose monitor was killed", async () => {
  using host = new Host();
  await host.start(["--name", "box"], ["sleep", "1000"]);
  const pid = host.pid("box");
  process.kill(host.monitor("box"), "SIGKILL");
  await until("its program is gone", async () => (await host.ok(["ps", "-q"])) === "");
  expect(await host.ok(["ps", "-a", "--format", "{{.Names}} {{.Status}}"])).toMatch(/^box Exited \(137\)/);
  expect(isProcess(pid)).toBe(false);
});

it("-s shows what each has written, hard links once", async () => {
  using host = new Host();
  const script = "head -c 123456 /dev/zero > /a; ln /a /b; mkdir -m 700 /d; head -c 1000 /dev/zero > /d/c";
  await host.ok(["run", "--network=none", "--name", "wrote", host.image, "sh", "-c", script]);
  await host.ok(["create", "--network=none", "--name", "idle", host.image, "true"]);
  const [driver] = JSON.parse(await host.ok(["inspect", "idle"])) as [{ Driver: string }];
  if (driver.Driver === "copy") return; // its own tree is all of the image
  expect(await host.ok(["ps", "-a", "--format", "{{.Names}} {{.Size}}"])).toMatch(
    /^idle 0B \(virtual [\d.]+MB\)\nwrote 124kB \(virtual [\d.]+MB\)\n$/,
  );
  const [, own, all] =
    /^(\d+) (\d+)\n$/.exec(await host.ok(["inspect", "-sf", "{{.SizeRw}} {{.SizeRootFs}}", "wrote"])) ?? [];
  expect(Number(own)).toBe(124456);
  expect(Number(all)).toBeGreaterThan(500_000);
  expect((await host.ok(["ps", "-as"])).split("\n")[0]).toEndWith("NAMES     SIZE");
});

it("finds by ports that are published or exposed, by volumes and by image ids", async () => {
  using host = new Host();
  const flags = [
    "-p",
    "8000-8002:80-82",
    "-p",
    "127.0.0.1::53/udp",
    "--expose",
    "9000",
    "-v",
    "data:/data",
    "-v",
    `${host.home}:/home`,
  ];
  await host.ok(["create", "--name", "one", ...flags, host.image, "true"]);
  await host.ok(["create", "--network=none", "--name", "two", host.image, "true"]);
  const names = async (filter: string) => (await host.ok(["ps", "-a", "-f", filter, "--format", "{{.Names}}"])).trim();
  const image = (await host.ok(["images", "-q"])).trim();
  const CASES: readonly (readonly [filter: string, names: string])[] = [
    ["publish=81", "one"],
    ["publish=80-90/tcp", "one"],
    ["publish=53", ""],
    ["publish=53/udp", "one"],
    ["publish=9000", ""],
    ["expose=9000/tcp", "one"],
    ["expose=82", "one"],
    ["volume=data", "one"],
    ["volume=/data", "one"],
    [`volume=${host.home}`, "one"],
    ["volume=other", ""],
    [`ancestor=${image}`, "two\none"],
    ["pod=nosuch", ""],
  ];
  for (const [filter, expected] of CASES) expect([filter, await names(filter)]).toEqual([filter, expected]);
  expect(await host.ok(["ps", "-a", "-f", "name=one", "--format", "{{.LocalVolumes}} {{.Mounts}}"])).toStartWith(
    "1 data,",
  );
});

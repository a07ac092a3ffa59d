/** `tsbox inspect`: what Docker's has, of containers and images, by template and as JSON. */
import { expect, setDefaultTimeout } from "bun:test";
import { Host } from "../integration/detached/host.ts";
import { busybox } from "../support/busybox-image.ts";
import { executable, requires, userNamespaces } from "../support/skip.ts";

setDefaultTimeout(60_000);
const it = requires(executable, busybox, userNamespaces);

it("shows a container's options, state and places in Docker's words", async () => {
  using host = new Host();
  const flags = ["--name", "box", "-e", "A=b c", "--label", "com.example.x=1", "--cap-drop", "ALL", "--read-only"];
  const more = ["--stop-signal", "INT", "-w", "/tmp", "-u", "0", "--tmpfs", "/run", "-v", `${host.home}:/data:ro`];
  const id = await host.start([...flags, ...more, "--restart", "on-failure:3"], ["sleep", "1000"]);
  const [box, ...rest] = JSON.parse(await host.ok(["inspect", "box"]));
  expect(rest).toEqual([]);
  expect(box).toMatchObject({
    Id: id,
    Name: "/box",
    Path: "sleep",
    Args: ["1000"],
    RestartCount: 0,
    Platform: "linux",
    Image: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
    LogPath: `${host.container("box")}/log/container.log`,
    State: {
      Status: "running",
      Running: true,
      Paused: false,
      Restarting: false,
      OOMKilled: false,
      Dead: false,
      Pid: host.pid("box"),
      ExitCode: 0,
      Error: "",
      FinishedAt: "0001-01-01T00:00:00Z",
    },
    Config: {
      Hostname: id.slice(0, 12),
      User: "0",
      Env: expect.arrayContaining(["A=b c"]),
      Cmd: ["sleep", "1000"],
      Entrypoint: null,
      WorkingDir: "/tmp",
      Labels: { "com.example.x": "1" },
      StopSignal: expect.stringMatching(/^(SIG)?INT$/),
      Tty: false,
    },
    HostConfig: {
      NetworkMode: "none",
      CapDrop: ["ALL"],
      ReadonlyRootfs: true,
      Privileged: false,
      AutoRemove: false,
      RestartPolicy: { Name: "on-failure", MaximumRetryCount: 3 },
      Binds: [`${host.home}:/data:ro`],
      ShmSize: 67108864,
    },
    Mounts: expect.arrayContaining([
      expect.objectContaining({ Type: "bind", Source: host.home, Destination: "/data", RW: false }),
    ]),
    NetworkSettings: { Ports: {}, Networks: { none: expect.anything() } },
  });
  expect(Object.keys(box.HostConfig.Tmpfs)).toEqual(["/run"]);
  expect("Health" in box.State).toBe(false);
  expect(Math.abs(Date.parse(box.State.StartedAt) - Date.now())).toBeLessThan(60_000);

  const show = async (template: string) => (await host.ok(["inspect", "-f", template, "box"])).trimEnd();
  expect(await show("{{.State.Status}} {{.State.ExitCode}}")).toBe("running 0");
  expect(await show('{{index .Config.Labels "com.example.x"}}{{index .Config.Labels "no"}}')).toBe("1");
  expect(await show("{{json .Config.Cmd}} {{len .Mounts}}")).toMatch(/^\["sleep","1000"\] [12]$/);
  // fields that Docker's structures have, whatever there is
  expect(await show("{{range .Mounts}}[{{.Type}} {{.Name}} {{.Driver}}]{{end}}")).toContain("[bind  ]");
  expect(await show("{{.Config.StopTimeout}}{{.HostConfig.Isolation}}{{.HostConfig.CgroupParent}}")).toBe("<no value>");
  expect(await show("{{range .NetworkSettings.Networks}}{{.DNSNames}}{{end}}")).toBe("<no value>");
  expect(await show('{{range .Config.Env}}{{if eq (slice . 0 2) "A="}}{{.}}{{end}}{{end}}')).toBe("A=b c");
  expect(await show("{{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}}")).toBe("none");
  expect(await show("{{range $p, $c := .NetworkSettings.Networks}}{{$p}}{{end}}")).toBe("none");
  expect(await show("json")).toStartWith('[{"Id":"');
  expect(await host.ok(["inspect", "-s", "-f", "{{.SizeRw}}", "box"])).toMatch(/^\d+\n$/);

  await host.ok(["stop", "-t", "0", "box"]);
  expect(await show("{{.State.Status}} {{.State.Running}} {{.State.Pid}} {{.State.ExitCode}}")).toBe(
    "exited false 0 137",
  );
  expect(await show("{{.State.FinishedAt}}")).not.toStartWith("0001");
});

it("shows an image, and what is asked for by --type only", async () => {
  using host = new Host();
  await host.ok(["pull", "-q", host.image]);
  await host.ok(["create", "--network=none", "--name", "box", host.image, "true"]);
  const [image] = JSON.parse(await host.ok(["inspect", host.image]));
  const whole = (await host.ok(["images", "-q", "--no-trunc"])).trim();
  expect(image).toMatchObject({
    Id: whole,
    RepoTags: [expect.stringContaining("layout:latest")],
    Os: "linux",
    RootFS: { Type: "layers", Layers: [expect.stringMatching(/^sha256:/)] },
    Config: { Cmd: expect.anything() },
  });
  expect(image.Size).toBeGreaterThan(0);
  const id = whole.slice(7, 19);
  expect(await host.ok(["inspect", "--type", "image", "-f", "{{.Id}}", id])).toBe(`${whole}\n`);
  expect(await host.ok(["inspect", "-f", "{{.Image}}", "box"])).toBe(`${whole}\n`);
  for (const [type, name] of [
    ["image", "box"],
    ["container", host.image],
    ["volume", "box"],
  ] as const) {
    const { exitCode, stdout, stderr } = await host.run(["inspect", "--type", type, name]);
    expect([exitCode, stdout, stderr]).toEqual([1, "[]\n", `tsbox: no such ${type}: ${name}\n`]);
  }
  expect((await host.run(["inspect", "--type", "nothing", "box"])).exitCode).toBe(125);
});

it("shows those that are there, and says which are not", async () => {
  using host = new Host();
  await host.ok(["create", "--network=none", "--name", "box", host.image, "true"]);
  expect(await host.run(["inspect", "nosuch"])).toEqual({
    exitCode: 1,
    stdout: "[]\n",
    stderr: "tsbox: no such object: nosuch\n",
  });
  expect(await host.run(["inspect", "-f", "{{.Name}}", "nosuch", "box"])).toEqual({
    exitCode: 1,
    stdout: "/box\n",
    stderr: "tsbox: no such object: nosuch\n",
  });
  const wrong = await host.run(["inspect", "-f", "{{.State.Stats}}", "box"]);
  expect(wrong.exitCode).toBe(125);
  expect(wrong.stderr).toStartWith(
    "tsbox: cannot use --format: at character 9, {{.State.Stats}}: there is no field .Stats;",
  );
});

it("finds by name, id and its beginning, and names all that begin so", async () => {
  using host = new Host();
  const ids: string[] = [];
  // seventeen ids have two that begin alike
  for (let i = 0; i < 17; i++)
    ids.push((await host.ok(["create", "--network=none", "--name", `box${i}`, host.image, "true"])).trim());
  const first = ids.map((id) => id.slice(0, 1));
  const letter = first.find((text, i) => first.indexOf(text) !== i) ?? "";
  const { exitCode, stderr } = await host.run(["inspect", letter]);
  expect(exitCode).toBe(125);
  const matches = ids.filter((id) => id.startsWith(letter));
  expect(stderr).toStartWith(`tsbox: cannot find container ${letter}: ${matches.length} ids begin so: `);
  for (const id of matches) expect(stderr).toContain(`${id.slice(0, 16)} (box${ids.indexOf(id)})`);
  for (const name of [ids[4] ?? "", ids[4]?.slice(0, 20) ?? "", "box4", "/box4"])
    expect(await host.ok(["inspect", "-f", "{{.Name}}", name])).toBe("/box4\n");
});

it("shows no value of a secret, nor does anything else that is kept of the container", async () => {
  using host = new Host();
  await host.ok(["secret", "create", "key", "-"], { stdin: "hunter2-value" });
  await host.start(["--name", "box", "--secret", "key", "--secret", "key,type=env,target=KEY"], ["sleep", "1000"]);
  const text = await host.ok(["inspect", "box"]);
  expect(text).not.toContain("hunter2");
  expect(await host.ok(["ps", "--no-trunc", "--format", "json"])).not.toContain("hunter2");
});

it("shows a health check, and how it goes", async () => {
  using host = new Host();
  await host.start(["--name", "box", "--health-cmd", "echo fine", "--health-interval", "1s"], ["sleep", "1000"]);
  for (let i = 0; i < 100; i++) {
    if ((await host.ok(["inspect", "-f", "{{.State.Health.Status}}", "box"])) === "healthy\n") break;
    await Bun.sleep(100);
  }
  const [{ State, Config }] = JSON.parse(await host.ok(["inspect", "box"]));
  expect(State.Health).toMatchObject({ Status: "healthy", FailingStreak: 0 });
  expect(State.Health.Log[0]).toMatchObject({ ExitCode: 0, Output: expect.stringContaining("fine") });
  expect(Config.Healthcheck).toMatchObject({ Test: ["CMD-SHELL", "echo fine"], Interval: 1e9, Retries: 3 });
  expect(await host.ok(["ps", "--format", "{{.Status}}"])).toMatch(/^Up .* \(healthy\)\n$/);
  expect(await host.ok(["ps", "-q", "--filter", "health=healthy"])).not.toBe("");
});

it("finds volumes, networks and pods, and containers before them", async () => {
  using host = new Host();
  await host.ok(["volume", "create", "--label", "a=b", "data"]);
  await host.ok(["network", "create", "net"]);
  await host.ok(["pod", "create", "--name", "duo"]);
  const show = async (template: string, ...names: string[]) => await host.ok(["inspect", "-f", template, ...names]);
  expect(await show("{{.Name}}", "data", "net", "duo")).toBe("data\nnet\nduo\n");
  expect(await show('{{index .Labels "a"}}{{index .Labels "none"}}', "data")).toBe("b\n");
  expect(await show("{{len .Containers}}", "net")).toBe("0\n");
  await host.ok(["create", "--network=none", "--name", "data", host.image, "true"]);
  expect(await show("{{.Name}}", "data")).toBe("/data\n");
  expect(await host.ok(["inspect", "--type", "volume", "-f", "{{.Name}} {{.Driver}}", "data"])).toBe("data local\n");
});

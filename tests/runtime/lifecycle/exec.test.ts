/** exec: another process in a container, with flags or a file that say how. */
import { expect } from "bun:test";
import { existsSync, readdirSync, readlinkSync, writeFileSync } from "node:fs";
import { box, isAlive, test, until } from "./box.ts";

const it = box();
const SIGNAL = 128;

test("in a created and in a running container, but not in a stopped one", async () => {
  const id = await it.create({ args: ["sleep", "1000"] });
  expect(await it.ok(["exec", id, "echo", "created"])).toBe("created\n");
  expect(await it.status(id)).toBe("created");
  await it.ok(["start", id]);
  expect(await it.ok(["exec", id, "echo", "running"])).toBe("running\n");
  await it.ok(["kill", id, "KILL"]);
  await it.becomes(id, "stopped");
  expect(await it.fails(["exec", id, "true"], 255)).toContain("container not running");
  await it.ok(["delete", id]);
});

test("the exit status is the program's; 128 and the number for a signal", async () => {
  const id = await it.started();
  for (const status of [0, 1, 42, 126, 255]) {
    expect(await it.run(["exec", id, "sh", "-c", `exit ${status}`])).toEqual({
      exitCode: status,
      stdout: "",
      stderr: "",
    });
  }
  for (const signal of [1, 2, 9, 15])
    expect((await it.run(["exec", id, "sh", "-c", `kill -${signal} $$; sleep 10`])).exitCode).toBe(SIGNAL + signal);
  await it.ok(["delete", "--force", id]);
});

test("standard input, output and error are the caller's", async () => {
  const id = await it.started();
  const result = await it.run(["exec", id, "sh", "-c", "cat; echo to-err >&2"], { stdin: "from the caller" });
  expect(result).toEqual({ exitCode: 0, stdout: "from the caller", stderr: "to-err\n" });
  await it.ok(["delete", "--force", id]);
});

test("signals are forwarded; it ends with tsbox, whatever ends that", async () => {
  const id = await it.started();
  const script = 'trap "echo got-term; exit 9" TERM; echo ready; while :; do sleep 0.05; done';
  const call = it.spawn(["exec", id, "sh", "-c", script]);
  await until(() => call.output() === "ready\n", "the program");
  call.child.kill("SIGTERM");
  expect(await call.result()).toEqual({ exitCode: 9, stdout: "ready\ngot-term\n", stderr: "" });

  const pidFile = it.path("killed.pid");
  const killed = it.spawn(["exec", "--pid-file", pidFile, id, "sleep", "1000"]);
  await until(() => existsSync(pidFile) && it.read("killed.pid") !== "", "the program");
  const pid = Number(it.read("killed.pid"));
  expect(isAlive(pid)).toBe(true);
  killed.child.kill("SIGKILL");
  await until(() => !isAlive(pid), "its end");
  expect(await it.status(id)).toBe("running");
  await it.ok(["delete", "--force", id]);
});

test("--detach leaves it running, with its pid in --pid-file", async () => {
  const id = await it.started();
  const pidFile = it.path("detached.pid");
  expect(await it.run(["exec", "--detach", "--pid-file", pidFile, id, "sleep", "1234"])).toEqual({
    exitCode: 0,
    stdout: "",
    stderr: "",
  });
  const pid = Number(it.read("detached.pid"));
  expect(isAlive(pid)).toBe(true);
  expect(await it.ok(["exec", id, "sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '"])).toContain("sleep 1234");
  const { pid: init } = await it.state(id);
  await it.ok(["delete", "--force", id]);
  await until(() => !isAlive(pid) && !isAlive(init), "the end of all");
});

test("it is in all namespaces of the container", async () => {
  const id = await it.started();
  const { pid } = await it.state(id);
  const kinds = readdirSync(`/proc/${pid}/ns`).filter((kind) => !kind.endsWith("_for_children"));
  const script = kinds.map((kind) => `readlink /proc/self/ns/${kind}`).join("; ");
  const seen = (await it.ok(["exec", id, "sh", "-c", script])).trim().split("\n");
  expect(seen).toEqual(kinds.map((kind) => readlinkSync(`/proc/${pid}/ns/${kind}`)));
  for (const kind of ["user", "mnt", "pid", "ipc", "uts"])
    expect(readlinkSync(`/proc/${pid}/ns/${kind}`)).not.toBe(readlinkSync(`/proc/self/ns/${kind}`));
  // the root folder too, and no way out of it
  expect(await it.ok(["exec", id, "sh", "-c", "cd /../..; pwd; ls -d /bin/busybox; hostname"])).toBe(
    "/\n/bin/busybox\nbundle\n",
  );
  await it.ok(["delete", "--force", id]);
});

test("--cwd, --env, --no-new-privs and what config.json says where they are not given", async () => {
  const id = await it.started({
    args: ["sleep", "1000"],
    edit: ({ process }) => {
      process.cwd = "/etc";
      process.env = ["PATH=/bin", "A=config", "B=config"];
      process.noNewPrivileges = false;
    },
  });
  const show = ["sh", "-c", "pwd; echo $A $B $C; grep NoNewPrivs /proc/self/status"];
  expect(await it.ok(["exec", id, ...show])).toBe("/etc\nconfig config\nNoNewPrivs:\t0\n");
  const flags = ["--cwd", "/tmp", "--env", "B=flag", "-e", "C=a b=c", "--no-new-privs"];
  expect(await it.ok(["exec", ...flags, id, ...show])).toBe("/tmp\nconfig flag a b=c\nNoNewPrivs:\t1\n");
  // flags after the id are the program's
  expect(await it.ok(["exec", id, "echo", "--cwd", "/", "-t"])).toBe("--cwd / -t\n");
  expect(await it.fails(["exec", "--cwd", "/no/such", id, "true"], 255)).toContain("/no/such");
  expect(await it.fails(["exec", "--cwd", "tmp", id, "true"], 255)).toContain(
    'process.cwd: "tmp" is not an absolute path',
  );
  await it.ok(["delete", "--force", id]);
});

test("--process is a process as config.json has it, the container's own left aside", async () => {
  const id = await it.started({
    args: ["sleep", "1000"],
    edit: ({ process }) => (process.env = ["PATH=/bin", "A=config"]),
  });
  const file = it.path("process.json");
  const script = "pwd; echo [$A] $B; umask; ulimit -n; cat /proc/self/oom_score_adj; grep NoNewPrivs /proc/self/status";
  const given = {
    args: ["/bin/sh", "-c", script],
    cwd: "/tmp",
    env: ["PATH=/bin", "B=file"],
    user: { uid: 0, gid: 0, umask: 0o27 },
    noNewPrivileges: true,
    oomScoreAdj: 777,
    rlimits: [{ type: "RLIMIT_NOFILE", soft: 99, hard: 100 }],
  };
  writeFileSync(file, JSON.stringify(given));
  const expected = "/tmp\n[] file\n0027\n99\n777\nNoNewPrivs:\t1\n";
  expect(await it.ok(["exec", "--process", file, id])).toBe(expected);
  expect(await it.ok(["exec", "-p", "../process.json", id])).toBe(expected);
  for (const [text, message] of [
    ["{", "process.json"],
    ["{}", "process.json"],
    [JSON.stringify({ ...given, cwd: 5 }), "cwd"],
    [JSON.stringify({ ...given, args: [] }), "args"],
    [JSON.stringify({ ...given, rlimits: [{ type: "RLIMIT_X", soft: 1, hard: 1 }] }), "rlimits"],
  ] as const) {
    writeFileSync(file, text);
    expect(await it.fails(["exec", "--process", file, id], 255)).toContain(message);
  }
  expect(await it.fails(["exec", "--process", it.path("missing.json"), id], 255)).toContain(
    "no such file or directory",
  );
  await it.ok(["delete", "--force", id]);
});

test("--cap adds to the container's capabilities", async () => {
  const id = await it.started({
    args: ["sleep", "1000"],
    edit: ({ process }) => {
      const some = ["CAP_KILL"];
      process.capabilities = { bounding: some, effective: some, permitted: some };
    },
  });
  const caps = async (flags: readonly string[]) =>
    [
      ...(await it.ok(["exec", ...flags, id, "busybox", "grep", "Cap", "/proc/self/status"])).matchAll(
        /Cap(\w+):\t(\w+)/g,
      ),
    ].map(([, set = "", value = ""]) => [set, Number.parseInt(value, 16)]);
  const sets = (value: number) => [
    ["Inh", 0],
    ["Prm", value],
    ["Eff", value],
    ["Bnd", value],
    ["Amb", 0],
  ];
  expect(await caps([])).toEqual(sets(1 << 5));
  expect(await caps(["--cap", "CAP_CHOWN"])).toEqual(sets((1 << 5) | 1));
  expect(await caps(["--cap", "CHOWN", "-c", "CAP_FOWNER"])).toEqual(sets((1 << 5) | 1 | (1 << 3)));
  expect(await it.fails(["exec", "--cap", "CAP_NO_SUCH", id, "true"], 255)).toContain("CAP_NO_SUCH");
  await it.ok(["delete", "--force", id]);
});

test("a program that is missing or cannot be executed", async () => {
  const id = await it.started();
  const message = async (...command: string[]) => await it.fails(["exec", id, ...command], 255);
  expect(await message("no-such")).toBe('tsbox: cannot run "no-such": executable file not found in $PATH');
  expect(await message("/no/such")).toBe('tsbox: cannot run "/no/such": no such file or directory');
  expect(await message("./such")).toBe('tsbox: cannot run "./such": no such file or directory');
  expect(await message("/etc")).toBe('tsbox: cannot run "/etc": permission denied');
  await it.ok([
    "exec",
    id,
    "sh",
    "-c",
    "echo x > /tmp/plain; printf '#!/no/interpreter\\n' > /tmp/script; chmod 755 /tmp/script",
  ]);
  expect(await message("/tmp/plain")).toBe('tsbox: cannot run "/tmp/plain": permission denied');
  expect(await message("/tmp/script")).toContain("interpreter");
  expect(await message("")).toBe('tsbox: cannot run "": executable file not found in $PATH');
  // detached, it is told before tsbox ends
  expect(await it.fails(["exec", "--detach", id, "no-such"], 255)).toContain("executable file not found in $PATH");
  expect(await it.status(id)).toBe("running");
  expect(await it.fails(["exec", id], 255)).toContain("no command");
  await it.ok(["delete", "--force", id]);
});

test("a failure stands in the log too", async () => {
  const id = await it.started();
  const log = it.path("exec.log");
  await it.fails(["--log", log, "--log-format=json", "exec", id, "no-such"], 255);
  const last = it.read("exec.log").trim().split("\n").at(-1) ?? "";
  expect(JSON.parse(last)).toMatchObject({
    level: "error",
    msg: 'cannot run "no-such": executable file not found in $PATH',
  });
  await it.ok(["delete", "--force", id]);
});

test("many at once, and none is left in the end", async () => {
  const id = await it.started();
  const all = await Promise.all(Array.from({ length: 24 }, (_, n) => it.run(["exec", id, "sh", "-c", `exit ${n}`])));
  expect(all.map(({ exitCode }) => exitCode)).toEqual(all.map((_, n) => n));
  const names = (await it.ok(["exec", id, "sh", "-c", "for p in /proc/[0-9]*; do cat $p/comm; done"]))
    .trim()
    .split("\n");
  expect(names.filter((name) => !["sh", "cat", "busybox"].includes(name))).toEqual(["sleep"]);
  await it.ok(["delete", "--force", id]);
});

/** Hooks that fail or take too long: what runtime-spec runtime.md, "Lifecycle" (1.3), has follow from it. */
import { expect } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { box, isAlive, test, until } from "./box.ts";
import { calls, type Hook, type HookKind, recorder, setHooks } from "./hook-scripts.ts";

const it = box();

/** A bundle with recording poststop hooks, the first of which fails too when `broken` is poststop, and `hook` of its kind. */
function broken(kind: HookKind, hook: Hook | undefined, args: readonly string[] = ["sleep", "1000"]) {
  const folder = it.path(it.id());
  const log = `${folder}.calls`;
  const good = recorder(`${folder}.good`, log);
  const bad = recorder(`${folder}.bad`, log, 3);
  const bundle = it.bundle({
    args,
    edit: (config) => {
      const failing = hook ?? { path: bad, args: ["hook", kind] };
      const poststop = { path: good, args: ["hook", "poststop"] };
      const never = { path: good, args: ["hook", "never"] };
      setHooks(
        config,
        kind === "poststop" ? { poststop: [failing, poststop] } : { [kind]: [failing, never], poststop: [poststop] },
      );
    },
  });
  if (kind === "startContainer") recorder(join(bundle, "rootfs", "bad"), "/tmp/calls", 3);
  return { bundle, names: () => calls(log).map(({ name }) => name), calls: () => calls(log) };
}

for (const kind of ["prestart", "createRuntime", "createContainer"] as const) {
  for (const verb of ["create", "run"] as const) {
    test(`${kind} fails: so does ${verb}, the container is gone, and poststop ran`, async () => {
      const { bundle, names, calls } = broken(kind, undefined);
      const pidFile = it.path("pid");
      const id = it.id();
      const message = await it.fails([verb, "--bundle", bundle, "--pid-file", pidFile, id]);
      expect(message).toStartWith(`tsbox: cannot run the ${kind} hook ${it.path("")}`);
      expect(message).toEndWith(`: it says why ${kind}`);
      expect(names()).toEqual([kind, "poststop"]);
      expect(calls()[1]?.state).toMatchObject({ id, status: "stopped", bundle });
      // in the container's namespaces it is the number that the container sees
      const pid = calls()[0]?.state.pid ?? 0;
      const ended = kind === "createContainer" ? pid === 1 : pid > 1 && !isAlive(pid);
      expect([ended, it.left(), existsSync(pidFile)]).toEqual([true, [], false]);
      expect(await it.fails(["state", id])).toContain("does not exist");
    });
  }
}

for (const verb of ["start", "run", "run --detach"] as const) {
  test(`startContainer fails: so does ${verb}, without the program; the container is gone, and poststop ran`, async () => {
    const { bundle, names } = broken("startContainer", { path: "/bad", args: ["bad", "startContainer"] }, [
      "touch",
      "/tmp/ran",
    ]);
    const id = it.id();
    if (verb === "start") await it.ok(["create", "--bundle", bundle, id]);
    const pid = verb === "start" ? (await it.state(id)).pid : 0;
    const message = await it.fails(verb === "start" ? ["start", id] : [...verb.split(" "), "--bundle", bundle, id]);
    expect(message).toContain("cannot run the startContainer hook /bad: ");
    expect(calls(join(bundle, "rootfs/tmp/calls")).map(({ name }) => name)).toEqual(["startContainer"]);
    expect(names()).toEqual(["poststop"]);
    expect([existsSync(join(bundle, "rootfs/tmp/ran")), pid > 0 && isAlive(pid), it.left()]).toEqual([
      false,
      false,
      [],
    ]);
  });

  test(`poststart fails: so does ${verb}, the program is ended, the container is gone, and poststop ran`, async () => {
    const { bundle, names, calls } = broken("poststart", undefined);
    const id = it.id();
    if (verb === "start") await it.ok(["create", "--bundle", bundle, id]);
    const message = await it.fails(verb === "start" ? ["start", id] : [...verb.split(" "), "--bundle", bundle, id]);
    expect(message).toStartWith("tsbox: cannot run the poststart hook ");
    expect(message).toEndWith(": it says why poststart");
    expect(names()).toEqual(["poststart", "poststop"]);
    const pid = calls()[0]?.state.pid ?? 0;
    expect([pid > 0, isAlive(pid), it.left()]).toEqual([true, false, []]);
  });
}

test("poststop fails: a warning, the others run, the container is gone and delete succeeds", async () => {
  const { bundle, names } = broken("poststop", undefined);
  const id = it.id();
  await it.ok(["create", "--bundle", bundle, id]);
  const log = it.path("log");
  const { exitCode, stderr } = await it.run(["--log", log, "--log-format", "json", "delete", "--force", id]);
  expect([exitCode, names(), it.left()]).toEqual([0, ["poststop", "poststop"], []]);
  expect(stderr).toContain("cannot run the poststop hook ");
  expect(JSON.parse(readFileSync(log, "utf8"))).toMatchObject({
    level: "warning",
    msg: expect.stringContaining("poststop hook"),
  });
});

test("poststop fails at the end of run: the program's status stays", async () => {
  const { bundle, names } = broken("poststop", undefined, ["sh", "-c", "exit 7"]);
  const { exitCode } = await it.run(["run", "--bundle", bundle, it.id()]);
  expect([exitCode, names(), it.left()]).toEqual([7, ["poststop", "poststop"], []]);
});

test("a failed hook's last line on stderr is told, and its status when it says nothing", async () => {
  const script = (text: string) => ({ path: "/bin/sh", args: ["sh", "-c", text] });
  for (const kind of ["prestart", "createContainer"] as const) {
    const said = broken(kind, script("echo first >&2; echo 'the reason' >&2; exit 1"));
    expect(await it.fails(["create", "--bundle", said.bundle, it.id()])).toBe(
      `tsbox: cannot run the ${kind} hook /bin/sh: the reason`,
    );
    const silent = broken(kind, script("exit 9"));
    expect(await it.fails(["create", "--bundle", silent.bundle, it.id()])).toBe(
      `tsbox: cannot run the ${kind} hook /bin/sh: it ended with status 9`,
    );
    const missing = broken(kind, { path: "/no/such/hook" });
    expect(await it.fails(["create", "--bundle", missing.bundle, it.id()])).toBe(
      `tsbox: cannot run the ${kind} hook /no/such/hook: no such file or directory`,
    );
  }
  const gone = broken("poststart", { path: "/no/such/hook" });
  await it.ok(["create", "--bundle", gone.bundle, "gone"]);
  expect(await it.fails(["start", "gone"])).toBe(
    "tsbox: cannot run the poststart hook /no/such/hook: no such file or directory",
  );
  const late = broken("poststart", script("echo first >&2; echo 'the reason' >&2; exit 1"));
  const id = it.id();
  await it.ok(["create", "--bundle", late.bundle, id]);
  expect(await it.fails(["start", id])).toBe("tsbox: cannot run the poststart hook /bin/sh: the reason");
  expect(it.left()).toEqual([]);
});

test("a hook that takes longer than its timeout is killed, and named", async () => {
  for (const kind of ["createRuntime", "createContainer", "startContainer", "poststart"] as const) {
    const pidFile = kind === "startContainer" ? "/tmp/hook-pid" : it.path("hook-pid");
    const { bundle, names } = broken(kind, {
      path: "/bin/sh",
      args: ["sh", "-c", `echo $$ > ${pidFile}; exec sleep 30`],
      timeout: 1,
    });
    const id = it.id();
    const before = Date.now();
    const early = kind === "createRuntime" || kind === "createContainer";
    if (!early) await it.ok(["create", "--bundle", bundle, id]);
    const message = await it.fails(early ? ["create", "--bundle", bundle, id] : ["start", id]);
    expect(Date.now() - before).toBeWithin(900, 25_000);
    expect(message).toStartWith(`tsbox: cannot run the ${kind} hook /bin/sh: it took longer than`);
    expect([kind, names(), it.left()]).toEqual([kind, ["poststop"], []]);
    if (kind === "createRuntime" || kind === "poststart") expect(isAlive(Number(it.read("hook-pid")))).toBe(false);
  }
});

test("a poststop hook that takes too long delays delete no longer than its timeout", async () => {
  const { bundle, names } = broken("poststop", { path: "/bin/sleep", args: ["sleep", "30"], timeout: 1 });
  const id = it.id();
  await it.ok(["create", "--bundle", bundle, id]);
  const before = Date.now();
  const { exitCode, stderr } = await it.run(["delete", "--force", id]);
  expect([exitCode, names(), it.left()]).toEqual([0, ["poststop"], []]);
  expect(Date.now() - before).toBeWithin(900, 25_000);
  expect(stderr).toContain("it took longer than");
});

test("tsbox killed while a hook runs: the hook ends with it", async () => {
  for (const kind of ["createRuntime", "createContainer"] as const) {
    const file = it.path(`pid-of-${kind}`);
    // no other process has these arguments
    const sleep = `sleep ${100_000 + process.pid}`;
    const { bundle } = broken(kind, { path: "/bin/sh", args: ["sh", "-c", `echo $PPID > ${file}; exec ${sleep}`] });
    const id = it.id();
    const call = it.spawn(["create", "--bundle", bundle, id]);
    await until(() => existsSync(file) && it.read(`pid-of-${kind}`) !== "", "the hook");
    const record = await it.fails(["delete", id]);
    expect(record).toContain("it is being created");
    const sleeping = () =>
      Bun.spawnSync(["pgrep", "-f", "-x", sleep, "-u", String(process.getuid?.())]).stdout.toString();
    await until(() => sleeping() !== "", "the hook's program");
    call.child.kill("SIGKILL");
    await call.child.exited;
    await until(() => sleeping() === "", "the hook's end");
    await it.ok(["delete", "--force", id]);
    expect(it.left()).toEqual([]);
  }
});

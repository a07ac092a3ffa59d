/** A real PostgreSQL, whose data is in a named volume: whatever kills its container, what was committed is there. */
import { expect } from "bun:test";
import { debianRequirements, debianWith } from "../support/debian-image.ts";
import { executable, requires, userNamespaces } from "../support/skip.ts";
import { Person } from "../support/tsbox.ts";
import { Host } from "./detached/host.ts";

const test = requires(executable, userNamespaces, ...debianRequirements);
const MINUTES = 60_000;

const BIN = "/usr/lib/postgresql/15/bin";
const START = `test -s $PGDATA/PG_VERSION || initdb -A trust > /dev/null; exec postgres -c listen_addresses= -c unix_socket_directories=/tmp`;
const COUNT = "select count(*), coalesce(max(n), 0) from t";

const postgres = () =>
  debianWith(["postgresql"], {
    User: "postgres",
    Env: [`PATH=${BIN}:/usr/bin:/bin`, "PGDATA=/var/lib/postgresql/data", "PGHOST=/tmp", "LC_ALL=C.UTF-8"],
    Cmd: ["sh", "-c", START],
    Volumes: { "/var/lib/postgresql/data": {} },
  });

test(
  "PostgreSQL in a named volume is whole after SIGKILLs of its container, its monitor and itself",
  async () => {
    const image = postgres();
    using person = new Person();
    const long = { timeout: 3 * MINUTES };
    const psql = (sql: string) => person.run(["exec", "db", "psql", "-qAtc", sql], long);
    const ready = async () => {
      for (const end = Date.now() + MINUTES; (await psql("select 1")).exitCode !== 0; await Bun.sleep(100))
        if (Date.now() > end)
          throw new Error(`PostgreSQL does not answer: ${(await person.run(["logs", "db"])).stderr}`);
    };
    const flags = ["--name=db", "--network=none", "-v", "pg:/var/lib/postgresql/data"];
    await person.ok(["run", "-d", ...flags, image], long);
    await ready();
    expect(await person.ok(["exec", "db", "stat", "-c", "%U %a", "/var/lib/postgresql/data"])).toBe("postgres 700\n");
    await psql("create table t (n int primary key, text text)");
    let committed = 0;
    const kills = [
      () => person.ok(["kill", "db"]),
      // the first process of the container dies with its monitor
      async () => void Bun.spawnSync(["kill", "-9", await monitorOf(person)]),
      // its own recovery then, in a container that goes on: nobody inside can kill its first process
      async () => {
        const pid = (await psql("select pid from pg_stat_activity where backend_type = 'checkpointer'")).stdout.trim();
        await person.ok(["exec", "db", "sh", "-c", `kill -9 ${pid}`]);
      },
      () => person.ok(["rm", "-f", "db"]),
    ];
    for (const kill of kills) {
      // each row is a transaction of its own; what psql has answered is committed
      let stop = false;
      const writing = (async () => {
        while (!stop) {
          const { exitCode } = await psql(`insert into t values (${committed + 1}, repeat('x', 10000))`);
          if (exitCode !== 0) return;
          committed++;
        }
      })();
      await Bun.sleep(1500);
      await kill();
      await Bun.sleep(300);
      stop = true;
      await writing;
      const there = (await person.run(["ps", "-a", "-q"])).stdout !== "";
      if (there)
        for (const end = Date.now() + MINUTES; (await person.run(["start", "db"])).exitCode !== 0 && Date.now() < end; )
          await Bun.sleep(50);
      else await person.ok(["run", "-d", ...flags, image], long);
      await ready();
      const [count, highest] = (await psql(COUNT)).stdout.trim().split("|").map(Number);
      expect(committed).toBeGreaterThan(0);
      // one more may have been committed than was answered
      expect(highest).toBeGreaterThanOrEqual(committed);
      expect(highest).toBeLessThanOrEqual(committed + 1);
      expect(count).toBe(highest);
      committed = highest ?? 0;
    }
    expect((await psql("select count(*) from t where length(text) = 10000")).stdout.trim()).toBe(String(committed));
    // the volume without a name that the image asks for was never made: the named one stood in its place
    expect(await person.ok(["volume", "ls", "-q"])).toBe("pg\n");
    expect((await person.run(["volume", "rm", "pg"])).exitCode).toBe(2);
    await person.ok(["rm", "-f", "db"]);
    await person.ok(["volume", "rm", "pg"]);
  },
  10 * MINUTES,
);

test(
  "PostgreSQL is healthy when pg_isready says so, tells what it does, and is shut down by stop",
  async () => {
    const image = postgres();
    using person = new Host();
    const flags = ["--name=db", "--network=none", "-v", "pg:/var/lib/postgresql/data"];
    const health = ["--health-cmd", "pg_isready -h /tmp", "--health-interval", "200ms", "--health-start-period", "1m"];
    await person.ok(["run", "-d", ...flags, ...health, "--stop-signal=INT", image], { timeout: 3 * MINUTES });
    for (const start of ["first", "second"]) {
      await person.ok(["wait", "--condition=healthy", "db"], { timeout: MINUTES });
      expect(await person.ok(["ps", "--format", "{{.Status}}"])).toContain("(healthy)");
      const psql = (sql: string) => person.ok(["exec", "-u", "postgres", "db", "psql", "-qAtc", sql]);
      if (start === "first")
        await psql(
          "create extension amcheck; create table t as select n, md5(n::text) as text from generate_series(1, 50000) n; create index on t (text)",
        );
      // somebody who is at it does not keep it from being shut down: fast shutdown is what SIGINT asks for
      const busy = person.spawn(["exec", "db", "psql", "-qAtc", "select pg_sleep(600)"]);
      await Bun.sleep(500);
      expect(await person.ok(["stop", "-t", "60", "db"])).toBe("db\n");
      expect(await busy.exited).not.toBe(0);
      expect(await person.ok(["ps", "-a", "--format", "{{.Status}}"])).toMatch(/^Exited \(0\)/);
      const { stderr } = await person.run(["logs", "db"]);
      expect(stderr).toMatch(/received fast shutdown request[\s\S]*database system is shut down\n$/);
      expect(stderr).not.toContain("was not properly shut down");
      await person.ok(["start", "db"]);
    }
    await person.ok(["wait", "--condition=healthy", "db"], { timeout: MINUTES });
    const { exitCode, stdout, stderr } = await person.run(
      ["exec", "db", "pg_amcheck", "--heapallindexed", "postgres"],
      {
        timeout: MINUTES,
      },
    );
    expect({ exitCode, stdout, stderr }).toEqual({ exitCode: 0, stdout: "", stderr: "" });
    expect(await person.ok(["exec", "db", "psql", "-qAtc", "select count(*) from t"])).toBe("50000\n");
    await person.ok(["rm", "-f", "db"]);
  },
  10 * MINUTES,
);

/** Pid of the process whose child the container's first process is. */
async function monitorOf(person: Person): Promise<string> {
  const store = `${person.storage}/containers`;
  const { readdirSync, readFileSync } = await import("node:fs");
  const id = readdirSync(store).find((name) => /^[0-9a-f]{64}$/.test(name)) ?? "";
  const { pid } = JSON.parse(readFileSync(`${store}/${id}/started.json`, "utf8"));
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1] ?? "";
}

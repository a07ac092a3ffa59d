/** `tsbox top`: which processes, and what is said of them. */
import { describe, expect } from "bun:test";
import { Host, until } from "../../integration/detached/host.ts";
import { busybox } from "../../support/busybox-image.ts";
import { executable, requires, subordinateIds, userNamespaces } from "../../support/skip.ts";

const it = requires(executable, busybox, userNamespaces, subordinateIds);

const cells = (text: string) =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => line.split(/ {2,}/));

/** A shell, which is process 1, and a program of another user. */
async function twoProcesses(host: Host): Promise<void> {
  await host.start(["--name", "box"], ["sh", "-c", "su guest -c 'exec sleep 1001' & sleep 1000; true"]);
  await until("both run", async () => (await host.ok(["top", "box"])).includes("sleep 1001"));
  await until("both have begun", async () => (await host.ok(["top", "box", "-o", "comm"])).includes("sleep\nsleep"));
}

describe("top", () => {
  it("shows Docker's columns, with pids of the host and users of the container", async () => {
    using host = new Host();
    await twoProcesses(host);
    const [headings, first, ...others] = cells(await host.ok(["top", "box"]));
    expect(headings).toEqual(["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"]);
    expect([first?.[0], first?.[1], first?.[2]]).toEqual([
      "root",
      String(host.pid("box")),
      String(host.monitor("box")),
    ]);
    const guest = others.find(([user]) => user === "guest");
    expect(guest?.at(-1)).toBe("sleep 1001");
    expect(guest?.[2]).toBe(String(host.pid("box")));
    expect(guest?.[4]).toMatch(/^\d\d:\d\d$/);
    expect(others.map((line) => line.at(-1)).sort()).toEqual(["sleep 1000", "sleep 1001"]);
  });

  it("takes the options of ps, with headings of one's own", async () => {
    using host = new Host();
    await twoProcesses(host);
    const pid = String(host.pid("box"));
    for (const options of [["-o", "pid,comm"], ["-eo", "pid,comm"], ["-opid,comm"], ["o", "pid,comm"]]) {
      const [headings, first] = cells(await host.ok(["top", "box", ...options]));
      expect({ options, headings, first }).toEqual({ options, headings: ["PID", "COMMAND"], first: [pid, "sh"] });
    }
    expect(cells(await host.ok(["top", "box", "-o", "pid=ID,stat=WHAT"]))[0]).toEqual(["ID", "WHAT"]);
    expect(cells(await host.ok(["top", "box", "aux"]))[0]).toEqual(
      "USER PID %CPU %MEM VSZ RSS TTY STAT START TIME COMMAND".split(" "),
    );
  });

  it("takes podman's descriptors, with pids of the container", async () => {
    using host = new Host();
    await twoProcesses(host);
    const [headings, first, ...others] = cells(
      await host.ok(["top", "box", "pid", "hpid", "ppid", "user", "huser", "seccomp", "capeff", "args"]),
    );
    expect(headings).toEqual(["PID", "HPID", "PPID", "USER", "HUSER", "SECCOMP", "EFFECTIVE CAPS", "COMMAND"]);
    expect(first?.slice(0, 4)).toEqual(["1", String(host.pid("box")), "0", "root"]);
    expect(first?.[5]).toBe("filter");
    expect(first?.[6]).toStartWith("CHOWN,");
    const guest = others.find((line) => line[3] === "guest");
    expect(guest?.[2]).toBe("1");
    // a subordinate id, which has no name
    expect(Number(guest?.[4])).toBeGreaterThan(65535);
    expect(guest?.[6]).toBe("none");
  });

  it("shows programs of exec and of nested pid namespaces, but nothing of the host", async () => {
    using host = new Host();
    await host.start(
      ["--name", "box", "--privileged"],
      ["unshare", "--pid", "--fork", "--mount-proc", "sleep", "1002"],
    );
    await host.ok(["exec", "-d", "box", "sleep", "1003"]);
    await host.start(["--name", "other"], ["sleep", "1004"]);
    const commands = async () =>
      cells(await host.ok(["top", "box", "-o", "args"]))
        .slice(1)
        .map(([command]) => command)
        .sort();
    const all = ["sleep 1002", "sleep 1003", "unshare --pid --fork --mount-proc sleep 1002"];
    // a process that has yet to become its program shows its parent's
    await until("all three run", async () => String(await commands()) === String(all));
    expect(await commands()).toEqual(all);
  });

  it("with --pid=host shows what its first process has started", async () => {
    using host = new Host();
    await host.start(["--name", "box", "--pid=host"], ["sh", "-c", "sleep 1005; true"]);
    const commands = async () => cells(await host.ok(["top", "box", "-o", "args"])).slice(1);
    await until("both run", async () => String((await commands())[1]) === "sleep 1005");
    expect(await commands()).toEqual([["sh -c sleep 1005; true"], ["sleep 1005"]]);
  });

  it("does not let a process's name reach the terminal as it is", async () => {
    using host = new Host();
    await host.start(["--name", "box"], ["sh", "-c", "sleep 1000; true # a\x1b[31mb\nc"]);
    const text = await host.ok(["top", "box", "-o", "args"]);
    expect(text).not.toContain("\x1b");
    expect(text.split("\n")[1]).toBe("sh -c sleep 1000; true # a?[31mb?c");
  });

  it("refuses columns that there are not, and containers that do not run", async () => {
    using host = new Host();
    await host.start(["--name", "box"], ["sleep", "1000"]);
    const column = await host.run(["top", "box", "-o", "pid,nosuch"]);
    expect(column).toMatchObject({ exitCode: 125, stdout: "" });
    expect(column.stderr).toContain("cannot use -o nosuch for top: there is no such column; there are ");
    expect((await host.run(["top", "box", "foo"])).stderr).toContain("nor one of args, capamb, capbnd");
    await host.ok(["kill", "box"]);
    await host.ok(["wait", "box"]);
    const ended = await host.run(["top", "box"]);
    expect(ended.exitCode).toBe(1);
    expect(ended.stderr).toBe("tsbox: cannot show processes of container box: it is not running\n");
  });
});

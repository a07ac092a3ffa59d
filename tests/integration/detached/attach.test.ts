/** People beside detached containers: attach, start -a, detach keys, terminals. */
import { describe, expect } from "bun:test";
import { readFileSync } from "node:fs";
import { busybox } from "../../support/busybox-image.ts";
import { executable, requires, userNamespaces } from "../../support/skip.ts";
import { TSBOX } from "../../support/tsbox.ts";
import { Host, isClient, isProcess, until } from "./host.ts";

const it = requires(executable, busybox, userNamespaces);

const create = (host: Host, flags: readonly string[], script: string) =>
  host.ok(["create", "--network=none", "--name", "box", ...flags, host.image, "sh", "-c", script]);

describe("start -a", () => {
  it("shows all from the beginning, on its stream, and ends as the program does", async () => {
    using host = new Host();
    await create(host, [], "echo out; echo err >&2; exit 9");
    for (let i = 0; i < 5; i++)
      expect(await host.run(["start", "-a", "box"])).toEqual({ exitCode: 9, stdout: "out\n", stderr: "err\n" });
  });

  it("-i passes input on, and its end, without a limit on either side", async () => {
    using host = new Host();
    await create(host, ["-i"], "cat; echo over");
    const data = "0123456789abcdef".repeat(100_000);
    const { exitCode, stdout } = await host.run(["start", "-ai", "box"], { stdin: data });
    expect(exitCode).toBe(0);
    expect(stdout === `${data}over\n`).toBe(true);
  });

  it("of one that cannot be started says why, with Docker's exit status", async () => {
    using host = new Host();
    await host.ok(["create", "--network=none", "--name", "box", host.image, "nosuch"]);
    expect(await host.run(["start", "-a", "box"])).toMatchObject({
      exitCode: 127,
      stderr: expect.stringContaining("nosuch"),
    });
  });

  it("passes signals on, unless --sig-proxy=false", async () => {
    using host = new Host();
    await create(host, [], "trap 'echo got; exit 3' TERM; echo ready; while :; do sleep 0.05; done");
    for (const proxy of [true, false]) {
      const child = host.spawn(["start", "-a", `--sig-proxy=${proxy}`, "box"]);
      const reader = child.stdout.getReader();
      expect(new TextDecoder().decode((await reader.read()).value)).toBe("ready\n");
      child.kill("SIGTERM");
      expect(await child.exited).toBe(proxy ? 3 : 143);
      expect(isProcess(host.pid("box"))).toBe(!proxy);
    }
  });
});

describe("a program that does not read its input", () => {
  it("gets signals all the same, and its client's end does not keep the monitor busy", async () => {
    using host = new Host();
    await create(host, ["-i"], "trap 'exit 3' TERM; echo ready; while :; do sleep 0.05; done");
    // there is no end of it
    const typing = (...args: string[]) =>
      Bun.spawn([TSBOX, ...args], { env: host.env, stdin: Bun.file("/dev/zero"), stdout: "pipe", stderr: "ignore" });
    const child = typing("start", "-ai", "box");
    const reader = child.stdout.getReader();
    expect(new TextDecoder().decode((await reader.read()).value)).toBe("ready\n");
    await Bun.sleep(300);
    child.kill("SIGTERM");
    expect(await child.exited).toBe(3);

    await host.ok(["start", "box"]);
    const typist = typing("attach", "box");
    await Bun.sleep(300);
    typist.kill("SIGKILL");
    await typist.exited;
    const ticks = () => {
      const stat = readFileSync(`/proc/${host.monitor("box")}/stat`, "utf8");
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      return Number(fields[11]) + Number(fields[12]);
    };
    const before = ticks();
    await Bun.sleep(500);
    // of 50, if it were busy all the time
    expect(ticks() - before).toBeLessThan(10);
  });
});

describe("attach", () => {
  it("several look on at once, and one that is slow loses nothing", async () => {
    using host = new Host();
    await host.start(
      ["-i", "--name", "box"],
      ["sh", "-c", "read go; i=0; while [ $i -lt 30000 ]; do echo line $i; i=$((i+1)); done"],
    );
    const children = [1, 2, 3].map(() => host.spawn(["attach", "--no-stdin", "box"]));
    await until("all are attached", () => children.every(({ pid }) => isClient(pid)));
    const slow = children[0];
    slow?.kill("SIGSTOP");
    const typist = host.spawn(["attach", "box"]);
    typist.stdin.write("go\n");
    typist.stdin.flush();
    await Bun.sleep(300);
    slow?.kill("SIGCONT");
    const expected = Array.from({ length: 30000 }, (_, i) => `line ${i}\n`).join("");
    for (const child of children) {
      expect((await new Response(child.stdout).text()) === expected).toBe(true);
      expect(await child.exited).toBe(0);
    }
    expect((await new Response(typist.stdout).text()) === expected).toBe(true);
  });

  it("leaving does not end the program's input, when it was detached from the start", async () => {
    using host = new Host();
    await host.start(["-i", "--name", "box"], ["sh", "-c", "while read line; do echo got $line; done; echo end"]);
    for (const word of ["one", "two"]) {
      const child = host.spawn(["attach", "box"]);
      child.stdin.write(`${word}\n`);
      child.stdin.flush();
      await until(`${word} is read`, async () => (await host.ok(["logs", "box"])).endsWith(`got ${word}\n`));
      child.kill("SIGKILL");
      await child.exited;
    }
    expect(await host.ok(["logs", "box"])).toBe("got one\ngot two\n");
  });

  it("needs a container that runs", async () => {
    using host = new Host();
    await create(host, [], "true");
    expect(await host.run(["attach", "box"])).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining("it does not run"),
    });
  });
});

describe("terminals", () => {
  it("attach, type, detach by keys, attach again, and end", async () => {
    using host = new Host();
    await host.start(["-it", "--name", "box"], ["sh"]);
    await using first = host.terminal(["attach", "box"]);
    first.type("echo a$((1+1))b\r");
    await first.see(/a2b/);
    first.type("\x10\x11");
    await first.see(/read escape sequence/);
    expect(await first.exited).toBe(0);
    expect(isProcess(host.pid("box"))).toBe(true);
    await using second = host.terminal(["attach", "--detach-keys=ctrl-x,d", "box"]);
    // a part of the keys, and then another, is typed after all
    second.type("echo \x18\x7f\x7fc3; exit 7\r");
    expect(await second.exited).toBe(7);
    expect(await host.ok(["wait", "box"])).toBe("7\n");
  });

  it("the program has the window's size, also when that changes, and Ctrl-C", async () => {
    using host = new Host();
    await host.start(["-it", "--name", "box"], ["sh"]);
    await using terminal = host.terminal(["attach", "box"]);
    terminal.resize(101, 33);
    terminal.type("until stty size | grep '33 101'; do sleep 0.05; done\r");
    await terminal.see(/\n33 101/);
    terminal.type("sleep 1000\r");
    await until("it sleeps", async () => (await host.ok(["top", "box"])).includes("sleep 1000"));
    terminal.type("\x03");
    terminal.type("echo st$?\r");
    await terminal.see(/st130/);
    terminal.type("exit 5\r");
    expect(await terminal.exited).toBe(5);
  });

  it("start -ai of one with a terminal", async () => {
    using host = new Host();
    await host.ok(["create", "-it", "--network=none", "--name", "box", host.image, "sh"]);
    await using terminal = host.terminal(["start", "-ai", "box"]);
    terminal.type("tty; echo x$((2+3))\r");
    await terminal.see(/\/dev\/pts\/0[\s\S]*x5/);
    terminal.type("exit 4\r");
    expect(await terminal.exited).toBe(4);
  });

  it("exec -it beside it", async () => {
    using host = new Host();
    await host.start(["--name", "box"], ["sleep", "1000"]);
    await using terminal = host.terminal(["exec", "-it", "-e", "A=b", "box", "sh"]);
    terminal.resize(90, 20);
    terminal.type("tty; echo $A-$((2+3)); until stty size | grep '20 90'; do sleep 0.05; done\r");
    await terminal.see(/\/dev\/pts\/0[\s\S]*b-5[\s\S]*\n20 90/);
    terminal.type("exit 6\r");
    expect(await terminal.exited).toBe(6);
  });
});

describe("run -it", () => {
  it("is let go of by keys, and goes on; attach comes back to it, logs has all of it", async () => {
    using host = new Host();
    await using first = host.terminal(["run", "-it", "--network=none", "--name", "box", host.image, "sh"]);
    first.type("echo a$((1+1))b; stty size\r");
    await first.see(/a2b[\s\S]*24 80/);
    first.type("\x10\x11");
    expect(await first.exited).toBe(0);
    expect(isProcess(host.pid("box"))).toBe(true);
    await using second = host.terminal(["attach", "box"]);
    second.type("echo c$((1+2))d; exit 9\r");
    expect(await second.exited).toBe(9);
    expect(await host.ok(["logs", "box"])).toMatch(/a2b[\s\S]*c3d/);
  });

  it("ends when its client is killed, as in the foreground, but not after it was let go of", async () => {
    using host = new Host();
    await using killed = host.terminal(["run", "-it", "--rm", "--network=none", "--name", "one", host.image, "sh"]);
    killed.type("echo r$((1+1))y\r");
    await killed.see(/r2y/);
    process.kill(killed.pid, "SIGKILL");
    await until("it is removed", () => host.containers().length === 0);
    await using left = host.terminal(["run", "-it", "--rm", "--network=none", "--name", "two", host.image, "sh"]);
    left.type("echo r$((1+1))y\r");
    await left.see(/r2y/);
    left.type("\x10\x11");
    expect(await left.exited).toBe(0);
    await Bun.sleep(200);
    expect(isProcess(host.pid("two"))).toBe(true);
  });

  it("has the terminal's size from its first moment", async () => {
    using host = new Host();
    await using terminal = host.terminal(["run", "-t", "--rm", "--network=none", host.image, "stty", "size"]);
    await terminal.see(/24 80/);
    expect(await terminal.exited).toBe(0);
    expect(host.containers()).toEqual([]);
  });
});

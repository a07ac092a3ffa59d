/** `tsbox run -t`, on a real pseudo terminal. */
import { expect } from "bun:test";
import { box, test } from "./images.ts";

const it = box();
const start = (flags: readonly string[], command: readonly string[]) =>
  it.person.terminal(["run", "--rm", "-q", "--network=none", ...flags, it.image, ...command]);

test("an interactive shell has a terminal of its own and ends with its status", async () => {
  await using terminal = start(["-it"], ["sh"]);
  await terminal.see(/# /);
  terminal.type("tty; test -t 0 && echo is-a-terminal\r");
  await terminal.see(/\/dev\/pts\/0\r\nis-a-terminal/);
  terminal.type("exit 3\r");
  expect(await terminal.exited).toBe(3);
});

test("the window has the terminal's size, and follows it", async () => {
  await using terminal = start(["-it"], ["sh"]);
  await terminal.see(/# /);
  terminal.type("stty size\r");
  await terminal.see(/24 80/);
  terminal.resize(100, 40);
  terminal.type("until stty size | grep '40 100'; do sleep 0.05; done\r");
  await terminal.see(/\n40 100/);
  terminal.type("exit\r");
  expect(await terminal.exited).toBe(0);
});

test("Ctrl-C goes to the program in the container, and the container goes on", async () => {
  await using terminal = start(["-it"], ["sh"]);
  await terminal.see(/# /);
  terminal.type("sh -c 'echo up-$((1+1)); exec sleep 1000'\r");
  await terminal.see(/up-2/);
  terminal.type("\x03");
  await terminal.see(/# /);
  terminal.type("echo still-$((40 + 2))\r");
  await terminal.see(/still-42/);
  terminal.type("exit\r");
  expect(await terminal.exited).toBe(0);
});

test("the last output is not lost when the program ends at once", async () => {
  for (let round = 0; round < 5; round++) {
    await using terminal = start(["-t"], ["sh", "-c", "seq 1 2000; echo the-end"]);
    expect(await terminal.exited).toBe(0);
    expect(terminal.screen()).toMatch(/1999\r\n2000\r\nthe-end/);
  }
});

test("the terminal is as it was, however the container ends", async () => {
  for (const end of ["exit 0", "kill -9 $$", "exec nonexistent"]) {
    const script = `stty -a > before; "$TSBOX" run --rm -q -it --init --network=none "$IMAGE" sh -c '${end}'; stty -a > after; cmp before after && echo same`;
    const { runOnTerminal } = await import("../support/terminal.ts");
    const { TSBOX } = await import("../support/tsbox.ts");
    const env = { ...it.person.env, TSBOX, IMAGE: it.image };
    await using terminal = runOnTerminal(["sh", "-c", script], { cwd: it.person.home, env });
    await terminal.exited;
    expect([end, terminal.screen().includes("same")]).toEqual([end, true]);
  }
});

test("a program of another user owns its terminal", async () => {
  await using terminal = start(["-it", "-u", "guest"], ["sh", "-c", "echo can-write > $(tty); stat -c %U $(tty)"]);
  expect(await terminal.exited).toBe(0);
  expect(terminal.screen()).toMatch(/can-write\r\nguest/);
});

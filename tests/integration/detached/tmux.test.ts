/** People at a real terminal: tmux, a shell in it, and containers beside them. */
import { expect } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { busybox } from "../../support/busybox-image.ts";
import { executable, program, requires, userNamespaces } from "../../support/skip.ts";
import { TSBOX } from "../../support/tsbox.ts";
import { Host, isProcess, until } from "./host.ts";

const it = requires(executable, busybox, program("tmux"), userNamespaces);

/** A window of 100 by 30 with bash in it, where `t` is tsbox. */
class Desk extends Host {
  constructor() {
    super();
    this.tmux("-f", "/dev/null", "new-session", "-d", "-x", "100", "-y", "30", "exec bash --norc --noprofile");
    this.type(`PS1='host> '; t() { ${TSBOX} "$@"; }; clear`);
  }

  tmux(...args: string[]): string {
    const command = ["tmux", "-S", this.folder.join("tmux"), ...args];
    const { success, stdout, stderr } = Bun.spawnSync(command, { env: this.env, cwd: this.home });
    if (!success) throw new Error(`${command.join(" ")}: ${stderr}`);
    return stdout.toString();
  }

  /** Types a line and Enter. */
  type(line: string): void {
    this.tmux("send-keys", "-l", line);
    this.press("Enter");
  }

  press(...keys: string[]): void {
    this.tmux("send-keys", ...keys);
  }

  /** Until the window shows it: lines without the spaces at their ends. */
  async sees(pattern: RegExp): Promise<void> {
    const screen = () => this.tmux("capture-pane", "-p");
    try {
      await until(`the window shows ${pattern}`, () => pattern.test(screen()));
    } catch (error) {
      throw new Error(`${String(error)}, but:\n${screen().trimEnd()}`);
    }
  }

  /** The pid of what the window's shell waits for: `tsbox`, which has become the native program. */
  client(): number {
    const [shell = ""] = this.tmux("display-message", "-p", "#{pane_pid}").split("\n");
    const child = readFileSync(`/proc/${shell}/task/${shell}/children`, "utf8").trim().split(" ").pop();
    return Number(child);
  }

  override [Symbol.dispose](): void {
    Bun.spawnSync(["tmux", "-S", this.folder.join("tmux"), "kill-server"], { env: this.env, stderr: "ignore" });
    super[Symbol.dispose]();
  }
}

const PROMPT = /^\/ #$/m;
const HOST = /^host>$/m;
/** A program that is asked to end when its terminal is closed. */
const HANDLER = `trap "echo bye > /w/said; exit" HUP; while read -r line; do eval "$line"; done`;

it("run -it, its size, detach keys, attach, Ctrl-C, Ctrl-Z, and the shell's own terminal afterwards", async () => {
  using desk = new Desk();
  await desk.ok(["pull", "-q", desk.image]);
  await desk.sees(HOST);
  desk.type(`t run -it --network=none --name box ${desk.image} sh`);
  await desk.sees(PROMPT);
  desk.type("stty size");
  await desk.sees(/^30 100$/m);
  desk.tmux("resize-window", "-x", "120", "-y", "40");
  // a program that runs is told, not only what asks later
  desk.type("clear; sh -c 'trap \"stty size\" WINCH; echo ready; while :; do sleep 0.05; done'");
  await desk.sees(/^ready$/m);
  desk.tmux("resize-window", "-x", "90", "-y", "20");
  await desk.sees(/^20 90$/m);
  desk.press("C-c");
  await desk.sees(PROMPT);

  desk.type("clear; sleep 1000");
  await until("it sleeps", async () => (await desk.ok(["top", "box"])).includes("sleep 1000"));
  desk.press("C-z");
  await desk.sees(/Stopped {2,}sleep 1000/);
  desk.type("fg");
  await desk.sees(/^sleep 1000$/m);
  desk.press("C-c");
  desk.type("echo st$?");
  await desk.sees(/^st130$/m);

  desk.press("C-p", "C-q");
  await desk.sees(/read escape sequence\nhost>$/m);
  expect(isProcess(desk.pid("box"))).toBe(true);
  // the shell has its terminal as it was: it echoes, and keys mean what they did
  desk.type("clear; stty -a | grep -o 'isig icanon'; sleep 1000");
  await desk.sees(/^isig icanon$/m);
  desk.press("C-c");
  await desk.sees(HOST);

  desk.type("clear; t attach --detach-keys=ctrl-a,d box");
  await until("it is attached", () => isProcess(desk.client()));
  desk.type("clear; echo back$((1+1))");
  await desk.sees(/^back2$/m);
  desk.press("C-a", "d");
  await desk.sees(HOST);
  desk.type("clear; t attach box; echo status $?");
  await Bun.sleep(300);
  desk.type("exit 7");
  await desk.sees(/^status 7$/m);
});

it("exec -it: top moves, is left by Ctrl-C, and follows the window", async () => {
  using desk = new Desk();
  await desk.start(["--name", "box"], ["sleep", "1000"]);
  desk.type("t exec -it box top -d 1; echo status $?");
  await desk.sees(/^Mem: [\s\S]* 1 +0 root[\s\S]*top -d 1/m);
  const lines = () =>
    desk
      .tmux("capture-pane", "-p")
      .split("\n")
      .filter((line) => line !== "").length;
  expect(lines()).toBeLessThanOrEqual(30);
  desk.press("C-c");
  await desk.sees(/^status (0|130)$/m);
  desk.type("clear; t exec -it box sh");
  await desk.sees(PROMPT);
  desk.tmux("resize-window", "-x", "77", "-y", "22");
  desk.type("stty size");
  await desk.sees(/^22 77$/m);
  desk.press("C-d");
  await desk.sees(HOST);
});

it("a client that is stopped by the shell lets go of the terminal, and has it again afterwards", async () => {
  using desk = new Desk();
  await desk.start(["-it", "--name", "box"], ["sh"]);
  desk.type("clear; t attach box");
  await until("it is attached", () => isProcess(desk.client()));
  desk.type("echo one$((1+1))");
  await desk.sees(/^one2$/m);
  process.kill(desk.client(), "SIGTSTP");
  await desk.sees(/Stopped/);
  desk.type("clear; stty -a | grep -o 'isig icanon'");
  await desk.sees(/^isig icanon$/m);
  desk.tmux("resize-window", "-x", "88", "-y", "25");
  desk.type("fg");
  await Bun.sleep(300);
  desk.type("clear; stty size");
  await desk.sees(/^25 88$/m);
  desk.type("exit 3");
  await desk.sees(HOST);
});

it("a window that is closed ends run -it --rm, not a container that somebody only looked at", async () => {
  using desk = new Desk();
  await desk.start(["-it", "--name", "stays"], ["sh"]);
  for (const [line, ends] of [
    ["t attach stays", false],
    ["t exec -it stays sh", false],
    [`t run -it --rm --network=none --name goes -v w:/w ${desk.image} sh -c "$HANDLER"`, true],
    // an interactive shell takes no notice, as a container's first process may: it is killed a while later
    [`t run -it --rm --network=none --name goes ${desk.image} sh`, true],
  ] as const) {
    desk.tmux("new-window", "exec bash --norc --noprofile");
    desk.type(`PS1='host> '; t() { ${TSBOX} "$@"; }; HANDLER='${HANDLER}'; clear`);
    await desk.sees(HOST);
    desk.type(line);
    await Bun.sleep(500);
    desk.type("echo in$((1+1))");
    await desk.sees(/^in2$/m);
    const client = desk.client();
    const pid = ends ? desk.pid("goes") : 0;
    desk.tmux("kill-pane");
    await until(`the client of '${line}' ends`, () => !isProcess(client), 20_000);
    if (ends)
      await until("its container ends, and is removed", () => !isProcess(pid) && desk.containers().length === 1);
  }
  expect(isProcess(desk.pid("stays"))).toBe(true);
  // and the one that was looked at takes what is typed next
  desk.type("clear; t attach stays");
  await until("it is attached", () => isProcess(desk.client()));
  desk.type("clear; echo still$((1+1))");
  await desk.sees(/^still2$/m);
  // the shell of exec had its window closed, too
  const shells = await desk.ok(["top", "stays"]);
  expect(shells.trim().split("\n")).toHaveLength(2);
  expect(readdirSync(`/proc/${desk.monitor("stays")}/fd`).length).toBeLessThan(30);
});

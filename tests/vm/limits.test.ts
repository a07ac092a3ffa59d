/** The limits of `tsbox run`, by an unprivileged user whose cgroup is delegated with every controller. */
import { expect } from "bun:test";
import { GUEST_IMAGE } from "./support/guest.ts";
import { scenarios } from "./support/scenarios.ts";

const run = (...args: string[]) => `tsbox run --quiet --rm --network none ${args.join(" ")}\n`;

/** Asks for 64 MiB and writes to all of it. */
const EAT = "dd if=/dev/zero of=/dev/null bs=64M count=1";

scenarios({ kernel: "6.12" }, (scenario) => {
  scenario("a program that uses more than --memory is killed", run("--memory 32m", GUEST_IMAGE, EAT), ({ status }) => {
    expect(status).toBe(137);
  });

  scenario("one that uses less is not", run("--memory 96m", GUEST_IMAGE, EAT), ({ status, output }) => {
    expect(output).toContain("1+0 records out");
    expect(status).toBe(0);
  });

  const child = run("--memory 32m", GUEST_IMAGE, `sh -c '${EAT}; echo "ended with $?"'`);
  scenario("--memory kills the child that is too large and leaves its parent", child, ({ status, output }) => {
    expect(output).toContain("ended with 137");
    expect(status).toBe(0);
  });

  // The shell and nine more are ten; the tenth fork is refused.
  const fork = "i=0; while [ $i -lt 20 ]; do sleep 30 & i=$((i+1)); echo started $i; done; echo unlimited";
  scenario(
    "--pids-limit refuses the process that is one too many",
    run("--pids-limit 10", GUEST_IMAGE, `sh -c '${fork}'`),
    ({ status, output }) => {
      expect(output).toContain("started 9\n");
      expect(output).not.toContain("started 10\n");
      expect(output).toContain("can't fork");
      expect(status).not.toBe(0);
    },
  );

  const spin = 'timeout 2 sh -c "while :; do :; done"; cat /sys/fs/cgroup/cpu.max /sys/fs/cgroup/cpu.stat';
  scenario("--cpus slows a program down", run("--cpus 0.2", GUEST_IMAGE, `sh -c '${spin}'`), ({ output }) => {
    expect(output).toContain("20000 100000\n");
    const number = (name: string) => Number(new RegExp(`^${name} (\\d+)$`, "m").exec(output)?.[1]);
    expect(number("nr_throttled")).toBeGreaterThan(5);
    // A fifth of the time in which it was watched, and half as much again for a machine that is slow to notice.
    expect(number("usage_usec")).toBeLessThan(1.5 * 20_000 * (number("nr_periods") + 2));
  });

  scenario("no cgroup is left behind", "find /sys/fs/cgroup/user -mindepth 1 -type d", ({ output }) => {
    expect(output.trim()).toBe("/sys/fs/cgroup/user/session");
  });
});

/** Hosts on which something is missing or switched off: one sentence says what, and what to do about it. */
import { expect } from "bun:test";
import { GUEST_IMAGE } from "./support/guest.ts";
import type { Outcome } from "./support/machine.ts";
import { scenarios } from "./support/scenarios.ts";

const run = (...flags: string[]) =>
  `as_u tsbox run --quiet --rm --network none ${flags.join(" ")} ${GUEST_IMAGE} sh -c 'echo it works; wc -l </proc/self/uid_map'\n`;

const DOCTOR = "as_u tsbox doctor; echo doctor ended with $?\n";

/** The script with a setting changed for its time. */
const during = (set: string, script: string, reset: string) => `${set}\n${script}\n${reset}\n`;

const sysctl = (name: string, value: number) => `echo ${value} >/proc/sys/${name.replaceAll(".", "/")}`;

/** The lines of tsbox's messages. */
const messages = ({ output }: Outcome) => output.split("\n").filter((line) => line.startsWith("tsbox:"));

/** The line of the doctor's report about `what`, and those below it that belong to it. */
function report({ output }: Outcome, what: string): string {
  const lines = output.split("\n");
  const first = lines.findIndex((line) => line.slice(2).startsWith(what));
  const next = lines.findIndex((line, index) => index > first && !line.startsWith("   "));
  return lines.slice(first, next).join("\n");
}

scenarios({ kernel: "6.1" }, (_, asRoot) => {
  asRoot("nothing is missing to begin with", run() + DOCTOR, ({ output }) => {
    expect(output).toContain("it works\n2\n");
    expect(output).toContain("Containers can run on this host.\ndoctor ended with 0\n");
  });

  for (const [name, off, on, why, remedy] of [
    ["user.max_user_namespaces", 0, 5000, "no user namespace is allowed", 15000],
    ["kernel.unprivileged_userns_clone", 0, 1, "user namespaces are reserved to root", 1],
    ["user.max_mnt_namespaces", 0, 5000, "no namespace of the kind mnt is allowed", 15000],
  ] as const) {
    asRoot(`${name}=${off}`, during(sysctl(name, off), run() + DOCTOR, sysctl(name, on)), (outcome) => {
      const reason = `${why} (${name}=${off})`;
      const cure = `an administrator runs: echo ${name}=${remedy} > /etc/sysctl.d/99-userns.conf && sysctl --system`;
      expect(messages(outcome)).toEqual([`tsbox: cannot make the container's namespaces: ${reason}; ${cure}`]);
      const found = report(outcome, "user namespaces");
      expect(found).toStartWith("✗");
      expect(found).toContain(reason);
      expect(found).toContain(`remedy: ${cure}`);
      expect(outcome.output).toContain("Containers cannot run on this host: user namespaces.\ndoctor ended with 1\n");
    });
  }

  const hidden = during(
    "mv /usr/bin/newuidmap /tmp",
    run() + run("--userns subuid") + DOCTOR,
    "mv /tmp/newuidmap /usr/bin",
  );
  asRoot("without newuidmap there is one id", hidden, (outcome) => {
    expect(outcome.output).toContain("it works\n1\n");
    expect(messages(outcome).join("\n")).toContain("newuidmap is not installed");
    expect(report(outcome, "ids")).toMatch(
      /^! ids +newuidmap is not installed\n[\s\S]*remedy: an administrator runs: apt-get install uidmap/,
    );
  });

  const plain = during(
    "chmod u-s /usr/bin/newuidmap",
    run() + run("--userns subuid") + DOCTOR,
    "chmod u+s /usr/bin/newuidmap",
  );
  asRoot("a newuidmap without the setuid bit is not used", plain, (outcome) => {
    expect(outcome.output).toContain("it works\n1\n");
    expect(messages(outcome).join("\n")).toContain(
      "/usr/bin/newuidmap has neither root's setuid bit nor file capabilities",
    );
    expect(report(outcome, "ids")).toContain("chown root /usr/bin/newuidmap && chmod u+s /usr/bin/newuidmap");
  });

  const subuid = during("mv /etc/subuid /tmp", run() + DOCTOR, "mv /tmp/subuid /etc");
  asRoot("without a range in /etc/subuid there is one id", subuid, (outcome) => {
    expect(outcome.output).toContain("it works\n1\n");
    expect(report(outcome, "ids")).toContain("/etc/subuid has no range for u");
  });

  const fuse = run() + run("--storage-driver fuse-overlayfs") + DOCTOR;
  asRoot("without /dev/fuse", during("mv /dev/fuse /dev/hidden", fuse, "mv /dev/hidden /dev/fuse"), (outcome) => {
    expect(outcome.output).toContain("it works\n2\n");
    expect(messages(outcome)).toEqual([
      "tsbox: cannot use --storage-driver=fuse-overlayfs: there is no /dev/fuse (an administrator runs: modprobe fuse)",
    ]);
    expect(report(outcome, "fuse-overlayfs")).toContain("/dev/fuse: no such file or directory");
  });

  asRoot("with a /dev/fuse for root only", during("chmod 600 /dev/fuse", fuse, "chmod 666 /dev/fuse"), (outcome) => {
    expect(outcome.output).toContain("it works\n2\n");
    expect(messages(outcome)).toEqual([
      "tsbox: cannot use --storage-driver=fuse-overlayfs: /dev/fuse may not be opened (an administrator runs: chmod 666 /dev/fuse)",
    ]);
    expect(report(outcome, "fuse-overlayfs")).toContain("remedy: an administrator runs: chmod 666 /dev/fuse");
  });

  // All that is left of the delegation is the cgroup in which the shell itself is.
  const above = "/sys/fs/cgroup/user /sys/fs/cgroup/user/cgroup.procs";
  const limits = run() + run("--pids-limit 20") + run("--memory 64m");
  const type = "cat /sys/fs/cgroup/user/session/cgroup.type /sys/fs/cgroup/user/session/cgroup.subtree_control\n";
  asRoot(
    "a cgroup with processes of its own gives no limits, and is left as it was",
    during(`chown root ${above}`, limits + type, `chown u ${above}`),
    (outcome) => {
      const why = "/sys/fs/cgroup/user/session has processes of its own, so it cannot give limits to cgroups in it";
      expect(messages(outcome)).toHaveLength(2);
      for (const message of messages(outcome)) expect(message).toContain(why);
      expect(outcome.output).toContain("it works\n2\n");
      // No "domain threaded", and no controllers.
      expect(outcome.output.trimEnd()).toEndWith("\ndomain");
    },
  );

  asRoot(
    "without any delegation",
    during("chown -R root /sys/fs/cgroup/user", run() + run("--memory 64m") + DOCTOR, ""),
    (outcome) => {
      expect(outcome.output).toContain("it works\n2\n");
      expect(messages(outcome).join("\n")).toMatch(
        /^tsbox: cannot limit memory\S*, .*: no cgroup is delegated to you; log in through systemd/,
      );
      expect(report(outcome, "cgroups")).toContain("no cgroup is delegated to you");
    },
  );
});

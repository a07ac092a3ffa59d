/** What tsbox is and does on each kernel, by an unprivileged user and by root. AppArmor is on, as it is in Debian. */
import { expect } from "bun:test";
import { type GuestBundle, withBundles } from "./support/bundles.ts";
import { GUEST_IMAGE } from "./support/guest.ts";
import { KERNELS, type KernelName } from "./support/kernel.ts";
import { scenarios } from "./support/scenarios.ts";

const run = (...args: string[]) => `tsbox run --quiet --rm --network none ${args.join(" ")}\n`;

const DRIVERS = { overlay: "overlay", "fuse-overlayfs": "fuse.fuse-overlayfs", copy: "ext4" } as const;

/** A character device's numbers: /dev/zero is (1, 5), /dev/full is (1, 7). */
const ALL = { allow: false, access: "rwm" };
const device = (minor: number, access: string) => ({ allow: true, type: "c", major: 1, minor, access });

const OPENS = `for each in zero full; do
  mknod /dev/my-$each c 1 $([ $each = zero ] && echo 5 || echo 7) && echo "made $each"
  head -c 1 /dev/my-$each >/dev/null && echo "read $each"
  : >/dev/my-$each && echo "opened $each for writing"
done`;

const withRights: GuestBundle["edit"] = (config) => {
  const all = ["CAP_MKNOD", "CAP_CHOWN"];
  config.process.capabilities = { bounding: all, effective: all, permitted: all };
};

const edit = withBundles({
  devices: {
    root: true,
    script: OPENS,
    resources: { devices: [ALL, device(5, "rm"), device(7, "m")] },
    edit: withRights,
  },
  // The control: without rules the same program may do everything.
  free: { root: true, script: OPENS, resources: { devices: [{ allow: true, access: "rwm" }] }, edit: withRights },
  later: { root: true, script: "sleep 60", resources: { devices: [ALL, device(7, "rwm")] }, edit: withRights },
  limits: {
    root: true,
    script: "dd if=/dev/zero of=/dev/null bs=64M count=1",
    resources: { memory: { limit: 32 << 20 } },
  },
  profile: {
    script: "echo ran",
    edit: (config) => {
      config.process.apparmorProfile = "no-such-profile";
    },
  },
  rootProfile: {
    root: true,
    script: "echo ran",
    edit: (config) => {
      config.process.apparmorProfile = "no-such-profile";
    },
  },
});

// cast: the keys of a constant object
for (const kernel of Object.keys(KERNELS) as KernelName[]) {
  scenarios({ kernel, edit, append: "apparmor=1 security=apparmor" }, (scenario, asRoot) => {
    scenario("doctor finds everything but a network", "uname -r; tsbox doctor", ({ status, output }) => {
      expect(output).toStartWith(`${kernel}.`);
      expect(output).toContain("Containers can run on this host.");
      expect(output).toMatch(/✓ security modules +AppArmor on/);
      expect(output).toMatch(/✓ overlay +mounted by the kernel/);
      expect(output).toMatch(/✓ cgroups +v2, \/user: cpuset cpu io memory/);
      const bad = [...output.matchAll(/^[!✗] (\S+)/gm)].map((match) => match[1]);
      expect(bad).toEqual(["pasta", "slirp4netns"]);
      expect(status).toBe(0);
    });

    for (const [who, declare] of [
      ["a user", scenario],
      ["root", asRoot],
    ] as const) {
      for (const [driver, type] of Object.entries(DRIVERS)) {
        const inside = "'echo new >/etc/new && rm /etc/group && cat /etc/new && ls /etc && grep \" / \" /proc/mounts'";
        const script = run("--storage-driver", driver, GUEST_IMAGE, "sh -c", inside);
        declare(`${who}'s container on ${driver}`, script, ({ status, output }) => {
          expect(output).toStartWith("new\n");
          expect(output).not.toMatch(/^group$/m);
          expect(output).toMatch(new RegExp(`^\\S+ / ${type} `, "m"));
          expect(status).toBe(0);
        });
      }
    }

    asRoot("memory.limit kills root's bundle", "tsbox oci run --bundle /bundles/limits limits", ({ status }) => {
      expect(status).toBe(137);
    });

    asRoot(
      "device rules",
      "tsbox oci run --bundle /bundles/free a; echo; tsbox oci run --bundle /bundles/devices b",
      ({ output }) => {
        const [free = "", ruled = ""] = output.split("\n\n");
        const done = (text: string) => text.split("\n").filter((line) => /^(made|read|opened)/.test(line));
        const each = (name: string) => [`made ${name}`, `read ${name}`, `opened ${name} for writing`];
        expect(done(free)).toEqual([...each("zero"), ...each("full")]);
        expect(done(ruled)).toEqual(["made zero", "read zero", "made full"]);
        expect(ruled).toContain("can't create /dev/my-zero: Operation not permitted");
        expect(ruled).toContain("/dev/my-full: Operation not permitted");
      },
    );

    const missing = "tsbox oci run --bundle /bundles/profile p";
    scenario("a profile that AppArmor does not have is one clear error", missing, ({ status, output }) => {
      expect(status).not.toBe(0);
      console.log(output);
      expect(output.trim().split("\n")).toHaveLength(1);
      expect(output).toContain("no-such-profile");
    });
    asRoot("for root too", missing.replace("profile", "rootProfile"), ({ status, output }) => {
      expect(status).not.toBe(0);
      console.log(output);
      expect(output.trim().split("\n")).toHaveLength(1);
      expect(output).toContain("no-such-profile");
    });
  });
}

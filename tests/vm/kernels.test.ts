/** What tsbox is and does on each kernel, by an unprivileged user and by root. AppArmor is on, as it is in Debian. */
import { expect } from "bun:test";
import { type GuestBundle, withBundles } from "./support/bundles.ts";
import { GUEST_IMAGE } from "./support/guest.ts";
import { KERNELS, type KernelName } from "./support/kernel.ts";
import { scenarios } from "./support/scenarios.ts";

const run = (...args: string[]) => `tsbox run --quiet --rm --network none ${args.join(" ")}\n`;

const DRIVERS = { overlay: "overlay", "fuse-overlayfs": "fuse.fuse-overlayfs", copy: "ext4" } as const;

/** /dev/fuse is character device (10, 229), /dev/net/tun (10, 200): neither is among those that every container has. */
const ALL = { allow: false, access: "rwm" };
const device = (minor: number, access: string) => ({ allow: true, type: "c", major: 10, minor, access });

const open = (name: string, minor: number) => `
mknod /dev/${name} c 10 ${minor} && echo made ${name}
(: </dev/${name}) && echo read ${name}
(: >/dev/${name}) && echo wrote ${name}`;
const OPENS = open("fuse", 229) + open("tun", 200);

const withRights: GuestBundle["edit"] = (config) => {
  const all = ["CAP_MKNOD", "CAP_CHOWN"];
  config.process.capabilities = { bounding: all, effective: all, permitted: all };
};

const edit = withBundles({
  devices: {
    root: true,
    script: OPENS,
    resources: { devices: [ALL, device(229, "r")] },
    edit: withRights,
  },
  // The control: without rules the same program may do everything.
  free: { root: true, script: OPENS, resources: { devices: [{ allow: true, access: "rwm" }] }, edit: withRights },
  later: { root: true, script: "sleep 60", resources: { devices: [ALL, device(200, "rwm")] }, edit: withRights },
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

    const rules = "tsbox oci run --bundle /bundles/free a; echo; tsbox oci run --bundle /bundles/devices b";
    asRoot("device rules decide what can be opened, for reading and for writing", rules, ({ output }) => {
      const [free = "", ruled = ""] = output.split("\n\n");
      const done = (text: string) => text.split("\n").filter((line) => /^(made|read|wrote) /.test(line));
      const each = (name: string) => [`made ${name}`, `read ${name}`, `wrote ${name}`];
      expect(done(free)).toEqual([...each("fuse"), ...each("tun")]);
      // Making a node is always allowed, as runc has it.
      expect(done(ruled)).toEqual(["made fuse", "read fuse", "made tun"]);
      expect(ruled.match(/can't \S+ \S+: Operation not permitted/g)).toEqual([
        "can't create /dev/fuse: Operation not permitted",
        "can't open /dev/tun: Operation not permitted",
        "can't create /dev/tun: Operation not permitted",
      ]);
    });

    const later = `tsbox oci run --detach --bundle /bundles/later later >/tmp/later 2>&1 </dev/null
tsbox oci update --pids-limit 50 later
tsbox oci exec --cap CAP_MKNOD later sh -c '${OPENS}'; tsbox oci delete --force later; ls -d /sys/fs/cgroup/tsbox-later`;
    asRoot("exec is under the same rules, also after an update", later, ({ output }) => {
      expect(output).toContain("made fuse\n");
      expect(output).not.toMatch(/^(read|wrote) fuse/m);
      expect(output).toContain("made tun\nread tun\nwrote tun\n");
      expect(output).toContain("/sys/fs/cgroup/tsbox-later: No such file or directory");
    });

    const missing = "tsbox oci run --bundle /bundles/profile p";
    for (const [declare, script, who] of [
      [scenario, missing, "a user"],
      [asRoot, missing.replace("profile", "rootProfile"), "root"],
    ] as const) {
      declare(`a profile that AppArmor does not have is one clear error for ${who}`, script, ({ status, output }) => {
        expect(status).toBe(1);
        expect(output.trim()).toBe(
          "tsbox: cannot set process.apparmorProfile to no-such-profile: AppArmor has no profile of this name; an administrator loads it: apparmor_parser --replace FILE",
        );
      });
    }
  });
}

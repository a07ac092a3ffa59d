/** A person without subordinate ids: everything works with the one id that they have. */
import { expect } from "bun:test";
import { busybox, writeBusyboxLayout } from "../support/busybox-image.ts";
import { executable, requires, userNamespaces } from "../support/skip.ts";
import { Person } from "../support/tsbox.ts";

const test = requires(executable, busybox, userNamespaces);

test("an image is unpacked and run, as root of one id", async () => {
  using person = new Person();
  const image = writeBusyboxLayout(person.folder.join("busybox"));
  const map = await person.ok(["run", "--rm", "--network=none", image, "cat", "/proc/self/uid_map"]);
  expect(map.trim().split(/\s+/)).toEqual(["0", String(process.getuid?.()), "1"]);
});

test("--userns=keep-id runs as the caller's own id", async () => {
  using person = new Person();
  const image = writeBusyboxLayout(person.folder.join("busybox"));
  expect(await person.ok(["run", "--rm", "--network=none", "--userns=keep-id", image, "id", "-u"])).toBe(
    `${process.getuid?.()}\n`,
  );
});

test("another user than root is refused with the reason", async () => {
  using person = new Person();
  const image = writeBusyboxLayout(person.folder.join("busybox"));
  const { exitCode, stderr } = await person.run(["run", "--rm", "--network=none", "-u", "1000", image, "true"]);
  expect(exitCode).toBe(125);
  expect(stderr).toMatch(/1000.*tsbox doctor/);
});

test("--userns=subuid is refused with what an administrator would type", async () => {
  using person = new Person();
  const image = writeBusyboxLayout(person.folder.join("busybox"));
  const { exitCode, stderr } = await person.run(["run", "--rm", "--userns=subuid", image, "true"]);
  expect(exitCode).toBe(125);
  expect(stderr).toContain("usermod --add-subuids");
});

test("ownership that the image asks for is kept in an attribute, not applied", async () => {
  using person = new Person();
  const image = writeBusyboxLayout(person.folder.join("busybox"));
  await person.ok(["run", "--rm", "--network=none", image, "true"]);
  const found = Bun.spawnSync([
    "sh",
    "-c",
    `getfattr -n user.containers.override_stat --only-values ${person.storage}/layers/single/*/home/guest`,
  ]);
  expect(found.stdout.toString()).toMatch(/^1000:1000:0750/);
});

test("doctor says what is lacking and how to mend it", async () => {
  using person = new Person();
  const { stdout } = await person.run(["doctor"]);
  expect(stdout).toContain("usermod --add-subuids");
});

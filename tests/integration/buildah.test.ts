/** An image that buildah wrote. */
import { expect } from "bun:test";
import { BUSYBOX, busybox } from "../support/busybox-image.ts";
import { executable, program, requires, subordinateIds, userNamespaces } from "../support/skip.ts";
import { Person } from "../support/tsbox.ts";

const test = requires(executable, busybox, userNamespaces, subordinateIds, program("buildah"));

test("an image made by buildah runs as its configuration says", async () => {
  using person = new Person();
  const layout = person.folder.join("layout");
  const script = `set -e
    c=$(buildah from scratch)
    buildah copy -q $c ${BUSYBOX} /bin/busybox > /dev/null
    buildah config --entrypoint '["/bin/busybox","echo"]' --cmd 'from buildah' --env A=b --user 1234 $c
    buildah commit -q $c oci:${layout}:made > /dev/null`;
  const env = { ...process.env, ...person.env, STORAGE_DRIVER: "vfs", BUILDAH_ISOLATION: "chroot" };
  const built = Bun.spawnSync(["sh", "-c", script], { env, cwd: person.home });
  expect(built.stderr.toString()).toBe("");
  expect(await person.ok(["run", "--rm", "--network=none", `oci:${layout}:made`])).toBe("from buildah\n");
  const id = ["run", "--rm", "--network=none", "--entrypoint", "/bin/busybox", `oci:${layout}:made`, "id", "-u"];
  expect(await person.ok(id)).toBe("1234\n");
}, 60_000);

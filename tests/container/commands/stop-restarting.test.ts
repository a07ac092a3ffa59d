/** `tsbox stop` and `rm -f` of containers that a policy starts again this very moment. */
import { expect } from "bun:test";
import { Host } from "../../integration/detached/host.ts";
import { busybox } from "../../support/busybox-image.ts";
import { executable, requires, userNamespaces } from "../../support/skip.ts";

const it = requires(executable, busybox, userNamespaces);

it("stop and rm -f are for good at whatever moment of a restart, and do not wait for it", async () => {
  using host = new Host();
  await host.ok(["pull", "-q", host.image]);
  const one = async (i: number) => {
    const name = `box${i}`;
    await host.start(["--name", name, "--restart", "always"], ["sh", "-c", "sleep 0.05; exit 1"]);
    // the pauses are 100 and 200 ms, each run takes some 60
    await Bun.sleep(40 + i * 23);
    const before = Date.now();
    const { exitCode, stderr } = await host.run(i % 2 === 0 ? ["rm", "-f", name] : ["stop", "-t", "1", name]);
    expect({ i, exitCode, stderr }).toEqual({ i, exitCode: 0, stderr: "" });
    expect(Date.now() - before).toBeLessThan(9000);
  };
  for (let i = 0; i < 20; i += 2) await Promise.all([one(i), one(i + 1)]);
  await Bun.sleep(300);
  const states = (await host.ok(["ps", "-a", "--format", "{{.State}}"])).trim().split("\n");
  expect(states).toEqual(Array.from({ length: 10 }, () => "exited"));
}, 60_000);

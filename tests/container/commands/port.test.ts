/** `tsbox port`, and the ports of `ps`: what is told is what can be connected to. */
import { describe, expect } from "bun:test";
import { Host } from "../../integration/detached/host.ts";
import { busybox } from "../../support/busybox-image.ts";
import { freePort } from "../../support/free-port.ts";
import { executable, program, requires, subordinateIds, userNamespaces } from "../../support/skip.ts";

const it = requires(executable, busybox, userNamespaces, subordinateIds, program("pasta"));

/** A server that answers with its own port. */
const serve = (port: number) => ["sh", "-c", `mkdir /w; echo ${port} > /w/index.html; exec httpd -f -p ${port} -h /w`];

/** What is answered at an address; nobody may listen yet. */
async function ask(address: string): Promise<string> {
  const reached = address.replace(/^0\.0\.0\.0:/, "127.0.0.1:").replace(/^\[::\]:/, "[::1]:");
  for (let attempt = 0; attempt < 400; attempt++) {
    try {
      return (await (await fetch(`http://${reached}/`)).text()).trim();
    } catch {
      await Bun.sleep(50);
    }
  }
  return "";
}

describe("port", () => {
  it("tells the port that the host chose, of each start", async () => {
    using host = new Host();
    await host.ok(["run", "-d", "--name", "web", "-p", "8080", host.image, ...serve(8080)]);
    for (let start = 0; start < 2; start++) {
      const lines = (await host.ok(["port", "web", "8080"])).trim().split("\n");
      expect(lines[0]).toMatch(/^0\.0\.0\.0:\d+$/);
      for (const line of lines) expect({ line, answer: await ask(line) }).toEqual({ line, answer: "8080" });
      expect(await host.ok(["ps", "--format", "{{.Ports}}"])).toBe(`${lines[0]}->8080/tcp\n`);
      await host.ok(["restart", "-t", "0", "web"]);
    }
  });

  it("takes ranges apart, and tells addresses and protocols", async () => {
    using host = new Host();
    const [one, other] = [await freePort(), await freePort()];
    const publish = ["-p", `127.0.0.1:${one}:80`, "-p", `127.0.0.1:${other}:53/udp`];
    await host.ok(["run", "-d", "--name", "web", ...publish, host.image, "sleep", "1000"]);
    const lines = `53/udp -> 127.0.0.1:${other}\n80/tcp -> 127.0.0.1:${one}\n`;
    expect(await host.ok(["port", "web"])).toBe(lines);
    expect(await host.ok(["port", "web", "80/tcp"])).toBe(`127.0.0.1:${one}\n`);
    expect(await host.run(["port", "web", "53"])).toMatchObject({
      exitCode: 1,
      stderr: "tsbox: cannot show port 53/tcp: container web does not publish it\n",
    });
    expect((await host.run(["port", "web", "http"])).exitCode).toBe(125);
  });

  it("tells nothing of one that does not run, or publishes nothing", async () => {
    using host = new Host();
    await host.ok(["run", "-d", "--name", "web", "-p", "80", host.image, "sleep", "1000"]);
    await host.ok(["stop", "-t", "0", "web"]);
    expect(await host.ok(["port", "web"])).toBe("");
    expect(await host.ok(["ps", "-a", "--format", "{{.Names}}:{{.Ports}}"])).toBe("web:\n");
    await host.start(["--name", "none"], ["sleep", "1000"]);
    expect(await host.ok(["port", "none"])).toBe("");
  });
});

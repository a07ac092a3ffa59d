/** Units that `generate systemd` and `quadlet` make, through the executable. `tests/vm/systemd.test.ts` has systemd run them. */
import { describe, expect } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { busybox } from "../../support/busybox-image.ts";
import { executable, requires, userNamespaces } from "../../support/skip.ts";
import { TSBOX } from "../../support/tsbox.ts";
import { Host } from "./host.ts";

const test = requires(executable, busybox, userNamespaces);

const create = (host: Host, ...args: string[]) =>
  host.ok(["create", "--name=web", "--network=none", ...args, host.image, "sh", "-c", "sleep 100"]);
const generate = (host: Host, ...args: string[]) => host.ok(["generate", "systemd", "--no-header", ...args, "web"]);
const line = (text: string, key: string): string | undefined => new RegExp(`^${key}=(.*)$`, "m").exec(text)?.[1];

describe("generate systemd", () => {
  test("a unit that starts the container that is there, by id", async () => {
    using host = new Host();
    const id = (await create(host, "--stop-timeout=3", "--stop-signal=INT")).trim();
    const text = await generate(host);
    expect(text).toBe(`# container-${id}.service

[Unit]
Description=Container web, kept by tsbox
Wants=network-online.target
After=network-online.target
RequiresMountsFor=${host.storage}/containers

[Service]
Type=notify
NotifyAccess=all
Environment=TSBOX_SYSTEMD_UNIT=%n
Restart=on-failure
SuccessExitStatus=129 130 141 143
TimeoutStopSec=63
KillMode=mixed
ExecStart=${TSBOX} start ${id}
ExecStop=${TSBOX} stop --ignore -t 3 ${id}
ExecStopPost=${TSBOX} stop --ignore -t 3 ${id}

[Install]
WantedBy=default.target
`);
  });

  test("flags of the command", async () => {
    using host = new Host();
    await create(host);
    const flags = ["--name", "--restart-policy=always", "--restart-sec=4", "-t", "7", "--start-timeout=9"];
    const units = ["--requires=a.service", "--after=b.service", "--after=c.service", "--wants=d.service"];
    const text = await generate(host, ...flags, ...units, "-e", "A=b c", "--container-prefix=", "--separator=+");
    expect(text).toStartWith("# web.service\n");
    expect(line(text, "Restart")).toBe("always");
    expect(line(text, "RestartSec")).toBe("4");
    expect(line(text, "TimeoutStartSec")).toBe("9");
    expect(line(text, "TimeoutStopSec")).toBe("67");
    expect(text).toContain("stop --ignore -t 7 ");
    expect(text).toContain('Environment="A=b c"\n');
    for (const each of ["Requires=a", "After=b", "After=c", "Wants=d"]) expect(text).toContain(`\n${each}.service\n`);
    expect(await generate(host, "--name", "--container-prefix=c", "--separator=_")).toStartWith("# c_web.service\n");
  });

  test("--new repeats the command line, but for what the unit decides; nothing in it means anything to systemd", async () => {
    using host = new Host();
    const flags = ["-e", 'TEXT=100% of $HOME "here"', "--label", "a=b c", "--restart=always", "--sdnotify=ignore"];
    await create(host, ...flags, "--cidfile", host.folder.join("cid"), "--memory=1g");
    const text = await generate(host, "--new", "--name");
    expect(line(text, "ExecStart")).toBe(
      `${TSBOX} run -d --rm --replace --name=web --sdnotify=conmon --cgroups=split --network=none ` +
        `"--env=TEXT=100%% of $$HOME \\"here\\"" "--label=a=b c" --memory=1g ${host.image} sh -c "sleep 100"`,
    );
    expect(line(text, "ExecStopPost")).toBe(`-${TSBOX} rm -f -v web`);
    expect(line(text, "Restart")).toBe("always");
    expect(line(text, "Delegate")).toBe("yes");
    // the command was given at home, where units begin
    expect(line(text, "WorkingDirectory")).toBeUndefined();
  });

  test("--new keeps how the container notifies, and where it was typed", async () => {
    using host = new Host();
    const cwd = host.folder.join("else where");
    mkdirSync(cwd);
    const args = ["create", "--name=web", "--sdnotify=container", "-v", "./x:/x", host.image, "true"];
    mkdirSync(`${cwd}/x`);
    expect((await host.run(args, { cwd })).exitCode).toBe(0);
    const text = await generate(host, "--new");
    expect(text).toContain("--sdnotify=container");
    expect(line(text, "WorkingDirectory")).toBe(cwd);
  });

  test("--files and --format=json", async () => {
    using host = new Host();
    await create(host);
    const path = `${host.home}/container-web.service`;
    expect(await generate(host, "--name", "--files")).toBe(`${path}\n`);
    expect(readFileSync(path, "utf8")).toBe(await generate(host, "--name"));
    expect(JSON.parse(await generate(host, "--name", "--format=json"))).toEqual({
      "container-web.service": readFileSync(path, "utf8"),
    });
  });

  test("a pod is one unit", async () => {
    using host = new Host();
    const id = (await host.ok(["pod", "create", "--name", "web", "--network=none"])).trim();
    const text = await generate(host, "--name");
    expect(text).toStartWith("# pod-web.service\n");
    expect(line(text, "Type")).toBe("oneshot");
    expect(line(text, "ExecStart")).toBe(`${TSBOX} pod start ${id}`);
    await host.ok(["pod", "rm", "-f", "web"]);
  });

  test("values that there are not are errors", async () => {
    using host = new Host();
    await create(host);
    for (const [flag, value] of Object.entries({ "restart-policy": "perhaps", format: "yaml", time: "soon" })) {
      const { exitCode, stderr } = await host.run(["generate", "systemd", `--${flag}=${value}`, "web"]);
      expect(exitCode).toBe(125);
      expect(stderr).toContain(`cannot use --${flag} ${value}`);
    }
  });

  test("one that never tells systemd, and one that is not there, are errors", async () => {
    using host = new Host();
    await create(host, "--sdnotify=ignore");
    expect((await host.run(["generate", "systemd", "web"])).stderr).toContain("use --new");
    expect((await host.run(["generate", "systemd", "nobody"])).stderr).toContain("cannot find container");
  });
});

describe("quadlet", () => {
  const write = (host: Host, name: string, text: string): string => {
    const folder = `${host.home}/.config/tsbox/systemd`;
    mkdirSync(folder, { recursive: true });
    writeFileSync(`${folder}/${name}`, text);
    return `${folder}/${name}`;
  };
  const units = (host: Host): string[] => {
    const folder = `${host.home}/.config/systemd/user`;
    return existsSync(folder) ? readdirSync(folder).sort() : [];
  };

  test("install, ls, print and rm", async () => {
    using host = new Host();
    const web = write(host, "web.container", `[Container]\nImage=${host.image}\nVolume=data.volume:/d\n`);
    write(host, "data.volume", "[Volume]\n");
    expect(await host.ok(["quadlet", "print", "web.container"])).toContain(`${TSBOX} run -d`);
    expect(units(host)).toEqual([]);
    const folder = `${host.home}/.config/systemd/user`;
    expect(await host.ok(["quadlet", "install"])).toBe(`${folder}/data-volume.service\n${folder}/web.service\n`);
    expect(units(host)).toEqual(["data-volume.service", "web.service"]);
    expect(await host.ok(["quadlet", "ls", "-q"])).toBe("data-volume.service\nweb.service\n");
    expect(await host.ok(["quadlet", "ls", "--format", "{{.Name}} {{.Path}}"])).toContain(`web.container ${web}\n`);
    expect(await host.ok(["quadlet", "rm", "web.container"])).toBe("web.service\n");
    expect(units(host)).toEqual(["data-volume.service"]);
    expect(existsSync(web)).toBe(true);
    expect((await host.run(["quadlet", "rm", "web"])).exitCode).toBe(1);
  });

  test("what one needs, beside it, is installed with it; what it does not need is not even read", async () => {
    using host = new Host();
    const folder = host.folder.join("mine");
    mkdirSync(`${folder}/below`, { recursive: true });
    writeFileSync(`${folder}/web.container`, "[Container]\nImage=x\nVolume=data.volume:/d\n");
    writeFileSync(`${folder}/data.volume`, "[Volume]\n");
    writeFileSync(`${folder}/more.volume`, "[Volume]\n");
    writeFileSync(`${folder}/wrong.volume`, "nonsense\n");
    writeFileSync(`${folder}/below/far.volume`, "[Volume]\n");
    const { exitCode, stderr } = await host.run(["quadlet", "install", "./web.container"], { cwd: folder });
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(units(host)).toEqual(["data-volume.service", "web.service"]);
    writeFileSync(`${folder}/web.container`, "[Container]\nImage=x\nVolume=far.volume:/d\n");
    const again = await host.run(["quadlet", "install", `${folder}/web.container`]);
    expect(again.stderr).toContain("web.container:3: there is no quadlet far.volume");
  });

  test("what is wrong with one is said, with file and line, and the others are made", async () => {
    using host = new Host();
    const wrong = write(host, "wrong.container", "[Container]\nImage=x\n\nColour=red\n");
    write(host, "right.container", "[Container]\nImage=x\n");
    const all = await host.run(["quadlet", "install"]);
    expect(all.exitCode).toBe(1);
    expect(all.stderr).toBe(`tsbox: cannot use ${wrong}:4: there is no key Colour in [Container]\n`);
    expect(units(host)).toEqual(["right.service"]);
    const named = await host.run(["quadlet", "install", "right.container", wrong]);
    expect(named.exitCode).not.toBe(0);
    expect(named.stdout).toBe("");
  });

  test("called by a generator's name it is one", async () => {
    using host = new Host();
    write(host, "web.container", "[Container]\nImage=x\n[Install]\nWantedBy=default.target\n");
    write(host, "wrong.volume", "[Volume]\nColour=red\n");
    const [normal, early, late] = ["normal", "early", "late"].map((name) => {
      mkdirSync(host.folder.join(name));
      return host.folder.join(name);
    });
    const child = Bun.spawn([TSBOX, normal ?? "", early ?? "", late ?? ""], {
      argv0: "/etc/systemd/user-generators/tsbox-user-generator",
      env: host.env,
      stdout: "pipe",
      stderr: "pipe",
    });
    expect(await child.exited).toBe(1);
    expect(await new Response(child.stderr).text()).toContain("wrong.volume:2: there is no key Colour");
    expect(readdirSync(normal ?? "", { recursive: true, encoding: "utf8" }).sort()).toEqual([
      "default.target.wants",
      "default.target.wants/web.service",
      "web.service",
    ]);
  });
});

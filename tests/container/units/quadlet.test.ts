import { describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import {
  findQuadletFiles,
  loadQuadlet,
  type Quadlet,
  quadletFolders,
  quadletUnit,
} from "../../../src/container/units/quadlet/index.ts";
import { installedUnits, removeUnit, writeUnits } from "../../../src/container/units/quadlet/install.ts";
import { program, requires } from "../../support/skip.ts";
import { type TemporaryFolder, temporaryFolder } from "../../support/tmp.ts";

const TSBOX = ["/usr/bin/tsbox"];

/** Writes quadlets to a folder, and makes units of all. */
function unitsOf(folder: TemporaryFolder, files: Readonly<Record<string, string>>) {
  for (const [name, text] of Object.entries(files)) {
    const path = folder.join(name);
    mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    writeFileSync(path, text);
  }
  const all = new Map<string, Quadlet>();
  for (const [name, path] of findQuadletFiles([folder.path])) all.set(name, loadQuadlet(path));
  return [...all.values()].map((quadlet) => quadletUnit(quadlet, all, TSBOX));
}

function oneUnit(text: string, name = "web.container"): string {
  using folder = temporaryFolder();
  return unitsOf(folder, { [name]: text })[0]?.text.replaceAll(folder.path, "/Q") ?? "";
}

/** The words of `tsbox run` of a container with these keys. */
function run(keys: string): string {
  const text = oneUnit(`[Container]\nImage=img\n${keys}\n`);
  return /^ExecStart=\/usr\/bin\/tsbox run (.*)$/m.exec(text)?.[1] ?? "";
}

describe("quadlets", () => {
  test("a container", () => {
    const text = oneUnit(`[Unit]
Description=Web
[Container]
Image=docker.io/library/nginx
ContainerName=web
Exec=nginx -g "daemon off;"
StopSignal=SIGQUIT
[Service]
Restart=always
TimeoutStopSec=7
[Install]
WantedBy=default.target
`);
    expect(text).toBe(`# made by tsbox quadlet from /Q/web.container

[Unit]
Description=Web
SourcePath=/Q/web.container

[Service]
Restart=always
TimeoutStopSec=7
Environment=TSBOX_SYSTEMD_UNIT=%n
Type=notify
NotifyAccess=all
SuccessExitStatus=129 130 131 141 143
KillMode=mixed
Delegate=yes
SyslogIdentifier=%N
ExecStart=/usr/bin/tsbox run -d --sdnotify=conmon --rm --replace --name=web --cgroups=split --stop-timeout=10 --stop-signal=SIGQUIT docker.io/library/nginx nginx -g "daemon off;"
ExecStop=/usr/bin/tsbox stop --ignore -t 10 web
ExecStopPost=-/usr/bin/tsbox rm -f -v web

[Install]
WantedBy=default.target
`);
  });

  test.each([
    ["SIGQUIT", "129 130 131 141 143"],
    ["quit", "129 130 131 141 143"],
    ["3", "129 130 131 141 143"],
    ["RTMIN+3", "129 130 141 143 165"],
    ["KILL", "129 130 141 143"],
    ["NOPE", "129 130 141 143"],
  ])("with StopSignal=%s the statuses %s are no failures", (signal, statuses) => {
    expect(oneUnit(`[Container]\nImage=nginx\nStopSignal=${signal}\n`)).toContain(`\nSuccessExitStatus=${statuses}\n`);
  });

  test.each([
    ["AddCapability=CAP_NET_RAW CAP_CHOWN", "--cap-add=CAP_NET_RAW --cap-add=CAP_CHOWN"],
    ["AddDevice=/dev/null", "--device=/dev/null"],
    ["AddDevice=-/dev/null:/dev/n", "--device=/dev/null:/dev/n"],
    ["AddHost=a:1.2.3.4", "--add-host=a:1.2.3.4"],
    ["Annotation=a=b 'c=d e'", '--annotation=a=b "--annotation=c=d e"'],
    ["CgroupsMode=disabled", "--cgroups=disabled"],
    ["DNS=1.1.1.1\nDNSSearch=x\nDNSOption=ndots:1", "--dns=1.1.1.1 --dns-option=ndots:1 --dns-search=x"],
    ["DropCapability=ALL", "--cap-drop=ALL"],
    ["Entrypoint=/bin/x", "--entrypoint=/bin/x"],
    ["Environment=A=1\nEnvironment=\nEnvironment=B=2", "--env=B=2"],
    ["EnvironmentFile=env", "--env-file=/Q/env"],
    ["EnvironmentFile=%h/env", "--env-file=%h/env"],
    ["ExposeHostPort=80", "--expose=80"],
    ["GroupAdd=wheel", "--group-add=wheel"],
    ['HealthCmd=test -e "/x"\nHealthInterval=2s', '"--health-cmd=test -e \\"/x\\"" --health-interval=2s'],
    ["HostName=h", "--hostname=h"],
    ["IP=10.0.0.2\nNetworkAlias=a", "--ip=10.0.0.2 --network-alias=a"],
    ["Label=a=b\nLabel=c=d", "--label=a=b --label=c=d"],
    ["LogDriver=journald\nLogOpt=tag=x", "--log-driver=journald --log-opt=tag=x"],
    ["Mask=/a:/b", "--security-opt=mask=/a:/b"],
    ["Unmask=all", "--security-opt=unmask=ALL"],
    ["Memory=1g\nPidsLimit=5", "--memory=1g --pids-limit=5"],
    ["Mount=type=bind,source=./x,destination=/y", "--mount=type=bind,source=/Q/x,destination=/y"],
    ["Network=host", "--network=host"],
    ["NoNewPrivileges=false", "--security-opt=no-new-privileges=false"],
    ["Notify=true", "-d --sdnotify=container"],
    ["Notify=healthy", "-d --sdnotify=healthy"],
    ["PodmanArgs=--shm-size 1m '--label=x=y z'", '--shm-size 1m "--label=x=y z"'],
    ["PublishPort=8080:80\nPublishPort=53:53/udp", "--publish=8080:80 --publish=53:53/udp"],
    ["Pull=never\nReadOnly=yes\nRunInit=on", "--pull=never --read-only=true --init=true"],
    ["SeccompProfile=./s.json", "--security-opt=seccomp=/Q/s.json"],
    ["Secret=key,type=env", "--secret=key,type=env"],
    ["StopTimeout=3", "--stop-timeout=3"],
    ["Sysctl=a=1 b=2\nTmpfs=/t\nUlimit=nofile=5", "--sysctl=a=1 --sysctl=b=2 --tmpfs=/t --ulimit=nofile=5"],
    ["User=5\nGroup=6", "--user=5:6"],
    ["UserNS=keep-id\nWorkingDir=/w", "--userns=keep-id --workdir=/w"],
    ["Volume=./d:/d:ro", "--volume=/Q/d:/d:ro"],
    ["Volume=/anonymous", "--volume=/anonymous"],
    ["Volume=%h/d:/d", "--volume=%h/d:/d"],
  ])("%j is %s", (keys, flags) => {
    expect(run(keys)).toContain(flags);
  });

  test("other files that it names: their names, and what is started before it", () => {
    using folder = temporaryFolder();
    const units = unitsOf(folder, {
      "web.container":
        "[Container]\nImage=base.image\nVolume=data.volume:/data\nMount=type=volume,source=data.volume,destination=/e\nNetwork=front.network:alias=w\nNetwork=back.network\n",
      "side.container": "[Container]\nImage=x\nNetwork=web.container\n",
      "data.volume": "[Volume]\nVolumeName=store\nLabel=a=b\nType=tmpfs\nOptions=size=1m\n",
      "front.network": "[Network]\nSubnet=10.1.0.0/24\nInternal=true\nNetworkDeleteOnStop=yes\n",
      "back.network": "[Network]\nServiceName=behind\n",
      "base.image": "[Image]\nImage=docker.io/library/alpine\nArch=arm64\nTLSVerify=false\n",
    });
    const unit = (file: string) => units.find((each) => each.file === file)?.text ?? "";
    const web = unit("web.service");
    for (const other of ["base-image", "data-volume", "front-network", "behind"])
      expect(web).toContain(`Requires=${other}.service\nAfter=${other}.service\n`);
    expect(web).toContain("--volume=store:/data");
    expect(web).toContain("--mount=type=volume,source=store,destination=/e");
    expect(web).toContain("--network=systemd-front:alias=w --network=systemd-back docker.io/library/alpine\n");
    expect(unit("side.service")).toContain("--network=container:systemd-web x\n");
    expect(unit("side.service")).toContain("Requires=web.service\nAfter=web.service\n");
    expect(unit("data-volume.service")).toContain(
      "tsbox volume create --ignore --label=a=b --opt=type=tmpfs --opt=o=size=1m store\n",
    );
    expect(unit("front-network.service")).toContain(
      "tsbox network create --ignore --internal=true --subnet=10.1.0.0/24 systemd-front\nExecStopPost=-/usr/bin/tsbox network rm systemd-front\n",
    );
    expect(unit("base-image.service")).toContain(
      "tsbox pull --quiet --tls-verify=false --platform=linux/arm64 docker.io/library/alpine\n",
    );
    for (const { text } of units)
      if (!text.includes("tsbox run")) expect(text).toContain("Type=oneshot\nRemainAfterExit=yes\n");
  });

  test("a pod and its containers start and end together", () => {
    using folder = temporaryFolder();
    const units = unitsOf(folder, {
      "app.pod": "[Pod]\nPublishPort=8080:80\n",
      "one.container": "[Container]\nImage=x\nPod=app.pod\n",
      "two.container": "[Container]\nImage=x\nPod=app.pod\nStartWithPod=false\n",
    });
    const [pod, one] = ["app-pod.service", "one.service"].map((file) => units.find((each) => each.file === file)?.text);
    expect(pod).toContain("Wants=one.service\nBefore=one.service\n");
    expect(pod).not.toContain("two.service");
    expect(pod).toContain("tsbox pod create --replace --name=systemd-app --publish=8080:80\n");
    expect(one).toContain("BindsTo=app-pod.service\nAfter=app-pod.service\n");
    expect(one).toContain("--pod=systemd-app x\n");
    // a process of the pod stays when one container ends
    expect(one).toContain("KillMode=process\n");
    expect(one).not.toContain("Delegate");
  });

  test("a YAML file", () => {
    const text = oneUnit("[Kube]\nYaml=app.yml\nPublishPort=80:80\nKubeDownForce=true\n", "app.kube");
    expect(text).toContain("ExecStart=/usr/bin/tsbox kube play --replace --publish=80:80 /Q/app.yml\n");
    expect(text).toContain("ExecStopPost=/usr/bin/tsbox kube down --force /Q/app.yml\n");
  });

  test("a oneshot runs in the foreground", () => {
    const text = oneUnit("[Container]\nImage=x\n[Service]\nType=oneshot\n");
    expect(text).toContain("tsbox run --rm --replace ");
    expect(text).not.toContain("sdnotify");
    expect(text).not.toContain("Type=notify");
  });

  test("drop-ins count after the file, and take values away", () => {
    using folder = temporaryFolder();
    const [unit] = unitsOf(folder, {
      "web.container": "[Container]\nImage=x\nLabel=a=b\n",
      "web.container.d/10.conf": "[Container]\nLabel=\nImage=y\n[Service]\nRestart=always\n",
      "web.container.d/note.txt": "nonsense",
    });
    expect(unit?.text).toContain("--stop-timeout=10 y\n");
    expect(unit?.text).toContain("Restart=always\n");
  });

  test.each([
    ["Colour=red", "web.container:3: there is no key Colour in [Container]"],
    ["AutoUpdate=registry", "web.container:3: tsbox has nothing for AutoUpdate yet"],
    ["ReadOnly=perhaps", "web.container:3: perhaps is neither true nor false"],
    ["Volume=no.volume:/x", "web.container:3: there is no quadlet no.volume"],
    ["Group=5", "web.container:3: Group needs User"],
    ["Rootfs=/x", "web.container:3: Image and Rootfs exclude each other"],
    ["ReloadCmd=a\nReloadSignal=HUP", "web.container:4: ReloadCmd and ReloadSignal exclude each other"],
    ["[Volume]\nLabel=x", "web.container:4: [Volume] is not for a file named web.container"],
    ["[Service]\nType=simple", "web.container:4: the type of a container's service is notify or oneshot"],
    ["StopTimeout=soon", "StopTimeout=soon is not a number of seconds"],
    ['Environment="A', "web.container:3: a quotation mark is not closed"],
    ["[Quadlet]\nFoo=1", "there is no key Foo in [Quadlet]"],
  ])("%j is an error with file and line", (keys, message) => {
    expect(() => run(keys)).toThrow(message);
  });

  test("folders: the person's own, links among them, before the machine's", () => {
    using folder = temporaryFolder();
    expect(quadletFolders({ HOME: "/h" }, 1000)).toEqual([
      "/h/.config/containers/systemd",
      "/h/.config/tsbox/systemd",
      "/etc/containers/systemd/users/1000",
      "/etc/containers/systemd/users",
    ]);
    expect(quadletFolders({ HOME: "/h", XDG_CONFIG_HOME: "/x" }, 1000)[0]).toBe("/x/containers/systemd");
    mkdirSync(folder.join("a/below"), { recursive: true });
    mkdirSync(folder.join("b"));
    for (const path of ["a/one.container", "a/below/two.volume", "b/one.container", "b/three.txt", "b/.container"])
      writeFileSync(folder.join(path), "");
    expect([...findQuadletFiles([folder.join("a"), folder.join("b"), folder.join("missing")])]).toEqual([
      ["two.volume", folder.join("a/below/two.volume")],
      ["one.container", folder.join("a/one.container")],
    ]);
  });

  test("units are written with the links that [Install] asks for, replaced, and removed", () => {
    using folder = temporaryFolder();
    mkdirSync(folder.join("q"));
    mkdirSync(folder.join("units"));
    const path = folder.join("q/web.container");
    const units = folder.join("units");
    const write = (install: string) => {
      writeFileSync(path, `[Container]\nImage=x\n[Install]\n${install}\n`);
      writeUnits(units, [quadletUnit(loadQuadlet(path), new Map(), TSBOX)]);
    };
    const all = () => readdirSync(units, { recursive: true, encoding: "utf8" }).sort();
    write("WantedBy=default.target other.target\nAlias=site.service");
    expect(all()).toEqual([
      "default.target.wants",
      "default.target.wants/web.service",
      "other.target.wants",
      "other.target.wants/web.service",
      "site.service",
      "web.service",
    ]);
    expect(readFileSync(folder.join("units/default.target.wants/web.service"), "utf8")).toContain("tsbox run");
    expect(readlinkSync(folder.join("units/site.service"))).toBe("web.service");
    write("WantedBy=default.target");
    expect(all()).not.toContain("site.service");
    expect(all()).not.toContain("other.target.wants/web.service");
    expect(installedUnits(units)).toEqual([
      { file: "web.service", source: path, path: folder.join("units/web.service") },
    ]);
    removeUnit(units, "web.service");
    expect(all()).toEqual(["default.target.wants", "other.target.wants"]);
  });

  test("a unit of somebody else's is not overwritten", () => {
    using folder = temporaryFolder();
    writeFileSync(folder.join("web.container"), "[Container]\nImage=x\n");
    mkdirSync(folder.join("units"));
    writeFileSync(folder.join("units/web.service"), "[Service]\nExecStart=/bin/true\n");
    const unit = quadletUnit(loadQuadlet(folder.join("web.container")), new Map(), TSBOX);
    expect(() => writeUnits(folder.join("units"), [unit])).toThrow("was not made by tsbox quadlet");
    expect(installedUnits(folder.join("units"))).toEqual([]);
  });

  requires(program("systemd-analyze", false))("systemd finds nothing wrong with any of them", () => {
    using folder = temporaryFolder();
    const tsbox = folder.join("tsbox");
    writeFileSync(tsbox, "#!/bin/sh\n");
    chmodSync(tsbox, 0o755);
    mkdirSync(folder.join("run"), { mode: 0o700 });
    const files = {
      "web.container": `[Container]\nImage=base.image\nVolume=data.volume:/data\nNetwork=n.network\nExec=sh -c 'echo "%% $$X"; a=\\\\'\nEnvironment="A=b c"\nReloadCmd=true\n[Install]\nWantedBy=default.target\n`,
      "one.container": "[Container]\nImage=x\nPod=p.pod\n",
      "data.volume": "[Volume]\n",
      "n.network": "[Network]\nNetworkDeleteOnStop=true\n",
      "p.pod": "[Pod]\n",
      "base.image": "[Image]\nImage=y\n",
      "y.kube": "[Kube]\nYaml=y.yml\n",
    };
    for (const [name, text] of Object.entries(files)) writeFileSync(folder.join(name), text);
    const all = new Map([...findQuadletFiles([folder.path])].map(([name, path]) => [name, loadQuadlet(path)]));
    const units = [...all.values()].map((quadlet) => quadletUnit(quadlet, all, [tsbox]));
    writeUnits(folder.join("units"), units);
    const paths = units.map(({ file }) => folder.join(`units/${file}`));
    const env = { PATH: process.env.PATH ?? "", HOME: folder.path, XDG_RUNTIME_DIR: folder.join("run") };
    const verify = (args: readonly string[]) =>
      Bun.spawnSync(["systemd-analyze", "--user", "verify", "--man=no", ...args], { env });
    const { stderr, exitCode } = verify(paths);
    expect(stderr.toString()).toBe("");
    expect(exitCode).toBe(0);
    // and it does look
    writeFileSync(folder.join("units/bad.service"), "[Service]\nType=notify\nExecStart=tsbox\nColour=red\n");
    expect(verify([folder.join("units/bad.service")]).stderr.toString()).toContain("Colour");
  });
});

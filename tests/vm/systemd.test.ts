/** Containers that a user's systemd starts, ends, starts again and finds after a reboot: units of `generate systemd`, and quadlets. */
import { beforeAll, describe, expect } from "bun:test";
import { debianRequirements } from "../support/debian-image.ts";
import { executable, program, requires } from "../support/skip.ts";
import type { CpioEntry } from "./support/cpio.ts";
import { bootDebian, debianDisk } from "./support/debian.ts";

import { machineRequirements, type Outcome } from "./support/machine.ts";
import { kernelOf } from "./support/scenarios.ts";

const IMAGE = "oci:/image:latest";
const QUADLETS = "/home/u/quadlets";
const UNITS = "/home/u/.config/systemd/user";
/** What the programs say is written to files here, which are read without starting tsbox: that takes a second in the machine. */
const SHARED = "/home/u/shared";
/** Ends when it is asked to, counts how often it was started, and says so. */
const COUNT = (file: string, said: string) =>
  `echo start >>${file}; echo "starts: $(wc -l <${file})" >>${said}; trap "exit 0" TERM; while :; do sleep 0.2; done`;

const own = (path: string, data: string): CpioEntry => ({ path, data, mode: 0o644, uid: 1000, gid: 1000 });
const folder = (path: string): CpioEntry => ({ path, type: "directory", uid: 1000, gid: 1000 });

const FILES: CpioEntry[] = [
  ...["", "/tsbox", "/tsbox/systemd", "/systemd", "/systemd/user"].map((name) => folder(`/home/u/.config${name}`)),
  folder(QUADLETS),
  folder(SHARED),
  own(
    `${QUADLETS}/quad.container`,
    `[Unit]
Description=From a quadlet
[Container]
Image=${IMAGE}
Volume=data.volume:/data
Network=host
Environment=GREETING="good day"
Volume=${SHARED}:/shared
Exec=sh -c 'echo "$$GREETING, %p" >>/shared/quad; ${COUNT("/data/starts", "/shared/quad").replaceAll("$", "$$$$").replaceAll('"', '\\"')}'
[Install]
WantedBy=default.target
`,
  ),
  own(`${QUADLETS}/data.volume`, "[Volume]\nLabel=of=quadlet\n"),
  own(
    `${QUADLETS}/ill.container`,
    `[Container]
Image=${IMAGE}
Network=host
Notify=healthy
HealthCmd=test -e /shared/well
HealthInterval=1s
StopTimeout=0
Volume=${SHARED}:/shared
Exec=sh -c 'touch /shared/ill; sleep 1000'
`,
  ),
  own(
    `${QUADLETS}/says.container`,
    `[Container]
Image=${IMAGE}
Network=host
Notify=yes
Volume=/usr:/usr:ro
Volume=/usr/lib:/lib:ro
Volume=/usr/lib64:/lib64:ro
StopTimeout=0
Volume=${SHARED}:/shared
Exec=sh -c 'touch /shared/says; while [ ! -e /shared/go ]; do sleep 0.2; done; /usr/bin/systemd-notify --ready "--status=said by the program"; sleep 1000'
`,
  ),
  own(
    "/home/u/.config/tsbox/systemd/made.container",
    `[Container]\nImage=${IMAGE}\nNetwork=host\nStopTimeout=0\nExec=sleep 1000\n[Install]\nWantedBy=default.target\n`,
  ),
  own("/home/u/.config/tsbox/systemd/wrong.container", `[Container]\nImage=${IMAGE}\nColour=red\n`),
  { path: "/etc/systemd/user-generators/tsbox-user-generator", type: "symlink", data: "/usr/bin/tsbox" },
];

/** `step NAME` begins what a test looks at; `until_is STATE UNIT` waits for it. */
const FUNCTIONS = `
step() { echo; echo "## $1"; }
ctl() { as_u systemctl --user --no-pager "$@"; }
show() { ctl show -p ActiveState -p SubState -p Result -p NRestarts -p StatusText "$1"; }
until_there() {
  for i in $(seq 100); do [ -e $1 ] && return; sleep 0.3; done
}
until_in() {
  for i in $(seq 100); do grep -qs "$1" $2 && return; sleep 0.3; done
}
until_is() {
  for i in $(seq 100); do [ "$(ctl show -p ActiveState --value $2)" = "$1" ] && break; sleep 0.3; done
  ctl show -p ActiveState --value $2
}
`;

const FIRST = `${FUNCTIONS}
step generated
as_u tsbox create --network host -v ${SHARED}:/shared --name web ${IMAGE} sh -c '${COUNT("/starts", "/shared/web")}'
as_u sh -c 'tsbox generate systemd --name --time 5 web >${UNITS}/web.service'
ctl daemon-reload
ctl enable --now web
show web
cat /proc/$(ctl show -p MainPID --value web)/comm
as_u tsbox ps --format '{{.Names}} {{.State}}'

step again
as_u tsbox kill -s KILL web
for i in $(seq 100); do [ "$(ctl show -p NRestarts --value web)" = 1 ] && break; sleep 0.3; done
until_is active web
until_in 'starts: 2' ${SHARED}/web
cat ${SHARED}/web

step monitor
kill -KILL $(ctl show -p MainPID --value web)
for i in $(seq 100); do [ "$(ctl show -p NRestarts --value web)" = 2 ] && break; sleep 0.3; done
until_is active web
until_in 'starts: 3' ${SHARED}/web
cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n' | grep -c '^echo start >>/starts'

step stopped
ctl stop web
show web
as_u tsbox ps -a --format '{{.Names}} {{.State}}'
ctl start web
until_in 'starts: 4' ${SHARED}/web

step new
as_u tsbox create --network host --name anew -v ${SHARED}:/shared -e 'TEXT=$HOME %n "x"' ${IMAGE} sh -c 'echo "$TEXT" >>/shared/anew; ${COUNT("/starts", "/shared/anew")}'
as_u sh -c 'cd ${UNITS}; tsbox generate systemd --new --name --files anew'
as_u systemd-analyze --user verify ${UNITS}/container-anew.service ${UNITS}/web.service
as_u tsbox rm anew
ctl daemon-reload
ctl enable --now container-anew
show container-anew
until_in 'starts: 1' ${SHARED}/anew
cat ${SHARED}/anew
cat /proc/$(ctl show -p MainPID --value container-anew)/cgroup
ls -d /sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/app.slice/container-anew.service/tsbox-*

step quadlet
as_u sh -c "tsbox quadlet install ${QUADLETS}/*"
ctl start quad
show quad
until_in 'starts: 1' ${SHARED}/quad
cat ${SHARED}/quad
ls /home/u/.local/share/tsbox/volumes
as_u tsbox quadlet ls

step healthy
ctl start --no-block ill
until_there ${SHARED}/ill
as_u tsbox exec systemd-ill echo joined
sleep 3
ctl show -p ActiveState --value ill
as_u touch ${SHARED}/well
until_is active ill
ctl stop ill

step container
ctl start --no-block says
until_there ${SHARED}/says
sleep 1
ctl show -p ActiveState --value says
as_u touch ${SHARED}/go
until_is active says
show says
ctl stop says

step removed
as_u tsbox quadlet rm ill.container says
as_u sh -c 'ls ${UNITS}'
`;

const SECOND = `${FUNCTIONS}
step rebooted
for unit in web container-anew quad made; do echo "$unit: $(until_is active $unit)"; done
as_u tsbox ps --format '{{.Names}} {{.State}}' | sort
until_in 'starts: 5' ${SHARED}/web
until_in 'starts: 2' ${SHARED}/quad
tail -n 1 ${SHARED}/web ${SHARED}/quad
tail -n 2 ${SHARED}/anew

step generator
ctl show -p SourcePath -p FragmentPath made
journalctl -b --no-pager | grep -o 'cannot use /home/u/.config/tsbox.*' | head -1

step afterwards
ctl stop web container-anew quad made
as_u tsbox ps -a --format '{{.Names}} {{.State}}'
show web
`;

const tools = [...machineRequirements, ...debianRequirements, executable, program("unshare")];
const needs = tools.every(({ met }) => met()) ? [...tools, kernelOf("6.12"), debianDisk()] : tools;
const runs = needs.every(({ met }) => met());
const test = requires(...needs);

describe("systemd of a user", () => {
  let steps: ReadonlyMap<string, string> = new Map();
  const step = (name: string): string => steps.get(name) ?? "(the machine did not come so far)";

  beforeAll(async () => {
    if (!runs) return;
    const outcomes = await bootDebian([FIRST, SECOND], FILES);
    const parts = outcomes.flatMap(({ output }: Outcome) => output.split("\n## ").slice(1));
    steps = new Map(parts.map((part) => [part.slice(0, part.indexOf("\n")), part.slice(part.indexOf("\n") + 1)]));
  }, 1_000_000);

  test("a unit of generate systemd starts a container, whose monitor is its main process", () => {
    expect(step("generated")).toContain("ActiveState=active\nSubState=running");
    expect(step("generated")).toContain("memfd:tsbox\n");
    expect(step("generated")).toContain("web running\n");
  });

  test("it is started again when its program is killed, with what it had written", () => {
    expect(step("again")).toMatch(/active\n[\s\S]*starts: 1\nstarts: 2\n/);
  });

  test("it is started again when its monitor is killed, and nothing of before runs on", () => {
    expect(step("monitor")).toMatch(/active\n1\n/);
  });

  test("stop ends it, and that is no failure", () => {
    expect(step("stopped")).toContain("ActiveState=inactive\nSubState=dead");
    expect(step("stopped")).toContain("Result=success");
    expect(step("stopped")).toContain("web exited");
  });

  test("a unit of generate systemd --new makes the same container anew, in the unit's own cgroup", () => {
    expect(step("new")).toContain("ActiveState=active\nSubState=running");
    expect(step("new")).toContain('$HOME %n "x"\nstarts: 1\n');
    expect(step("new")).toMatch(/app\.slice\/container-anew\.service\/supervisor\n/);
    expect(step("new")).toMatch(/container-anew\.service\/tsbox-[0-9a-f]{64}\n/);
    // systemd-analyze verify is silent
    expect(step("new")).not.toMatch(/Unknown|Failed|ignoring/i);
  });

  test("quadlet install makes units of a container and its volume", () => {
    expect(step("quadlet")).toContain(`${UNITS}/quad.service\n`);
    expect(step("quadlet")).toContain("ActiveState=active\nSubState=running");
    expect(step("quadlet")).toContain("good day, quad\nstarts: 1\n");
    expect(step("quadlet")).toContain("\nsystemd-data\n");
    expect(step("quadlet")).toMatch(/quad\.container +quad\.service +\S+ +active\n/);
    expect(step("quadlet")).toMatch(/data\.volume +data-volume\.service +\S+ +active\n/);
  });

  test("Notify=healthy: systemd waits until the container is healthy; exec gets in from outside the units", () => {
    expect(step("healthy")).toMatch(/^joined\nactivating\nactive\n/);
  });

  test("Notify=yes: systemd waits until the program says so", () => {
    expect(step("container")).toMatch(/^activating\nactive\n/);
    expect(step("container")).toContain("StatusText=said by the program");
  });

  test("quadlet rm removes the units, and no others", () => {
    expect(step("removed")).toContain("ill.service\nsays.service\n");
    expect(step("removed")).toContain("quad.service\n");
    expect(step("removed")).toContain("web.service\n");
    // what `ls` says, after what `quadlet rm` did
    expect(step("removed").split("says.service\n")[1]).not.toMatch(/ill|says/);
  });

  test("after a reboot everything that was enabled runs, with its data", () => {
    const text = step("rebooted");
    for (const unit of ["web", "container-anew", "quad", "made"]) expect(text).toContain(`${unit}: active\n`);
    expect(text).toContain("anew running\nsystemd-made running\nsystemd-quad running\nweb running\n");
    // web's own root, and the volume, were kept; the one that is made anew begins anew
    expect(text).toContain("/web <==\nstarts: 5\n");
    expect(text).toContain("/quad <==\nstarts: 2\n");
    expect(text).toContain('$HOME %n "x"\nstarts: 1\n');
  });

  test("tsbox is a generator of systemd, which says what is wrong with a quadlet and makes the others", () => {
    expect(step("generator")).toContain("SourcePath=/home/u/.config/tsbox/systemd/made.container");
    expect(step("generator")).toMatch(/FragmentPath=\/run\/user\/1000\/systemd\/generator\/made\.service/);
    expect(step("generator")).toContain(
      "cannot use /home/u/.config/tsbox/systemd/wrong.container:3: there is no key Colour",
    );
  });

  test("stopping them leaves what stays, and nothing else", () => {
    expect(step("afterwards")).toContain("web exited\n");
    expect(step("afterwards")).not.toMatch(/running|systemd-|anew/);
  });
});

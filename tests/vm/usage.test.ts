/** `stats`, `update`, `top` and `pause` of containers with a cgroup that has every controller. */
import { expect } from "bun:test";
import { GUEST_IMAGE } from "./support/guest.ts";
import { scenarios } from "./support/scenarios.ts";

const start = (name: string, flags: string, command: string) =>
  `tsbox run --quiet -d --network none --name ${name} ${flags} ${GUEST_IMAGE} ${command} > /dev/null\n`;
const row = (name: string) =>
  `tsbox stats --no-stream --format '{{.CPUPerc}}|{{.MemUsage}}|{{.BlockIO}}|{{.PIDs}}' ${name}\n`;
const cgroup = (name: string) =>
  `$(sed 's/.*"cgroup":"//;s/".*//' ~/.local/share/tsbox/containers/$(tsbox ps -q --no-trunc --filter name=${name})/started.json)`;

scenarios({ kernel: "6.12" }, (scenario) => {
  scenario(
    "stats tells what the cgroup counts, against its limit",
    `${start("busy", "--memory 64m", "sh -c 'while :; do :; done'")}${row("busy")}tsbox rm -f busy`,
    ({ status, output }) => {
      const [cpu, memory = "", , pids] = output.trim().split("\n")[0]?.split("|") ?? [];
      expect(Number.parseFloat(cpu ?? "")).toBeGreaterThan(20);
      expect(memory).toEndWith(" / 64MiB");
      expect(Number.parseFloat(memory)).toBeGreaterThan(0);
      expect(pids).toBe("1");
      // nothing was summed over processes
      expect(output).not.toContain("no cgroup counts");
      expect(status).toBe(0);
    },
  );

  scenario(
    "update changes the limits of one that runs, and keeps them for its next start",
    `${start("box", "", "sleep 1000")}
tsbox update --memory 32m --pids-limit 7 --cpus 0.5 --cpu-shares 2048 box
C=${cgroup("box")}; cat $C/memory.max $C/memory.swap.max $C/pids.max $C/cpu.max $C/cpu.weight
tsbox restart -t 0 box > /dev/null
C=${cgroup("box")}; cat $C/memory.max $C/pids.max
tsbox update --memory -1 --pids-limit -1 box
cat $C/memory.max $C/pids.max
tsbox rm -f box`,
    ({ status, output }) => {
      const values = output.trim().split("\n");
      expect(values[0]).toBe("box");
      expect(values).toContain("33554432");
      expect(values.slice(1, 4)).toEqual(["33554432", "33554432", "7"]);
      expect(values[4]).toBe("50000 100000");
      expect(Number(values[5])).toBeGreaterThan(70);
      expect(values.slice(6)).toEqual(["33554432", "7", "box", "max", "max", "box"]);
      expect(status).toBe(0);
    },
  );

  const hog = "sh -c 'x=x; while :; do x=$x$x; done'";
  scenario(
    "what the kernel kills for lack of memory is told: of the first process, of one in the foreground, and of others while it runs",
    `${start("hog", "--memory 8m", hog)}tsbox wait hog
tsbox inspect --format '{{.State.OOMKilled}} {{.State.ExitCode}}' hog
tsbox run --quiet --network none --name front --memory 8m ${GUEST_IMAGE} ${hog}; echo $?
tsbox inspect --format '{{.State.OOMKilled}}' front
${start("child", "--memory 8m", `sh -c "sh -c 'x=x; while :; do x=\\$x\\$x; done'; while :; do sleep 1; done"`)}
for i in $(seq 100); do tsbox events --stream=false --filter container=child --filter event=oom | grep -q oom && break; sleep 0.1; done
tsbox inspect --format '{{.State.Status}}' child; tsbox kill child > /dev/null; tsbox wait child
tsbox inspect --format '{{.State.OOMKilled}}' child
${start("calm", "--memory 8m", "true")}tsbox wait calm; tsbox inspect --format '{{.State.OOMKilled}}' calm
tsbox events --stream=false $(printf -- '--filter container=%s ' hog front child calm) --filter event=oom --filter event=die --format '{{.Action}} {{.Name}}'
tsbox rm -f hog front child calm > /dev/null`,
    ({ status, output }) => {
      expect(output.trim().split("\n")).toEqual([
        ...["137", "true 137", "137", "true"],
        ...["running", "137", "true"],
        ...["0", "false"],
        ...["oom hog", "die hog", "oom front", "die front", "oom child", "die child", "die calm"],
      ]);
      expect(status).toBe(0);
    },
  );

  scenario(
    "top shows programs of exec with --pid=host, because they are in the cgroup; and of one that is paused",
    `${start("box", "--pid host", "sleep 1001")}
tsbox exec -d box sleep 1002; until_true sh -c "tsbox top box -o args | grep 'sleep 1002'"; tsbox pause box > /dev/null
tsbox top box -o args; tsbox unpause box > /dev/null; tsbox rm -f box > /dev/null`,
    ({ status, output }) => {
      expect(output.trim().split("\n")).toEqual(["COMMAND", "sleep 1001", "sleep 1002"]);
      expect(status).toBe(0);
    },
  );
});

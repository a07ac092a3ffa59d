/** What is made of a failed operation, and of what a helper wrote before it ended. */
import { expect, test } from "bun:test";
import { failureOf } from "../../src/plan/explain-failure.ts";
import { PlanBuilder } from "../../src/plan/index.ts";

/** pasta of Debian 12, which also tells of every line that did not reach syslog. */
const PASTA = `pasta: unrecognized option '--nope'
Failed to send 51 bytes to syslog
Usage: pasta [OPTION]... [COMMAND] [ARGS]...
Failed to send 35 bytes to syslog
  -d, --debug\t\tBe verbose
  --ns-mac-addr ADDR\tSet MAC address on tap interface
Failed to send 60 bytes to syslog
`;

test.each([
  ["an option that it does not have", PASTA, "pasta: unrecognized option '--nope'"],
  ["its last line", "starting\nNo external interface\n", "No external interface"],
  ["nothing", "", "it ended"],
] as const)("a helper that fails is quoted: %s", (_, log, reason) => {
  const plan = new PlanBuilder();
  const main = plan.program("outside");
  main.add("recv_ready", [main.slot()], { note: "set up the network with pasta" });
  expect(failureOf(plan.encode(), 0, 32, 0, log).message).toBe(`cannot set up the network with pasta: ${reason}`);
});

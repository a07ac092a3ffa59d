/** What people call signals. */
import { expect, test } from "bun:test";
import { signalNumber } from "../../src/linux/signals.ts";

test.each([
  ["9", 9],
  ["64", 64],
  ["KILL", 9],
  ["SIGKILL", 9],
  ["sigkill", 9],
  ["winch", 28],
  ["RTMIN", 34],
  ["SIGRTMIN+3", 37],
  ["rtmin+30", 64],
  ["RTMAX", 64],
  ["RTMAX-1", 63],
  ["SIGRTMAX-30", 34],
] as const)("%s is %d", (text, number) => {
  expect(signalNumber(text)).toBe(number);
});

test.each([
  "",
  "0",
  "65",
  "-9",
  "1.5",
  "9 ",
  "SIG",
  "SIGSIGKILL",
  "NOPE",
  "toString",
  "RTMIN+31",
  "RTMIN-1",
  "RTMAX+1",
  "RTMAX-31",
  "RTMIN+",
  "RTMID+1",
])("%p is none", (text) => {
  expect(signalNumber(text)).toBeUndefined();
});

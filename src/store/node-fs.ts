/** `node:fs`, loaded when it is first needed: that costs more than a millisecond, and `tsbox run` reads the store without it. */
export function fs(): typeof import("node:fs") {
  return process.getBuiltinModule("node:fs");
}

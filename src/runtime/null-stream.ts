/** A standard stream that is nothing. */
import { O_RDWR, S_IFCHR } from "../linux/abi.gen.ts";
import type { Program, Slot } from "../plan/index.ts";
import { deviceNumber } from "./devices.ts";

/** The container's /dev/null, once its root is the process's; what is there may be anything by now, so it is verified. */
export function addNullStream(inside: Program): Slot {
  const slot = inside.slot();
  inside.add("openat2", [slot, null, "/dev/null", O_RDWR, 0, 0], { note: "open /dev/null in the container" });
  inside.add("require_device", [slot, S_IFCHR, deviceNumber(1, 3)], { note: "use /dev/null in the container" });
  return slot;
}

/** What `outside` and `inside` say to each other, and the slots that a program begins with. */
import type { Program, Slot } from "../plan/index.ts";

/** Bytes of the conversation. */
export const GO = 2;
export const SET_UP = 3;
export const CREATED = 4;
export const RUN_HOOKS = 5;
export const HOOKS_DONE = 6;
export const NAMESPACES_MADE = 7;

/** As many slots of their own. */
export function slots(program: Program, count: 2): [Slot, Slot];
export function slots(program: Program, count: 5): [Slot, Slot, Slot, Slot, Slot];
export function slots(program: Program, count: 7): [Slot, Slot, Slot, Slot, Slot, Slot, Slot];
export function slots(program: Program, count: number): Slot[] {
  return Array.from({ length: count }, () => program.slot());
}

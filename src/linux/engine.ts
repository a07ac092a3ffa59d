/** The JavaScript engine of this process. */

/**
 * Lets the engine compile hot code to machine code. `scripts/build.ts` makes it hold back, because most commands end before that
 * pays; those that unpack, copy or download say so first.
 */
export function compileHotCode(): void {
  Bun.unsafe.setJITPolicy(1);
}

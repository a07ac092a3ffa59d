/** A small interpreter of eBPF, for programs of device filters: only what such a program may do, everything else is an error. bpf(2), RFC 9669. */

/** What the kernel hands to the program. */
export interface DeviceRequest {
  /** 1 block, 2 character. */
  readonly type: number;
  readonly major: number;
  readonly minor: number;
  /** 1 make, 2 read, 4 write, or'ed. */
  readonly access: number;
}

const U32 = 0xffff_ffffn;

/** Runs a program; also checks what the kernel's verifier does: every instruction is reachable, jumps stay inside and go forward. */
export function runDeviceProgram(program: Uint8Array, request: DeviceRequest): number {
  const view = new DataView(program.buffer, program.byteOffset, program.length);
  const count = program.length / 8;
  const context = new DataView(new ArrayBuffer(12));
  context.setUint32(0, (request.access << 16) | request.type, true);
  context.setUint32(4, request.major, true);
  context.setUint32(8, request.minor, true);
  const CONTEXT = 1;
  const registers = new Map<number, bigint>();
  const read = (register: number): bigint => {
    const value = registers.get(register);
    if (value === undefined) throw new Error(`register ${register} is read before it is written`);
    return value;
  };
  for (let pc = 0; pc < count; pc++) {
    const code = view.getUint8(pc * 8);
    const dst = view.getUint8(pc * 8 + 1) & 15;
    const src = view.getUint8(pc * 8 + 1) >> 4;
    const off = view.getInt16(pc * 8 + 2, true);
    const imm = view.getInt32(pc * 8 + 4, true);
    const imm32 = BigInt(imm) & U32;
    const low = () => read(dst) & U32;
    const jumpIf = (taken: boolean) => {
      if (off < 0 || pc + 1 + off >= count) throw new Error("a jump leaves the program or goes back");
      if (taken) pc += off;
    };
    switch (code) {
      case 0x61: // r = *(u32 *)(context + off)
        if (src !== CONTEXT) throw new Error("a load that is not from the context");
        registers.set(dst, BigInt(context.getUint32(off, true)));
        break;
      case 0xb7: // 64 bits, sign-extended
        registers.set(dst, BigInt.asUintN(64, BigInt(imm)));
        break;
      case 0xbc:
        registers.set(dst, read(src) & U32);
        break;
      case 0x54:
        registers.set(dst, low() & imm32);
        break;
      case 0x74:
        registers.set(dst, low() >> imm32);
        break;
      case 0x16:
        jumpIf(low() === imm32);
        break;
      case 0x56:
        jumpIf(low() !== imm32);
        break;
      case 0x95:
        return Number(read(0));
      default:
        throw new Error(`instruction ${code.toString(16)} at ${pc}`);
    }
  }
  throw new Error("the program runs over its end");
}

/** The instructions that no path reaches; the kernel refuses a program that has any. */
export function unreachable(program: Uint8Array): number[] {
  const view = new DataView(program.buffer, program.byteOffset, program.length);
  const seen = new Set<number>();
  const todo = [0];
  for (let pc = todo.pop(); pc !== undefined; pc = todo.pop()) {
    if (seen.has(pc)) continue;
    seen.add(pc);
    const code = view.getUint8(pc * 8);
    if (code === 0x95) continue;
    todo.push(pc + 1);
    if (code === 0x16 || code === 0x56) todo.push(pc + 1 + view.getInt16(pc * 8 + 2, true));
  }
  return Array.from({ length: program.length / 8 }, (_, pc) => pc).filter((pc) => !seen.has(pc));
}

/** Runs a seccomp program as the kernel does, with its checks (kernel/seccomp.c, net/core/filter.c). Written from the format alone. */

/** `struct seccomp_data` */
export interface Call {
  readonly arch: number;
  readonly number: number;
  readonly args?: readonly bigint[];
}

export interface Outcome {
  /** SECCOMP_RET_* with its data */
  readonly action: number;
  /** How many instructions ran. */
  readonly steps: number;
}

const DATA_SIZE = 64;

interface Instruction {
  readonly code: number;
  readonly yes: number;
  readonly no: number;
  readonly k: number;
}

/** A program that has passed the kernel's checks. */
export class Program {
  readonly #instructions: readonly Instruction[];

  /** @throws Error where the kernel's seccomp(2) would fail with EINVAL */
  constructor(bytes: Uint8Array) {
    if (bytes.length === 0 || bytes.length % 8 !== 0) throw new Error(`${bytes.length} bytes are no program`);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#instructions = Array.from({ length: bytes.length / 8 }, (_, index) => ({
      code: view.getUint16(index * 8, true),
      yes: view.getUint8(index * 8 + 2),
      no: view.getUint8(index * 8 + 3),
      k: view.getUint32(index * 8 + 4, true),
    }));
    if (this.length > 4096) throw new Error(`${this.length} instructions`);
    for (const [index, instruction] of this.#instructions.entries()) this.#check(instruction, index);
  }

  get length(): number {
    return this.#instructions.length;
  }

  #check({ code, yes, no, k }: Instruction, index: number): void {
    const left = this.length - index - 1;
    const fail = (what: string) => new Error(`instruction ${index} (${code.toString(16)}): ${what}`);
    switch (code) {
      case 0x20:
        if (k >= DATA_SIZE || k % 4 !== 0) throw fail(`loads at ${k}`);
        break;
      case 0x05:
        if (k >= left) throw fail("jumps out of the program");
        break;
      case 0x15:
      case 0x25:
      case 0x35:
      case 0x45:
        if (yes >= left || no >= left) throw fail("jumps out of the program");
        break;
      case 0x54:
      case 0x06:
        break;
      default:
        throw fail("is not known");
    }
    if (left === 0 && code !== 0x06) throw fail("is the last one and returns nothing");
  }

  run({ arch, number, args = [] }: Call): Outcome {
    const data = new Uint32Array(DATA_SIZE / 4);
    data[0] = number;
    data[1] = arch;
    for (const [index, value] of args.entries()) {
      data[4 + 2 * index] = Number(value & 0xffffffffn);
      data[5 + 2 * index] = Number(value >> 32n);
    }
    let accumulator = 0;
    let index = 0;
    for (let steps = 1; ; steps++) {
      const instruction = this.#instructions[index++];
      if (instruction === undefined) throw new Error("the program was left");
      const { code, k } = instruction;
      let met: boolean;
      if (code === 0x06) return { action: k, steps };
      if (code === 0x20) {
        accumulator = data[k / 4] ?? 0;
        continue;
      }
      if (code === 0x54) {
        accumulator = (accumulator & k) >>> 0;
        continue;
      }
      if (code === 0x05) {
        index += k;
        continue;
      }
      if (code === 0x15) met = accumulator === k;
      else if (code === 0x25) met = accumulator > k;
      else if (code === 0x35) met = accumulator >= k;
      else met = (accumulator & k) !== 0;
      index += met ? instruction.yes : instruction.no;
    }
  }
}

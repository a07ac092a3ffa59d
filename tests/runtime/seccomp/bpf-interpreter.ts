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

/** A program that has passed the kernel's checks. */
export class Program {
  readonly #view: DataView;
  readonly length: number;

  /** @throws Error where the kernel's seccomp(2) would fail with EINVAL */
  constructor(bytes: Uint8Array) {
    if (bytes.length === 0 || bytes.length % 8 !== 0) throw new Error(`${bytes.length} bytes are no program`);
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.length = bytes.length / 8;
    if (this.length > 4096) throw new Error(`${this.length} instructions`);
    for (let index = 0; index < this.length; index++) this.#check(index);
  }

  #at(index: number) {
    const offset = index * 8;
    return {
      code: this.#view.getUint16(offset, true),
      yes: this.#view.getUint8(offset + 2),
      no: this.#view.getUint8(offset + 3),
      k: this.#view.getUint32(offset + 4, true),
    };
  }

  #check(index: number): void {
    const { code, yes, no, k } = this.#at(index);
    const left = this.length - index - 1;
    const fail = (what: string) => new Error(`instruction ${index} (${code.toString(16)}): ${what}`);
    switch (code) {
      case 0x20:
        if (k >= DATA_SIZE || k % 4 !== 0) throw fail(`loads at ${k}`);
        break;
      case 0x54:
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
      case 0x06:
        break;
      default:
        throw fail("is not known");
    }
    if (left === 0 && code !== 0x06) throw fail("is the last one and returns nothing");
  }

  run({ arch, number, args = [] }: Call): Outcome {
    const data = new DataView(new ArrayBuffer(DATA_SIZE));
    data.setUint32(0, number, true);
    data.setUint32(4, arch, true);
    for (const [index, value] of args.entries()) data.setBigUint64(16 + 8 * index, value, true);
    let accumulator = 0;
    let index = 0;
    for (let steps = 1; ; steps++) {
      const { code, yes, no, k } = this.#at(index++);
      const jump = (condition: boolean) => {
        index += condition ? yes : no;
      };
      if (code === 0x06) return { action: k, steps };
      if (code === 0x20) accumulator = data.getUint32(k, true);
      else if (code === 0x54) accumulator = (accumulator & k) >>> 0;
      else if (code === 0x05) index += k;
      else if (code === 0x15) jump(accumulator === k);
      else if (code === 0x25) jump(accumulator > k);
      else if (code === 0x35) jump(accumulator >= k);
      else jump((accumulator & k) !== 0);
    }
  }
}

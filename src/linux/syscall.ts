/**
 * Raw system calls for TypeScript. This is the only file that imports `bun:ffi`.
 *
 * libc's `syscall()` reports failures through `errno`, and the engine may make system calls of its own between our call
 * and our reading of `errno`. So libc is used once, to map a page holding a 25-byte stub that makes the call and returns
 * what the kernel returned (`-errno` on failure). The stub needs no file, so it also works on hosts where every
 * writable folder is mounted `noexec`.
 */
import { CFunction, dlopen, FFIType, type Pointer, ptr, read, toArrayBuffer } from "bun:ffi";
import { TsboxError } from "../error.ts";
import { SYS } from "./abi.gen.ts";

/** A number (descriptor, flags, address), or a buffer whose address is passed. Strings go through {@link cstring}. */
export type SyscallArgument = number | NodeJS.TypedArray | null;

type RawCall = (nr: number, ...args: SyscallArgument[]) => number | bigint;

const PROT_READ = 1;
const PROT_WRITE = 2;
const PROT_EXEC = 4;
const MAP_PRIVATE = 2;
const MAP_ANONYMOUS = 0x20;
const PAGE = 4096;

// Shuffles the C calling convention's arguments into the kernel's, traps, returns. Sources: syscall(2), "Architecture calling conventions".
const STUBS: Record<string, number[]> = {
  // mov rax,rdi; mov rdi,rsi; mov rsi,rdx; mov rdx,rcx; mov r10,r8; mov r8,r9; mov r9,[rsp+8]; syscall; ret
  x64: [
    0x48, 0x89, 0xf8, 0x48, 0x89, 0xf7, 0x48, 0x89, 0xd6, 0x48, 0x89, 0xca, 0x4d, 0x89, 0xc2, 0x4d, 0x89, 0xc8, 0x4c,
    0x8b, 0x4c, 0x24, 0x08, 0x0f, 0x05, 0xc3,
  ],
  // mov x8,x0; mov x0,x1; mov x1,x2; mov x2,x3; mov x3,x4; mov x4,x5; mov x5,x6; svc #0; ret
  arm64: [
    0xe8, 0x03, 0x00, 0xaa, 0xe0, 0x03, 0x01, 0xaa, 0xe1, 0x03, 0x02, 0xaa, 0xe2, 0x03, 0x03, 0xaa, 0xe3, 0x03, 0x04,
    0xaa, 0xe4, 0x03, 0x05, 0xaa, 0xe5, 0x03, 0x06, 0xaa, 0x01, 0x00, 0x00, 0xd4, 0xc0, 0x03, 0x5f, 0xd6,
  ],
};

/**
 * Makes calls in rounds. An operation is 64 bytes: number and flags (32 bits each), four arguments, what is added to the second argument
 * after each round, where the result goes (32 bits, one round's after the other's; 0: nowhere). Flag 1: the first argument is what the
 * last operation with flag 2 returned, so that a file is opened, read and closed. When opening failed that is -errno, which is no
 * descriptor (EBADF). Flag 4: what is added is the result, unless it is negative, so that what is read lies side by side.
 */
const ROUNDS: Record<string, number[]> = {
  // push rbx, r12, r13, r14, r15; mov r14,rdi; shl rsi,6; lea r15,[rdi+rsi]; mov r12,rdx; xor r13d,r13d
  // 1: test r12,r12; jz 4; mov rbx,r14
  // 2: cmp rbx,r15; jae 3; mov rdi,[rbx+8]; test byte [rbx+4],1; cmovnz rdi,r13; mov rsi,[rbx+16]; mov rdx,[rbx+24]; mov r10,[rbx+32]
  // mov eax,[rbx]; syscall; test byte [rbx+4],2; cmovnz r13,rax; mov rcx,[rbx+40]; xor edx,edx; test rax,rax
  // cmovns rdx,rax; test byte [rbx+4],4; cmovnz rcx,rdx; add [rbx+16],rcx; mov rcx,[rbx+48]; test rcx,rcx; jz 5; mov [rcx],eax; add qword [rbx+48],4
  // 5: add rbx,64; jmp 2
  // 3: dec r12; jmp 1
  // 4: pop r15, r14, r13, r12, rbx; ret
  x64: [
    0x53, 0x41, 0x54, 0x41, 0x55, 0x41, 0x56, 0x41, 0x57, 0x49, 0x89, 0xfe, 0x48, 0xc1, 0xe6, 0x06, 0x4c, 0x8d, 0x3c,
    0x37, 0x49, 0x89, 0xd4, 0x45, 0x31, 0xed, 0x4d, 0x85, 0xe4, 0x74, 0x60, 0x4c, 0x89, 0xf3, 0x4c, 0x39, 0xfb, 0x73,
    0x53, 0x48, 0x8b, 0x7b, 0x08, 0xf6, 0x43, 0x04, 0x01, 0x49, 0x0f, 0x45, 0xfd, 0x48, 0x8b, 0x73, 0x10, 0x48, 0x8b,
    0x53, 0x18, 0x4c, 0x8b, 0x53, 0x20, 0x8b, 0x03, 0x0f, 0x05, 0xf6, 0x43, 0x04, 0x02, 0x4c, 0x0f, 0x45, 0xe8, 0x48,
    0x8b, 0x4b, 0x28, 0x31, 0xd2, 0x48, 0x85, 0xc0, 0x48, 0x0f, 0x49, 0xd0, 0xf6, 0x43, 0x04, 0x04, 0x48, 0x0f, 0x45,
    0xca, 0x48, 0x01, 0x4b, 0x10, 0x48, 0x8b, 0x4b, 0x30, 0x48, 0x85, 0xc9, 0x74, 0x07, 0x89, 0x01, 0x48, 0x83, 0x43,
    0x30, 0x04, 0x48, 0x83, 0xc3, 0x40, 0xeb, 0xa8, 0x49, 0xff, 0xcc, 0xeb, 0x9b, 0x41, 0x5f, 0x41, 0x5e, 0x41, 0x5d,
    0x41, 0x5c, 0x5b, 0xc3,
  ],
  // mov x9,x0; add x10,x0,x1,lsl #6; mov x11,#0; mov x13,x2
  // 1: cbz x13,4; mov x12,x9
  // 2: cmp x12,x10; b.hs 3; ldr w8,[x12]; ldr w14,[x12,#4]; ldr x0,[x12,#8]; tst w14,#1; csel x0,x11,x0,ne; ldr x1,[x12,#16]
  // ldr x2,[x12,#24]; ldr x3,[x12,#32]; svc #0; tst w14,#2; csel x11,x0,x11,ne; ldr x15,[x12,#40]; cmp x0,#0
  // csel x8,x0,xzr,ge; tst w14,#4; csel x15,x8,x15,ne; add x1,x1,x15; str x1,[x12,#16]; ldr x14,[x12,#48]; cbz x14,5; str w0,[x14],#4; str x14,[x12,#48]
  // 5: add x12,x12,#64; b 2
  // 3: sub x13,x13,#1; b 1
  // 4: ret
  arm64: [
    0xe9, 0x03, 0x00, 0xaa, 0x0a, 0x18, 0x01, 0x8b, 0x0b, 0x00, 0x80, 0xd2, 0xed, 0x03, 0x02, 0xaa, 0xcd, 0x03, 0x00,
    0xb4, 0xec, 0x03, 0x09, 0xaa, 0x9f, 0x01, 0x0a, 0xeb, 0x22, 0x03, 0x00, 0x54, 0x88, 0x01, 0x40, 0xb9, 0x8e, 0x05,
    0x40, 0xb9, 0x80, 0x05, 0x40, 0xf9, 0xdf, 0x01, 0x00, 0x72, 0x60, 0x11, 0x80, 0x9a, 0x81, 0x09, 0x40, 0xf9, 0x82,
    0x0d, 0x40, 0xf9, 0x83, 0x11, 0x40, 0xf9, 0x01, 0x00, 0x00, 0xd4, 0xdf, 0x01, 0x1f, 0x72, 0x0b, 0x10, 0x8b, 0x9a,
    0x8f, 0x15, 0x40, 0xf9, 0x1f, 0x00, 0x00, 0xf1, 0x08, 0xa0, 0x9f, 0x9a, 0xdf, 0x01, 0x1e, 0x72, 0x0f, 0x11, 0x8f,
    0x9a, 0x21, 0x00, 0x0f, 0x8b, 0x81, 0x09, 0x00, 0xf9, 0x8e, 0x19, 0x40, 0xf9, 0x6e, 0x00, 0x00, 0xb4, 0xc0, 0x45,
    0x00, 0xb8, 0x8e, 0x19, 0x00, 0xf9, 0x8c, 0x01, 0x01, 0x91, 0xe7, 0xff, 0xff, 0x17, 0xad, 0x05, 0x00, 0xd1, 0xe3,
    0xff, 0xff, 0x17, 0xc0, 0x03, 0x5f, 0xd6,
  ],
};
/** Where it is in the page. */
const ROUNDS_AT = 256;

// `ptr` takes buffers and plain numbers alike, negative ones included (AT_FDCWD). The last one is on the stack on x86-64.
const SIGNATURE = {
  args: [FFIType.i64, FFIType.ptr, FFIType.ptr, FFIType.ptr, FFIType.ptr, FFIType.ptr, FFIType.ptr],
  returns: FFIType.i64_fast,
};

function libc(): RawCall {
  const musl = `libc.musl-${process.arch === "arm64" ? "aarch64" : "x86_64"}.so.1`;
  for (const name of ["libc.so.6", musl]) {
    try {
      // cast: bun:ffi's types do not know that a `ptr` parameter takes buffers
      return dlopen(name, { syscall: SIGNATURE }).symbols.syscall as unknown as RawCall;
    } catch {}
  }
  throw new TsboxError("host", "cannot call the kernel: neither libc.so.6 nor musl's libc can be opened");
}

/** Address of {@link ROUNDS} in this process. */
let roundsAt = 0;

function install(): RawCall {
  const call = libc();
  const page = Number(call(SYS.mmap, 0, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  const code = STUBS[process.arch];
  const rounds = ROUNDS[process.arch];
  if (page <= 0 || code === undefined || rounds === undefined)
    throw new TsboxError("host", `cannot call the kernel on ${process.arch}`);
  const memory = new Uint8Array(toArrayBuffer(page as Pointer, 0, PAGE));
  memory.set(code);
  memory.set(rounds, ROUNDS_AT);
  roundsAt = page + ROUNDS_AT;
  if (Number(call(SYS.mprotect, page, PAGE, PROT_READ | PROT_EXEC, 0, 0, 0)) !== 0) {
    throw new TsboxError("host", "cannot call the kernel: executable memory is refused on this host");
  }
  return CFunction({ ptr: page as Pointer, ...SIGNATURE }) as unknown as RawCall;
}

let raw: RawCall | undefined;

/**
 * Makes one system call.
 *
 * @returns what the kernel returned: `-errno` on failure (compare with `E` from `errno.ts`), else the value.
 *   Never throws for a failed call.
 */
export function syscall(
  nr: number,
  a: SyscallArgument = 0,
  b: SyscallArgument = 0,
  c: SyscallArgument = 0,
  d: SyscallArgument = 0,
  e: SyscallArgument = 0,
  f: SyscallArgument = 0,
): number {
  raw ??= install();
  return Number(raw(nr, a, b, c, d, e, f));
}

type RoundCalls = (operations: Uint32Array, count: number, rounds: number) => void;
let rawRounds: RoundCalls | undefined;

/** Words of 32 bits that an operation of {@link syscallRounds} has, and where in them the parts begin. */
export const OPERATION = {
  words: 16,
  flags: 1,
  args: [2, 4, 6, 8],
  step: 10,
  result: 12,
  useLast: 1,
  isLast: 2,
  addResult: 4,
} as const;

/**
 * Makes many system calls with one crossing into machine code, which costs more than most of the calls. Arguments are two words,
 * the lower first; buffers go in by their {@link address}, and the caller keeps them alive. The operations are changed.
 * @param operations as {@link OPERATION} says
 * @param rounds how often all of them are made
 */
export function syscallRounds(operations: Uint32Array, rounds: number): void {
  raw ??= install();
  rawRounds ??= CFunction({
    ptr: roundsAt as Pointer,
    args: [FFIType.ptr, FFIType.i64, FFIType.i64],
    returns: FFIType.void,
  }) as unknown as RoundCalls;
  rawRounds(operations, operations.length / OPERATION.words, rounds);
}

const encoder = new TextEncoder();

/**
 * A NUL-terminated copy of a string or of raw bytes, for path arguments.
 * @throws TsboxError `invalid` when it contains a NUL, which would silently shorten the path.
 */
export function cstring(text: string | Uint8Array): Uint8Array {
  if (typeof text === "string" ? text.includes("\0") : text.includes(0))
    throw new TsboxError("invalid", "cannot use a path or name that contains a NUL byte");
  // the encoder's own array: another one, and a copy, took longer than the system call
  if (typeof text === "string") return encoder.encode(`${text}\0`);
  const copy = new Uint8Array(text.length + 1);
  copy.set(text);
  return copy;
}

/** The address of a buffer's first byte. The caller keeps the buffer alive until the kernel has read it. */
export function address(buffer: NodeJS.TypedArray): number {
  return ptr(buffer);
}

/** Reads a byte of this process's memory; only for results that the kernel places there. */
export function readByte(at: number): number {
  return read.u8(at as Pointer, 0);
}

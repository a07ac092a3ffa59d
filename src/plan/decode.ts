/** Reads a plan back, for `--explain` and for saying what failed. */
import { TsboxError } from "../error.ts";
import { OP_EXPAND, type OpName, PLAN_ARGS, PLAN_MAGIC, PLAN_NO_FD, PLAN_VERSION } from "./format.gen.ts";
import { OPS } from "./operations.gen.ts";

export type DecodedValue =
  | { readonly type: "number"; readonly value: bigint; readonly notation: string | undefined }
  | { readonly type: "string"; readonly value: string | null }
  | { readonly type: "bytes"; readonly value: Uint8Array }
  | { readonly type: "strings"; readonly value: readonly string[] }
  | { readonly type: "slot"; readonly value: number | null; readonly assigned: boolean }
  | { readonly type: "program"; readonly value: string };

export interface DecodedOp {
  readonly name: OpName;
  readonly note: string | undefined;
  readonly recover: number;
  /** Index within its program where `recover` or `jump` leads. */
  readonly to: number;
  readonly expand: boolean;
  readonly args: readonly { readonly name: string; readonly value: DecodedValue }[];
}

export interface DecodedProgram {
  readonly name: string;
  /** Index in the plan of its first operation, as failures count them. */
  readonly first: number;
  readonly ops: readonly DecodedOp[];
}

const NAMES = Object.keys(OPS) as OpName[];
const decoder = new TextDecoder();

/**
 * @param block what `PlanBuilder.encode` made; not for hostile input (the native program's decoder checks bounds)
 * @throws TsboxError `internal` when it is not a plan of this version
 */
export function decodePlan(block: Uint8Array): DecodedProgram[] {
  const view = new DataView(block.buffer, block.byteOffset, block.length);
  if (view.getUint32(0, true) !== PLAN_MAGIC || view.getUint32(4, true) !== PLAN_VERSION) {
    throw new TsboxError("internal", "cannot read plan: it is not one of this version");
  }
  const count = view.getUint32(12, true);
  const programs = view.getUint32(20, true);
  const ops = view.getUint32(24, true);
  const string = (offset: number) => decoder.decode(block.subarray(offset, block.indexOf(0, offset)));

  const rows = Array.from({ length: count }, (_, i) => ({
    first: view.getUint32(programs + i * 16, true),
    count: view.getUint32(programs + i * 16 + 4, true),
    name: string(view.getUint32(programs + i * 16 + 8, true)),
  }));

  const value = (type: string, raw: bigint, notation: string | undefined): DecodedValue => {
    const number = Number(raw & 0xffffffffn);
    switch (type) {
      case "s":
      case "S":
        return { type: "string", value: number === 0 ? null : string(number) };
      case "b":
        return { type: "bytes", value: block.slice(number, number + Number(raw >> 32n)) };
      case "v": {
        const length = Number(view.getBigUint64(number, true));
        const texts = Array.from({ length }, (_, i) => string(Number(view.getBigUint64(number + 8 + i * 8, true))));
        return { type: "strings", value: texts };
      }
      case "f":
      case "F":
      case "o":
        return { type: "slot", value: number === PLAN_NO_FD ? null : number, assigned: type === "o" };
      case "p":
        return { type: "program", value: rows[number]?.name ?? "?" };
      default:
        return { type: "number", value: raw, notation };
    }
  };

  return rows.map((row) => ({
    name: row.name,
    first: row.first,
    ops: Array.from({ length: row.count }, (_, i): DecodedOp => {
      const at = ops + (row.first + i) * (16 + PLAN_ARGS * 8);
      const head = view.getUint32(at, true);
      const name = NAMES[head & 0xffff];
      if (name === undefined) throw new TsboxError("internal", "cannot read plan: unknown operation");
      const note = view.getUint32(at + 8, true);
      const signature = OPS[name] as readonly (readonly [string, string, string?])[]; // cast: rows of the generated table
      return {
        name,
        note: note === 0 ? undefined : string(note),
        recover: (head >> 16) & 0xff,
        to: view.getUint32(at + 4, true) - row.first,
        expand: ((head >> 24) & OP_EXPAND) !== 0,
        args: signature.map(([label, type, notation], a) => ({
          name: label,
          value: value(type, view.getBigUint64(at + 16 + a * 8, true), notation),
        })),
      };
    }),
  }));
}

/** Which fields of its value a template asks for, without a value: so that a slip is told though there is nothing to list. */
import type { Node, Operand, Pipe } from "./parse.ts";

export interface RootField {
  readonly name: string;
  readonly at: number;
}

/** Those that are surely of the value itself: within `range` and `with` the dot is something else. */
export function rootFields(nodes: readonly Node[]): RootField[] {
  return nodes.flatMap((node) => {
    if (node.kind === "print") return ofPipe(node.pipe);
    if (!("pipe" in node)) return [];
    const body = node.kind === "if" ? rootFields(node.body) : [];
    return [...ofPipe(node.pipe), ...body, ...rootFields(node.otherwise)];
  });
}

function ofPipe({ commands }: Pipe): RootField[] {
  return commands.flatMap((command) => command.flatMap((operand) => ofOperand(operand)));
}

function ofOperand(operand: Operand): RootField[] {
  if (operand.kind === "pipe") return ofPipe(operand.pipe);
  if (operand.kind !== "field") return [];
  const { of, name, at } = operand;
  const isRoot = of.kind === "dot" || (of.kind === "variable" && of.name === "$");
  return isRoot ? [{ name, at }] : ofOperand(of);
}

/** From a template's words to what is to be done: Go's text/template, "Actions", "Arguments" and "Pipelines". */
import { type Piece, scan, type Token } from "./scan.ts";
import { templateError } from "./template-error.ts";

export type Operand =
  | { readonly kind: "dot" | "nil"; readonly at: number }
  | { readonly kind: "literal"; readonly value: string | number | boolean; readonly at: number }
  | { readonly kind: "variable" | "function"; readonly name: string; readonly at: number }
  | { readonly kind: "field"; readonly of: Operand; readonly name: string; readonly at: number }
  | { readonly kind: "pipe"; readonly pipe: Pipe; readonly at: number };

/** A function or method with its arguments, or one thing alone. */
export type Command = readonly [Operand, ...Operand[]];

export interface Pipe {
  /** Names with their dollars. */
  readonly variables: readonly string[];
  /** `:=` makes variables, `=` changes them. */
  readonly assign: boolean;
  readonly commands: readonly Command[];
  readonly at: number;
}

export interface Block {
  readonly kind: "if" | "with" | "range";
  readonly pipe: Pipe;
  readonly body: readonly Node[];
  readonly otherwise: readonly Node[];
}

export type Node =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "print"; readonly pipe: Pipe }
  | { readonly kind: "break" | "continue" }
  | Block;

/** Where a list of nodes ended. */
type Ending = { readonly kind: "end" | "else"; readonly tokens: readonly Token[]; readonly at: number };

const BLOCKS: readonly string[] = ["if", "with", "range"];

/**
 * @param isFunction whether there is a function of that name
 * @throws TsboxError `usage` naming the place
 */
export function parseTemplate(template: string, isFunction: (name: string) => boolean): Node[] {
  const parser = new Parser(template, scan(template), isFunction);
  const { nodes, ending } = parser.nodes(false);
  if (ending !== undefined) throw templateError(template, ending.at, `there is nothing that it could ${ending.kind}`);
  return nodes;
}

class Parser {
  readonly #template: string;
  readonly #pieces: readonly Piece[];
  readonly #isFunction: (name: string) => boolean;
  #piece = 0;
  // of the action that is being read
  #tokens: readonly Token[] = [];
  #at = 0;
  #next = 0;

  constructor(template: string, pieces: readonly Piece[], isFunction: (name: string) => boolean) {
    this.#template = template;
    this.#pieces = pieces;
    this.#isFunction = isFunction;
  }

  nodes(inRange: boolean): { nodes: Node[]; ending: Ending | undefined } {
    const nodes: Node[] = [];
    for (;;) {
      const piece = this.#pieces[this.#piece++];
      if (piece === undefined) return { nodes, ending: undefined };
      if (piece.kind === "text") {
        nodes.push(piece);
        continue;
      }
      const { tokens, at } = piece;
      const [first, ...rest] = tokens;
      const word = first?.kind === "identifier" ? first.text : "";
      if (word === "end" && rest.length === 0) return { nodes, ending: { kind: "end", tokens: [], at } };
      if (word === "else") return { nodes, ending: { kind: "else", tokens: rest, at } };
      if (BLOCKS.includes(word))
        nodes.push(this.#block(word as Block["kind"], rest, at, inRange)); // cast: one of BLOCKS
      else if ((word === "break" || word === "continue") && rest.length === 0 && inRange) nodes.push({ kind: word });
      else nodes.push({ kind: "print", pipe: this.#action(tokens, at) });
    }
  }

  #block(kind: Block["kind"], tokens: readonly Token[], at: number, inRange: boolean): Block {
    const pipe = this.#action(tokens, at, kind === "range");
    const { nodes: body, ending } = this.nodes(inRange || kind === "range");
    return { kind, pipe, body, otherwise: this.#otherwise(ending, at, inRange) };
  }

  /** `{{else if ...}}` is an `if` within the `else`, with the same `{{end}}`. */
  #otherwise(ending: Ending | undefined, at: number, inRange: boolean): Node[] {
    if (ending === undefined) throw templateError(this.#template, at, "no {{end}} closes it");
    if (ending.kind === "end") return [];
    const [first, ...rest] = ending.tokens;
    if (first?.kind === "identifier" && (first.text === "if" || first.text === "with"))
      return [this.#block(first.text, rest, ending.at, inRange)];
    if (first !== undefined) throw this.#fail(first.at, "after else there may be if, with or nothing");
    const { nodes, ending: last } = this.nodes(inRange);
    if (last === undefined) throw templateError(this.#template, at, "no {{end}} closes it");
    if (last.kind === "else") throw this.#fail(last.at, "there is an else already");
    return nodes;
  }

  #action(tokens: readonly Token[], at: number, isRange = false): Pipe {
    [this.#tokens, this.#next, this.#at] = [tokens, 0, at];
    const pipe = this.#pipe(isRange);
    const left = this.#tokens[this.#next];
    if (left !== undefined) throw this.#fail(left.at, `there is no use for ${left.text} here`);
    return pipe;
  }

  #pipe(isRange = false): Pipe {
    const at = this.#tokens[this.#next]?.at ?? this.#at;
    const { variables, assign } = this.#variables(isRange);
    const commands: Command[] = [this.#command()];
    while (this.#take("|")) commands.push(this.#command());
    const late = commands.slice(1).find(([first]) => first.kind !== "function" && first.kind !== "field");
    if (late !== undefined) throw this.#fail(late[0].at, "only a function can be given what stands before |");
    return { variables, assign, commands, at };
  }

  /** `$x :=`, `$x =` and, of range, `$key, $value :=`. */
  #variables(isRange: boolean): { variables: string[]; assign: boolean } {
    const [first, second, third, fourth] = this.#tokens.slice(this.#next);
    if (first?.kind !== "variable") return { variables: [], assign: false };
    if (second?.kind === ":=" || second?.kind === "=") {
      this.#next += 2;
      return { variables: [first.text], assign: second.kind === "=" };
    }
    if (second?.kind !== "," || third?.kind !== "variable" || (fourth?.kind !== ":=" && fourth?.kind !== "="))
      return { variables: [], assign: false };
    if (!isRange) throw this.#fail(second.at, "only range gives two variables values");
    this.#next += 4;
    return { variables: [first.text, third.text], assign: fourth.kind === "=" };
  }

  #command(): Command {
    const first = this.#operand();
    if (first === undefined) {
      const token = this.#tokens[this.#next];
      throw this.#fail(token?.at ?? this.#at, token === undefined ? "a value is missing" : `unexpected ${token.text}`);
    }
    const operands: [Operand, ...Operand[]] = [first];
    for (;;) {
      const token = this.#tokens[this.#next];
      const operand = this.#operand();
      if (operand === undefined) return operands;
      if (token !== undefined && !token.spaced && token.kind !== "(")
        throw this.#fail(token.at, `a blank is missing before ${token.text}`);
      operands.push(operand);
    }
  }

  /** A term and the fields that are written right after it. */
  #operand(): Operand | undefined {
    let operand = this.#term();
    if (operand === undefined) return undefined;
    for (;;) {
      const token = this.#tokens[this.#next];
      if (token?.kind !== "field" || token.spaced) return operand;
      if (operand.kind === "literal" || operand.kind === "nil" || operand.kind === "function")
        throw this.#fail(token.at, "that has no fields");
      this.#next++;
      operand = { kind: "field", of: operand, name: token.text, at: token.at };
    }
  }

  #term(): Operand | undefined {
    const token = this.#tokens[this.#next];
    if (token === undefined) return undefined;
    const { at, text } = token;
    if (token.kind === "(") {
      this.#next++;
      const pipe = this.#pipe();
      if (!this.#take(")")) throw this.#fail(at, "no ) closes it");
      return { kind: "pipe", pipe, at };
    }
    const term = this.#simple(token);
    if (term === undefined) return undefined;
    this.#next++;
    if (term.kind === "function" && !this.#isFunction(text)) {
      const hint = /^[A-Z]/.test(text) ? `; a field is written with a dot, .${text}` : "";
      throw this.#fail(at, `there is no function ${text}${hint}`);
    }
    return term;
  }

  #simple({ kind, text, at }: Token): Operand | undefined {
    if (kind === ".") return { kind: "dot", at };
    if (kind === "field") return { kind: "field", of: { kind: "dot", at }, name: text, at };
    if (kind === "variable") return { kind: "variable", name: text, at };
    if (kind === "string") return { kind: "literal", value: text, at };
    if (kind === "number") return { kind: "literal", value: Number(text), at };
    if (kind !== "identifier") return undefined;
    if (text === "true" || text === "false") return { kind: "literal", value: text === "true", at };
    return text === "nil" ? { kind: "nil", at } : { kind: "function", name: text, at };
  }

  #take(kind: Token["kind"]): boolean {
    if (this.#tokens[this.#next]?.kind !== kind) return false;
    this.#next++;
    return true;
  }

  #fail(at: number, reason: string) {
    return templateError(this.#template, at, reason);
  }
}

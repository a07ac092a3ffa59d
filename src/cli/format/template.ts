/** Carries templates out: Go's text/template, as far as people use it with Docker and podman. */
import { FUNCTIONS, headingFunction, isFunction, SHORT_CUTS, type TemplateFunction } from "./functions.ts";
import { type Block, type Command, type Node, type Operand, type Pipe, parseTemplate } from "./parse.ts";
import { rootFields } from "./root-fields.ts";
import { templateError } from "./template-error.ts";
import { isMap, isObject, isTrue, kindOf, sortedEntries, valueText } from "./values.ts";

export interface TemplateOptions {
  /** What is done to each text that is taken from the values: strangers chose them, and they may go to a terminal. */
  readonly clean?: (text: string) => string;
}

export interface Template {
  /** @throws TsboxError `usage` naming the place */
  readonly render: (value: unknown) => string;
  /** That it asks for no field which is not one of these. @throws TsboxError `usage` naming the place */
  readonly check: (fields: readonly string[]) => void;
  /** With headings for values, which Docker's functions leave as they are. */
  readonly renderHeadings: (headings: unknown) => string;
}

/** @throws TsboxError `usage` naming the place */
export function compileTemplate(template: string, { clean = (text) => text }: TemplateOptions = {}): Template {
  const nodes = parseTemplate(template, isFunction);
  return {
    check: (fields) => {
      for (const { name, at } of rootFields(nodes))
        if (!fields.includes(name)) throw noField(template, at, name, fields);
    },
    render: (value) => new Run(template, value, clean, (name) => FUNCTIONS.get(name)).all(nodes),
    renderHeadings: (headings) => new Run(template, headings, clean, headingFunction).all(nodes),
  };
}

function noField(template: string, at: number, name: string, fields: readonly string[]) {
  return templateError(
    template,
    at,
    `there is no field .${name}; there are ${fields.map((field) => `.${field}`).join(", ")}`,
  );
}

type Signal = "break" | "continue" | undefined;
type Variables = Map<string, unknown>;

class Run {
  readonly #template: string;
  readonly #clean: (text: string) => string;
  readonly #functions: (name: string) => TemplateFunction | undefined;
  /** The innermost scope last. */
  readonly #scopes: Variables[];
  #dot: unknown;
  #output = "";

  constructor(
    template: string,
    value: unknown,
    clean: (text: string) => string,
    functions: (name: string) => TemplateFunction | undefined,
  ) {
    this.#template = template;
    this.#clean = clean;
    this.#functions = functions;
    this.#dot = value;
    this.#scopes = [new Map([["$", value]])];
  }

  all(nodes: readonly Node[]): string {
    this.#nodes(nodes);
    return this.#output;
  }

  #nodes(nodes: readonly Node[]): Signal {
    for (const node of nodes) {
      if (node.kind === "text") this.#output += node.text;
      else if (node.kind === "print") {
        const value = this.#pipe(node.pipe);
        if (node.pipe.variables.length === 0) this.#output += this.#shown(value, node.pipe);
      } else {
        const signal = "pipe" in node ? this.#block(node) : node.kind;
        if (signal !== undefined) return signal;
      }
    }
    return undefined;
  }

  #shown(value: unknown, { at }: Pipe): string {
    if (typeof value === "function") throw this.#fail(at, "it needs something in quotes after it");
    return valueText(value);
  }

  #scope(dot: unknown, variables: Variables, nodes: readonly Node[]): Signal {
    const before = this.#dot;
    this.#dot = dot;
    this.#scopes.push(variables);
    const signal = this.#nodes(nodes);
    this.#scopes.pop();
    this.#dot = before;
    return signal;
  }

  #block(block: Block): Signal {
    return block.kind === "range" ? this.#range(block) : this.#branch(block);
  }

  #branch({ kind, pipe, body, otherwise }: Block): Signal {
    // a variable that the condition makes is there until the end
    this.#scopes.push(new Map());
    const value = this.#pipe(pipe);
    const chosen = isTrue(value);
    const signal = this.#scope(kind === "with" && chosen ? value : this.#dot, new Map(), chosen ? body : otherwise);
    this.#scopes.pop();
    return signal;
  }

  #range({ pipe, body, otherwise }: Block): Signal {
    const value = this.#evaluate(pipe);
    const entries = this.#entries(value, pipe);
    if (entries.length === 0) return this.#scope(this.#dot, new Map(), otherwise);
    const [first, second] = pipe.variables;
    for (const [key, item] of entries) {
      const made: Variables = new Map();
      const put = (name: string, content: unknown) =>
        pipe.assign ? this.#assign(name, content, pipe) : made.set(name, content);
      // one variable alone is the value
      if (first !== undefined) put(first, second === undefined ? item : key);
      if (second !== undefined) put(second, item);
      if (this.#scope(item, made, body) === "break") break;
    }
    return undefined;
  }

  #entries(value: unknown, { at }: Pipe): readonly (readonly [unknown, unknown])[] {
    if (value === undefined || value === null) return [];
    if (Array.isArray(value)) return value.map((item, i) => [i, this.#cleaned(item)]);
    if (isMap(value)) return sortedEntries(value).map(([key, item]) => [this.#clean(key), this.#cleaned(item)]);
    throw this.#fail(at, `range goes through a list or a map, not ${kindOf(value)}`);
  }

  /** A pipe's value, which its variable gets, too. */
  #pipe(pipe: Pipe): unknown {
    const value = this.#evaluate(pipe);
    const [name] = pipe.variables;
    if (name === undefined) return value;
    if (pipe.assign) this.#assign(name, value, pipe);
    else this.#scopes.at(-1)?.set(name, value);
    return value;
  }

  #assign(name: string, value: unknown, { at }: Pipe): void {
    const scope = this.#scopes.findLast((variables) => variables.has(name));
    if (scope === undefined) throw this.#fail(at, `there is no variable ${name}`);
    scope.set(name, value);
  }

  #evaluate({ commands }: Pipe): unknown {
    let value: unknown;
    for (const [i, command] of commands.entries()) value = this.#command(command, i === 0 ? [] : [value]);
    return value;
  }

  #command([first, ...rest]: Command, piped: readonly unknown[]): unknown {
    if (first.kind === "function") {
      if (SHORT_CUTS.includes(first.name)) return this.#shortCut(first, rest, piped);
      return this.#call(first, this.#functions(first.name), [
        ...rest.map((operand) => this.#operand(operand)),
        ...piped,
      ]);
    }
    const value = this.#operand(first);
    const args = [...rest.map((operand) => this.#operand(operand)), ...piped];
    if (typeof value === "function" && value.length !== args.length)
      throw this.#fail(first.at, `it takes ${value.length} things, not ${args.length}`);
    if (typeof value === "function") return this.#cleaned(this.#call(first, value as TemplateFunction, args)); // cast: a method
    if (args.length > 0) throw this.#fail(first.at, "it is no function, so nothing can be given to it");
    return value;
  }

  #call({ at }: Operand, called: TemplateFunction | undefined, args: readonly unknown[]): unknown {
    try {
      return called?.(...args);
    } catch (error) {
      throw this.#fail(at, error instanceof Error ? error.message : String(error));
    }
  }

  /** `and` and `or`: the first argument that decides, or else the last. */
  #shortCut(
    operand: Operand & { readonly name: string },
    rest: readonly Operand[],
    piped: readonly unknown[],
  ): unknown {
    if (rest.length + piped.length === 0) throw this.#fail(operand.at, "it takes one thing at least");
    let value: unknown;
    for (const each of rest) {
      value = this.#operand(each);
      if (isTrue(value) === (operand.name === "or")) return value;
    }
    return piped.length > 0 ? piped[0] : value;
  }

  #operand(operand: Operand): unknown {
    switch (operand.kind) {
      case "dot":
        return this.#dot;
      case "nil":
        return undefined;
      case "literal":
        return operand.value;
      case "pipe":
        return this.#pipe(operand.pipe);
      case "function":
        return this.#command([operand], []);
      case "variable": {
        const scope = this.#scopes.findLast((variables) => variables.has(operand.name));
        if (scope === undefined) throw this.#fail(operand.at, `there is no variable ${operand.name}`);
        return scope.get(operand.name);
      }
      case "field":
        return this.#field(operand);
    }
  }

  #field({ of, name, at }: Operand & { readonly kind: "field" }): unknown {
    const owner = this.#operand(of);
    if (!isObject(owner)) throw this.#fail(at, `${kindOf(owner)} has no field ${name}`);
    if (Object.hasOwn(owner, name)) return this.#cleaned(owner[name]);
    if (isMap(owner)) return undefined;
    throw noField(this.#template, at, name, Object.keys(owner));
  }

  #cleaned(value: unknown): unknown {
    return typeof value === "string" ? this.#clean(value) : value;
  }

  #fail(at: number, reason: string) {
    return templateError(this.#template, at, reason);
  }
}

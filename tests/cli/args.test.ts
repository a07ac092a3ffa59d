import { describe, expect, test } from "bun:test";
import { type CommandDefinition, helpText, nearest, parseArgs } from "../../src/cli/args.ts";
import { RUN } from "../../src/cli/run-flags.ts";
import { TsboxError } from "../../src/error.ts";

const COMMAND: CommandDefinition = {
  name: "try",
  description: "Try the parser.",
  operands: "IMAGE [ARG...]",
  flags: {
    interactive: { type: "boolean", alias: "i", description: "" },
    tty: { type: "boolean", alias: "t", description: "" },
    rm: { type: "boolean", description: "" },
    publish: { type: "string", alias: "p", description: "", repeated: true },
    name: { type: "string", alias: "n", description: "" },
    env: { type: "string", alias: "e", description: "", repeated: true },
  },
  examples: [["tsbox try alpine", "an example"]],
};

/** Flags and operands as one readable line. */
function parsed(line: readonly string[], stopAtOperand = true): string {
  const { flags, positionals } = parseArgs(COMMAND, line, stopAtOperand);
  const shown = [...flags].map(([name, values]) => `${name}=${values.join("|")}`);
  return `${shown.join(" ")} : ${positionals.join(" ")}`;
}

const GOOD: readonly (readonly [line: string, result: string])[] = [
  ["", " : "],
  ["img", " : img"],
  ["-it img sh", "interactive=true tty=true : img sh"],
  ["-i -t img", "interactive=true tty=true : img"],
  ["--rm img", "rm=true : img"],
  ["--rm=false img", "rm=false : img"],
  ["--rm=0 --tty=T img", "rm=false tty=true : img"],
  ["--rm --rm=false img", "rm=false : img"],
  ["-p8080:80 -p 81 -p=82 --publish 83 --publish=84 img", "publish=8080:80|81|82|83|84 : img"],
  ["-itp 80 img", "interactive=true tty=true publish=80 : img"],
  ["-itp80 img", "interactive=true tty=true publish=80 : img"],
  ["-i=false img", "interactive=false : img"],
  ["--name a --name b img", "name=b : img"],
  ["--name= img", "name= : img"],
  ["-e A=b=c img", "env=A=b=c : img"],
  ["-e=A img", "env=A : img"],
  // a value may look like a flag
  ["-e -x img", "env=-x : img"],
  ["--name --rm img", "name=--rm : img"],
  // everything from the first operand on belongs to the container
  ["img -l --help --rm", " : img -l --help --rm"],
  ["--rm img --name x -- y", "rm=true : img --name x -- y"],
  ["-- --rm", " : --rm"],
  ["--rm -- img -x", "rm=true : img -x"],
  ["- -i", " : - -i"],
];

describe("command lines", () => {
  for (const [line, result] of GOOD) {
    test(line || "(nothing)", () => expect(parsed(line.split(" ").filter((word) => word !== ""))).toBe(result));
  }

  test("an empty word is an operand", () => expect(parsed(["", "-i"])).toBe(" :  -i"));

  test("where a command says so, flags may follow operands", () => {
    expect(parsed(["a", "-i", "b", "--", "-t"], false)).toBe("interactive=true : a b -t");
  });
});

const BAD: readonly (readonly [line: string, message: string])[] = [
  ["--nmae x img", "cannot read the command line of tsbox try: there is no flag --nmae; did you mean --name?"],
  [
    "--completely-else img",
    "cannot read the command line of tsbox try: there is no flag --completely-else; see tsbox try --help",
  ],
  ["-x img", "cannot read the command line of tsbox try: there is no flag -x; see tsbox try --help"],
  ["-ix img", "cannot read the command line of tsbox try: there is no flag -x; see tsbox try --help"],
  ["--rm=maybe img", "cannot read the command line of tsbox try: --rm=maybe is neither true nor false"],
  ["-i=maybe img", "cannot read the command line of tsbox try: -i=maybe is neither true nor false"],
  ["--name", "cannot read the command line of tsbox try: --name needs a value"],
  ["-e", "cannot read the command line of tsbox try: -e needs a value"],
  ["--toString img", "cannot read the command line of tsbox try: there is no flag --toString; see tsbox try --help"],
  ["--__proto__ img", "cannot read the command line of tsbox try: there is no flag --__proto__; see tsbox try --help"],
  ["--gpus all img", "cannot use --gpus: tsbox try has not built it yet"],
  ["--link=a img", "cannot use --link: tsbox try has not built it yet"],
];

describe("command lines that are refused, in one sentence", () => {
  for (const [line, message] of BAD) {
    test(line, () => {
      const parse = () => parsed(line.split(" "));
      expect(parse).toThrow(TsboxError);
      expect(parse).toThrow(message);
    });
  }
});

test("the nearest name is one that a slip of the fingers makes, or none", () => {
  const names = ["run", "pull", "images", "rmi", "ps"];
  expect(nearest("pul", names)).toBe("pull");
  expect(nearest("imgaes", names)).toBe("images");
  expect(nearest("exterminate", names)).toBeUndefined();
});

test("help names every flag, the operands and the examples", async () => {
  const help = Bun.stripANSI(await helpText(RUN));
  for (const name of Object.keys(RUN.flags)) expect(help).toContain(`--${name}`);
  expect(help).toContain("IMAGE [COMMAND [ARG...]]");
  for (const [line] of RUN.examples) expect(help).toContain(line);
  expect(help).not.toContain("undefined");
});

test("older names of Docker's flags are those of today", () => {
  expect([...parseArgs(RUN, ["--net=host", "--dns-opt", "ndots:1", "img"], true).flags]).toEqual([
    ["network", ["host"]],
    ["dns-option", ["ndots:1"]],
  ]);
  expect(() => parsed(["--net", "host", "img"])).toThrow("there is no flag --net");
});

test("no flag of run has the short form of another", () => {
  const aliases = Object.values(RUN.flags).flatMap(({ alias }) => alias ?? []);
  expect(aliases.filter((alias, i) => aliases.indexOf(alias) !== i)).toEqual([]);
});

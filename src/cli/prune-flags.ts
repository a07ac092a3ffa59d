/** Flags of all commands that prune. */

export const FORCE = { type: "boolean", alias: "f", description: "Do not ask" } as const;
export const FILTER = {
  type: "string",
  description: "until=TIME (made before then), label=NAME[=VALUE] or label!=NAME[=VALUE]",
  valueHint: "NAME=VALUE",
  repeated: true,
} as const;

/** A heading as Docker makes it of a method's argument: `com.example.my-role` becomes `my role`. */
export function labelHeading(name: unknown): string {
  return (String(name).split(".").at(-1) ?? "").replace(/[-_]/g, " ");
}

/** errno values by name, as a table: see `errno.ts`. */
export { E as ERRNO } from "./abi.gen.ts";

/** The reader of tar archives, for those who unpack something other than layers. */
export { baseOf, cleanPath, parentOf, pathOfBytes, shownPath } from "../unpack/bytes.ts";
export { type Member, type Sink, TarParser } from "../unpack/tar/parser.ts";

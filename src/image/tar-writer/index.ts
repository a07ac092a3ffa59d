/** Writing tar archives: POSIX pax with what Linux has beyond it. The same input is the same bytes, always. */

export { attributesOf, type EntrySource, packEntry } from "./entry.ts";
export { END_OF_ARCHIVE, type TarMember, tarHeader, tarPadding } from "./header.ts";

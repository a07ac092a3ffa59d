/** Types, parsers and schemas of the three specifications. Pure: no I/O. */
export * from "./digest.ts";
export {
  ACCEPTED_TYPES,
  DOCUMENT_LIMIT,
  describe,
  type ImageDocument,
  parseDocument,
  parseImageConfig,
  parseJSON,
  verifyBytes,
} from "./documents.ts";
export { type ImageName, imageNameText, parseImageName } from "./image-name.ts";
export * from "./media-types.ts";
export {
  hostPlatform,
  normalizePlatform,
  parsePlatform,
  platformText,
  samePlatform,
  selectPlatform,
} from "./platform.ts";
export { familiarName, parseReference, type Reference, referenceName } from "./reference.ts";
export {
  parseProcess,
  parseResources,
  parseRuntimeConfig,
  parseRuntimeFeatures,
  parseRuntimeState,
  parseSeccompProfile,
  seccompNames,
} from "./runtime/parse.ts";
export { IO_CLASSES, SCHEDULER_FLAGS, SCHEDULER_POLICIES } from "./runtime/scheduling-names.ts";
export type * from "./runtime/state.ts";
export type * from "./runtime/types.ts";
export type { ImageSource } from "./source.ts";
export * from "./types.ts";

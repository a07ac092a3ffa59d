/** What a container has changed of its image. */
export { type ListedChange, listChanges } from "./list.ts";

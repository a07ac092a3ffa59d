/** The filters of `images`. */

import { TsboxError } from "../error.ts";
import { findListed, type ListedImage } from "../image/index.ts";
import { type Filter, type Filters, labelFilters, switchFilter } from "./format/filters.ts";
import { splitName } from "./image-name.ts";

/** Docker's keys. @param images all that there are: `before` and `since` name one of them */
export function imageFilters(images: readonly ListedImage[]): Filters<ListedImage> {
  const created = (key: string, value: string) => {
    const image = findListed(images, value, "find")[0];
    if (image === undefined)
      throw new TsboxError("not-found", `cannot use --filter ${key}=${value}: there is no such image here`);
    return timeOf(image);
  };
  return {
    dangling: switchFilter("dangling", ({ name }) => name === undefined),
    ...labelFilters(({ labels }) => labels),
    before: (value) => {
      const time = created("before", value);
      return (image) => timeOf(image) < time;
    },
    since: (value) => {
      const time = created("since", value);
      return (image) => timeOf(image) > time;
    },
    reference: referenceFilter,
  };
}

function timeOf({ created }: ListedImage): number {
  return created === undefined ? 0 : Date.parse(created);
}

/** A repository, with or without a tag; `*` stands for what has no slash in it. */
export const referenceFilter: Filter<ListedImage> = (value) => {
  const pattern = new Bun.Glob(value);
  return ({ name }) => {
    if (name === undefined) return false;
    const { Repository, Tag } = splitName(name);
    const short = Repository.replace(/^docker\.io\/(?:library\/)?/, "");
    return [Repository, short].some((repository) => pattern.match(repository) || pattern.match(`${repository}:${Tag}`));
  };
};

/** The large image of the rows; made ahead, by what is on the machine, where the bench itself runs in another Debian. */
import { debianLayout } from "../support/debian-image.ts";

export const LAYERS = 7;

/** bytes of files, before compression */
export const SIZE = 335e6;

/** @returns the reference of the layout, in the cache of the user who runs the bench */
export const debianImage = (): string => debianLayout(LAYERS, SIZE);

if (import.meta.main) debianImage();

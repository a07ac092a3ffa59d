/** Hardware addresses of members. */
import { toText } from "./subnet.ts";

/** Made of the address, as Docker makes it: the same one for the same address, so that what others remember stays right. */
export function macOf(address: number): string {
  const bytes = toText(address).split(".");
  return ["02", "42", ...bytes.map((byte) => Number(byte).toString(16).padStart(2, "0"))].join(":");
}

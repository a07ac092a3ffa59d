/** Names for containers that were not given one: two words, as people know them from Docker. */
import { randomHex } from "../linux/random.ts";

const FIRST = `able airy amber apt azure balmy bold brave breezy bright brisk calm candid cheery civil clear clever coral cosy crisp
  daring deft dewy eager early earnest easy even fair famous fleet fond frank free fresh gentle glad golden grand happy hardy hearty
  honest humble jolly keen kind lively loyal lucid lucky mellow merry mild modest neat nimble noble open patient plain plucky polite
  proud quick quiet rapid ready rosy sandy serene sharp silver simple sleek smart snug solid spry steady still sturdy sunny sure swift
  tidy true upbeat vivid warm wise witty young zesty`;
const SECOND = `acorn alder anchor anvil apple arbor aspen badger barley basil beacon beaver birch bison bobcat breeze brook cedar cherry
  clover comet coral crane cricket dahlia delta dolphin dune egret elm ember falcon fern finch fjord fox garnet gecko glacier goose
  harbor hare hazel heron ibis iris island ivy jasper juniper kestrel lagoon lark laurel lemon lichen lilac linden lotus lynx maple
  marlin marten meadow mesa moss nectar newt oak ocean olive opal orchid osprey otter owl panda pebble pine plover plum poplar prairie
  quail quartz raven reed ridge robin salmon sequoia sparrow spruce stork swan tern thistle tulip valley walnut willow wren yarrow`;

/** `brave_otter`; after a few that are taken, with a number behind. */
export function madeUpName(attempt: number): string {
  const [first, second] = [FIRST.split(/\s+/), SECOND.split(/\s+/)];
  const random = Number.parseInt(randomHex(4), 16);
  const a = first[random % first.length] ?? "plain";
  const b = second[Math.floor(random / first.length) % second.length] ?? "otter";
  return attempt < 3 ? `${a}_${b}` : `${a}_${b}${random % 1000}`;
}

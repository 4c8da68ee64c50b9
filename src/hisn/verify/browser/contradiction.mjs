// Two statements that exclude each other: the portable proof of a fork (verify/contradiction.py).

import { refuse } from "./errors.mjs";
import { checkPlaces, checkRoots, forkOfActs, openAct } from "./logged.mjs";
import { Fork } from "./said.mjs";

/** Return what two statements prove against their log or author; or refuse where that is nothing. */
export async function findContradiction(chain, { first, second }, states) {
  const sides = [first, second];
  const hasEntries = sides.every((side) => "leaf" in side);
  try {
    checkRoots(states);
    if (hasEntries) await checkPlaces(sides.map((side, number) => [side, states[number]]));
  } catch (error) {
    if (error instanceof Fork) return error;
    throw error;
  }
  if (hasEntries) {
    const [one, other] = [
      (await openAct(chain, 0, first, states[0])).statement.header,
      (await openAct(chain, 1, second, states[1])).statement.header,
    ];
    if (one.actor === other.actor && one.seq === other.seq) return forkOfActs(one.actor, one.seq);
  }
  return refuse("E3541", "the two statements do not exclude each other");
}

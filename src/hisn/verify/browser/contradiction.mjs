// Two statements that exclude each other: the portable proof of a fork (verify/contradiction.py).

import { same } from "./bytes.mjs";
import { refuse } from "./errors.mjs";
import { checkPlaces, checkRoots, forkOfActs, openAct, saysOther } from "./logged.mjs";
import { verifyEpoch } from "./roster.mjs";
import { Fork, said } from "./said.mjs";

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
    const acts = [await openAct(chain, 0, first, states[0]), await openAct(chain, 1, second, states[1])];
    const [one, other] = acts.map((act) => act.statement.header);
    const isSameNumber = one.actor === other.actor && one.seq === other.seq;
    if (isSameNumber && saysOther(...acts)) return forkOfActs(one.actor, one.seq);
  }
  return nothing();
}

/** Return what two epochs prove against the members who signed both; or refuse where that is nothing. */
export async function findRosterFork(charter, chain, { epochs }) {
  const left = await verifyEpoch(charter, chain.at(-1), epochs[0]);
  const right = await verifyEpoch(charter, chain.at(-1), epochs[1]);
  if (same(left.document, right.document)) return nothing();
  const names = [...left.signers].filter((name) => right.signers.has(name)).sort().join(", ");
  const args = { epoch: left.epoch, names };
  const message = `${names} signed two different rosters as epoch ${left.epoch}`;
  return new Fork(message, said("fork-rosters", args), said("two-rosters", args));
}

const nothing = () => refuse("E3541", "the two statements do not exclude each other");

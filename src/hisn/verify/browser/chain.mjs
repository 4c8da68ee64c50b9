// One author's acts: each names its number and its predecessor, and none is told twice (acts/chain.py).

import { same } from "./bytes.mjs";
import { verifyEnvelope } from "./envelope.mjs";
import { refuse } from "./errors.mjs";

/** Return the two statements by which the owner of the keys contradicts himself; or refuse. */
export async function verifyEquivocation(first, second, keys) {
  const [one, other] = [await verifyEnvelope(first, keys), await verifyEnvelope(second, keys)];
  const isOnePlace = one.header.actor === other.header.actor && one.header.seq === other.header.seq;
  // Statements are canonical: the same payload says the same, whatever its signatures are.
  if (!isOnePlace || same(one.payload, other.payload)) {
    refuse("E3326", "the two acts do not contradict each other");
  }
  return [one, other];
}

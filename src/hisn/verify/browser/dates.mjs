// After which states an act was made, and before which second a quorum had seen its own (verify/dates.py).

import { hex } from "./bytes.mjs";
import { refuse } from "./errors.mjs";
import { safeQuorum } from "./rosterdoc.mjs";

const LAST_SECOND = 253402300799n; // of the year 9999
const keyOf = (head) => `${head.size} ${hex(head.root)} ${head.origin}`;

/** Return a time in RFC 3339; one that is no time, which a witness can sign, as what it is. */
export function shownTime(seconds) {
  if (seconds > LAST_SECOND) return `${seconds} s after 1970`;
  return new Date(Number(seconds) * 1000).toISOString().replace(/\.000Z$/, ".000000Z");
}

/** Return by number of act those states of the pack that its author had seen; refuse a head that none cites. */
export function statesSeen(acts, states, heads) {
  const known = new Map(states.map((state) => [keyOf(state.head), state]));
  const cited = new Set(acts.flatMap(({ statement }) => statement.header.seen.map(keyOf)));
  for (const { head } of heads) {
    // It would date nothing, and only impress.
    if (!cited.has(keyOf(head))) refuse("E3517", `no act of the pack cites ${head.origin} at ${head.size}`);
  }
  return acts.map(({ statement }) =>
    statement.header.seen
      .filter((head) => known.has(keyOf(head)))
      .map((head) => ({ origin: head.origin, size: head.size, beforeS: known.get(keyOf(head)).witnessed.beforeS })),
  );
}

/** Return a second that had passed when the quorum cosigned, whoever lied; 0 without a quorum. */
function presentS({ isReached, cosigners, missing }) {
  if (!isReached) return 0n;
  const count = cosigners.length + missing.length;
  const times = cosigners.map((each) => each.timeS).sort((a, b) => (a > b ? -1 : a < b ? 1 : 0));
  return times[count - safeQuorum(count)];
}

/** Tell whether a deadline (as acts have it, or "") had passed when a state was cosigned. */
export function isOverdue(deadline, states) {
  if (deadline === "") return false;
  const [, seconds, micros] = /^(.{19})\.(\d{6})Z$/.exec(deadline);
  const due = BigInt(Date.parse(`${seconds}Z`)) * 1000n + BigInt(micros);
  return states.some(({ witnessed }) => presentS(witnessed) * 1000000n > due);
}

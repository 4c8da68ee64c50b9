// What the logs say: their states, who witnessed these, and that the acts stand in them (verify/logged.py).

import { hex, same } from "./bytes.mjs";
import { parseSignedCheckpoint } from "./checkpoint.mjs";
import { verifyEnvelope } from "./envelope.mjs";
import { refuse } from "./errors.mjs";
import { MAX_PACK_JUDGEMENTS, MAX_PACK_STATES } from "./limits.mjs";
import { verifyInclusion } from "./merkle.mjs";
import { formatPolicy } from "./policy.mjs";
import { actKeys, judgeHead, publishingPolicy } from "./quorum.mjs";
import { Fork, said } from "./said.mjs";
import { checkPlace } from "./statement.mjs";

/** Return the policy by which a state was judged, as it must stand in the pack. */
export async function policyFor(chain, { head, witnessed }) {
  return formatPolicy(await publishingPolicy(chain[witnessed.epoch], head.origin, head.size));
}

/** Return the states of signed checkpoints, by the hexadecimal form of their bytes; or refuse. */
export async function judgeStates(chain, checkpoints) {
  const distinct = new Map(checkpoints.map((raw) => [hex(raw), raw]));
  // Each costs dozens of signatures, for every epoch of the roster.
  if (distinct.size > MAX_PACK_STATES) {
    refuse("E3518", `the pack rests on more than ${MAX_PACK_STATES} states of logs`);
  }
  const parsed = [...distinct].map(([key, raw]) => [key, parseSignedCheckpoint(raw)]);
  const states = new Map();
  let tried = 0;
  for (const [key, signed] of parsed) {
    const witnessed = await judgeHead(chain, signed);
    states.set(key, { head: signed.checkpoint, signed, witnessed });
    tried += chain.length - (witnessed.isReached ? witnessed.epoch : 0);
    if (tried > MAX_PACK_JUDGEMENTS) {
      refuse("E3518", `its states would have to be judged by epochs more than ${MAX_PACK_JUDGEMENTS} times`);
    }
  }
  return states;
}

const placeOf = (head) => `${head.size} ${head.origin}`;

/** Refuse two roots that a log signed for one size. */
export function checkRoots(states) {
  const roots = new Map();
  for (const { head } of states) {
    const known = roots.get(placeOf(head)) ?? head.root;
    roots.set(placeOf(head), known);
    if (same(known, head.root)) continue;
    const args = { origin: head.origin, size: head.size };
    const message = `${head.origin} signed two roots for its log of ${head.size} entries`;
    throw new Fork(message, said("fork-heads", args), said("two-heads", args));
  }
}

/** Return origin and size of the newest state of every log. */
export function newestSizes(states) {
  const sizes = new Map();
  for (const { head } of states) {
    const known = sizes.get(head.origin) ?? 0n;
    sizes.set(head.origin, head.size > known ? head.size : known);
  }
  return [...sizes].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Refuse unless every entry is in its log, each once, and none where another is. */
export async function checkPlaces(placed) {
  const places = new Map();
  for (const [{ leafHash, proof }, { head }] of placed) {
    await verifyInclusion(leafHash, proof.index, head.size, proof.hashes, head.root);
    const place = `${proof.index} ${head.origin}`;
    const known = places.get(place) ?? leafHash;
    places.set(place, known);
    if (same(known, leafHash)) continue;
    const args = { origin: head.origin, index: proof.index };
    const message = `${head.origin} shows two different entries at ${proof.index}`;
    throw new Fork(message, said("fork-entries", args), said("two-entries", args));
  }
  if (new Set(placed.map(([entry]) => hex(entry.leafHash))).size !== placed.length) {
    refuse("E3504", "the pack shows one act twice");
  }
}

/** Return an act that the keys in force at its place have signed; or refuse. */
export async function openAct(chain, number, entry, state) {
  const { origin } = state.head;
  const keys = actKeys(chain, state.witnessed, origin, entry.proof.index);
  const statement = await verifyEnvelope(entry.leaf, keys);
  checkPlace(statement, origin);
  return { number, entry, state, statement, ref: { origin, index: entry.proof.index, leafHash: entry.leafHash } };
}

/** Return how many acts of the pack directly follow another, if none contradicts another; or refuse. */
export function checkSequence(acts, states) {
  const roots = new Map(states.map(({ head }) => [placeOf(head), head.root]));
  const byActor = new Map();
  const ordered = [...acts].sort((a, b) => {
    const [first, second] = [a.statement.header.seq, b.statement.header.seq];
    return first < second ? -1 : first > second ? 1 : 0;
  });
  for (const act of ordered) {
    checkSeen(act, roots);
    const { actor } = act.statement.header;
    byActor.set(actor, [...(byActor.get(actor) ?? []), act]);
  }
  checkBatchChain(acts);
  const links = [...byActor.values()].reduce((sum, own) => sum + countLinks(own), 0);
  for (const { number, statement, ref } of acts) {
    // Replayed: an act has one place, that of its number.
    if (statement.header.seq !== ref.index) refuse("E3506", `act ${number} stands at another place than its number`);
  }
  return links;
}

function checkSeen(act, roots) {
  for (const head of act.statement.header.seen) {
    if (head.origin === act.ref.origin && head.size > act.ref.index) {
      refuse("E3507", `act ${act.number} cites a state of its log that holds itself`);
    }
    const known = roots.get(placeOf(head)) ?? head.root;
    roots.set(placeOf(head), known);
    if (!same(known, head.root)) {
      refuse("E3507", `two roots of ${head.origin} at ${head.size} are cited or shown in this pack`);
    }
  }
}

/** Follow one author's acts in the order of their numbers; between them others may be missing. */
function countLinks(acts) {
  let links = 0;
  let last = null;
  const seen = new Map();
  for (const act of acts) {
    if (last && isLink(last, act)) links += 1;
    for (const head of act.statement.header.seen) {
      // "I had not seen that yet", said by one who had cited a later state before.
      if (head.size < (seen.get(head.origin) ?? 0n)) {
        refuse("E3507", `act ${act.number} cites an older state than an act before it`);
      }
    }
    for (const head of act.statement.header.seen) seen.set(head.origin, head.size);
    last = act;
  }
  return links;
}

function isLink(earlier, later) {
  const [old, next] = [earlier.statement.header, later.statement.header];
  if (old.seq === next.seq && saysOther(earlier, later)) throw forkOfActs(old.actor, old.seq);
  const isNext = old.seq + 1n === next.seq;
  if (isNext && !same(next.prev, earlier.entry.leafHash)) {
    refuse("E3506", `act ${later.number} does not follow the act before it`);
  }
  return isNext;
}

/** Tell whether two acts say two things; one that was signed again says the same. */
export const saysOther = (one, other) => !same(one.statement.payload, other.statement.payload);

/** Return what two acts with one number prove. */
export function forkOfActs(actor, seq) {
  const args = { actor, seq };
  const message = `${actor} signed two different acts with the number ${seq}`;
  return new Fork(message, said("fork-acts", args), said("two-acts", args));
}

/** Check batches of one stretch of one source: one of each number, each naming the one before it. */
function checkBatchChain(acts) {
  const chained = new Map();
  for (const act of acts.filter(({ statement }) => statement.kind === "batch")) {
    const { source, part, ordinal } = act.statement.public;
    const key = `${source} ${part} ${act.ref.origin}`;
    const batches = chained.get(key) ?? new Map();
    if (batches.has(ordinal)) refuse("E3508", "two batches of one source have the same number");
    chained.set(key, batches.set(ordinal, act));
  }
  for (const batches of chained.values()) {
    for (const [ordinal, act] of batches) {
      const before = batches.get(ordinal - 1n);
      if (before && act.statement.public.prev !== hex(before.entry.leafHash)) {
        refuse("E3508", `batch act ${act.number} names another batch before it`);
      }
    }
  }
}

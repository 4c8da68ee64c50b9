// A unit's roster from its charter on: epoch by epoch, each adopted by the one before (unit/roster.py).

import { hex, same } from "./bytes.mjs";
import { parseDsse, verifyEnvelopeSignature } from "./envelope.mjs";
import { refuse } from "./errors.mjs";
import { sha256 } from "./hashing.mjs";
import { keyIdHex } from "./keys.mjs";
import { isAscending } from "./kinds.mjs";
import { MAX_EPOCHS, MAX_ROSTER_BYTES, MAX_ROSTER_SIGNATURES } from "./limits.mjs";
import {
  ENTRY_ROLES,
  active,
  covers,
  find,
  keysAt,
  openKey,
  parseCharter,
  parseRoster,
  safeQuorum,
  witnessed,
} from "./rosterdoc.mjs";

const ROSTER_TYPE = "application/vnd.hisn.roster+json";

/** Return the epochs that a charter and its envelopes prove, from epoch 0 on; or refuse. */
export async function verifyRosterChain(document, envelopes) {
  if (envelopes.length < 1 || envelopes.length > MAX_EPOCHS) {
    refuse("E3405", `a unit has 1 to ${MAX_EPOCHS} epochs, not ${envelopes.length}`);
  }
  const charter = parseCharter(document);
  const chain = [];
  for (const envelope of envelopes) chain.push(await verifyEpoch(charter, chain.at(-1) ?? null, envelope));
  return chain;
}

const rootKeys = (roster) => new Map(roster?.members.map((member) => [member.id, openKey(member, "root")]));

/** Return the epoch that follows a verified one (null: the first), with its signers; or refuse. */
export async function verifyEpoch(charter, old, bytes) {
  const limits = { maxBytes: MAX_ROSTER_BYTES, maxSignatures: MAX_ROSTER_SIGNATURES };
  const envelope = parseDsse(bytes, ROSTER_TYPE, limits);
  const roster = parseRoster(envelope.payload);
  await checkLink(charter, old, roster);
  const fresh = newKeys(old, roster);
  const [roots, oldRoots] = [rootKeys(roster), rootKeys(old)];
  const pairs = [...fresh, ...roots.values(), ...oldRoots.values()].filter((pair) => pair !== null);
  const signed = await verifySignatures(envelope, pairs);
  const missing = fresh.filter((pair) => !signed.has(pair.id));
  if (missing.length) refuse("E3407", `${missing.length} new keys have not signed the epoch`);
  const hasSigned = (pair) => pair !== null && signed.has(pair.id);
  for (const [each, held] of old ? [[old, oldRoots], [roster, roots]] : [[roster, roots]]) {
    const votes = active(each).filter((member) => hasSigned(held.get(member.id))).length;
    const needed = threshold(charter, each);
    if (votes < needed) {
      refuse("E3408", `${votes} of ${needed} members needed of epoch ${each.epoch} have signed epoch ${roster.epoch}`);
    }
  }
  const owners = [...new Map([...roots, ...oldRoots])].filter(([, pair]) => hasSigned(pair)).map(([name]) => name);
  roster.signers = new Set(owners);
  checkStep(old, roster);
  return roster;
}

function threshold(charter, roster) {
  const count = active(roster).length;
  return Math.max(safeQuorum(count), Math.min(Number(charter.threshold), count));
}

async function checkLink(charter, old, roster) {
  const number = old ? old.epoch + 1n : 0n;
  if (roster.epoch !== number) refuse("E3405", `epoch ${roster.epoch} stands where epoch ${number} is due`);
  const founded = old ? hex(await sha256(charter.document)) : "";
  const previous = old ? hex(await sha256(old.document)) : "";
  if (roster.name !== charter.name || roster.charter !== founded || roster.previous !== previous) {
    refuse("E3406", `epoch ${number} follows another charter or another epoch than these`);
  }
  if (old) return;
  if (hex(await sha256(roster.document)) !== charter.roster) refuse("E3406", "the charter names another first roster");
  const count = active(roster).length;
  if (charter.threshold < BigInt(safeQuorum(count)) || charter.threshold > BigInt(count)) {
    refuse("E3408", "the charter's threshold is not safe, or cannot be reached");
  }
}

/** Return the keys that must prove in this epoch that somebody holds them. */
function newKeys(old, roster) {
  const memberKeys = (each) => each?.members.flatMap((member) => member.keys.map((key) => key.public)) ?? [];
  const known = new Set(memberKeys(old).map((pair) => pair.id));
  const named = ({ name, public: pair }) => `${name} ${pair.id}`;
  const witnesses = new Set(old?.witnesses.map(named));
  const fresh = memberKeys(roster).filter((pair) => !known.has(pair.id));
  return fresh.concat(roster.witnesses.filter((each) => !witnesses.has(named(each))).map((each) => each.public));
}

/** Return the ids of the pairs that signed; every signature must be of one of them, and hold. */
async function verifySignatures(envelope, pairs) {
  const known = new Map();
  for (const pair of pairs) {
    for (const key of [pair.ed25519, pair.mldsa]) known.set(await keyIdHex(key), { key, pair });
  }
  const ids = envelope.signatures.map((signature) => signature.keyId);
  if (!isAscending(ids) || !ids.every((id) => known.has(id))) {
    refuse("E3409", "the epoch is signed twice by one key, by an unknown one, or out of order");
  }
  const counts = new Map();
  for (const signature of envelope.signatures) {
    const { key, pair } = known.get(signature.keyId);
    await verifyEnvelopeSignature(envelope, signature, key);
    counts.set(pair.id, (counts.get(pair.id) ?? 0) + 1);
  }
  if ([...counts.values()].includes(1)) {
    refuse("E3409", "somebody has signed the epoch with one of his two keys only");
  }
  return new Set(counts.keys());
}

/** Refuse an epoch that may not follow another, given who signed it with his own root key. */
function checkStep(old, roster) {
  const before = new Map(old?.members.map((member) => [member.id, member]));
  const heads = new Map(roster.at.map((head) => [head.origin, head]));
  if (heads.size !== before.size || ![...before.keys()].every((id) => heads.has(id))) {
    refuse("E3410", "an epoch names the last witnessed state of every member before it, of no other");
  }
  for (const known of old?.at ?? []) {
    const head = heads.get(known.origin);
    if (head.size < known.size || (head.size === known.size && !same(head.root, known.root))) {
      refuse("E3410", `the witnessed state of ${known.origin} goes back`);
    }
  }
  for (const id of before.keys()) {
    if (!find(roster, id)) refuse("E3411", `${id} is dropped from the roster; its old acts need its keys`);
  }
  for (const member of roster.members) {
    checkMember(before.get(member.id) ?? null, member, roster, roster.signers.has(member.id));
  }
}

function checkMember(old, member, roster, isOwned) {
  const left = new Map(member.keys.map((key) => [key.public.id, key]));
  for (const key of old?.keys ?? []) {
    const now = left.get(key.public.id);
    left.delete(key.public.id);
    if (!now || now.role !== key.role || now.start !== key.start) {
      refuse("E3411", `a ${key.role} key of ${member.id} is dropped or changed`);
    }
    if (now.until !== key.until) checkEnd(member.id, key, now, roster, isOwned);
  }
  const floor = witnessed(roster, member.id);
  for (const key of left.values()) {
    const isInTime = ENTRY_ROLES.includes(key.role) ? key.start >= floor : key.start === roster.epoch;
    if (!isInTime || key.until !== null) refuse("E3412", `a new ${key.role} key of ${member.id} does not begin now`);
  }
  const isChanged = !old || left.size > 0 || old.side !== member.side || old.url !== member.url;
  if (isChanged && !isOwned) refuse("E3413", `${member.id} is changed, and its own root key has not signed that`);
  if (!old && !member.isActive) refuse("E3412", `${member.id} joins as a suspended member`);
}

function checkEnd(origin, old, now, roster, isOwned) {
  const { role } = old;
  if (now.until === null || (old.until !== null && now.until > old.until)) {
    refuse("E3411", `a ${role} key of ${origin} that had ended counts again`);
  }
  if (!ENTRY_ROLES.includes(role) && now.until !== roster.epoch) {
    // A quorum of the past is others' past, too: not even the owner takes a cosignature back.
    refuse("E3412", `a ${role} key of ${origin} does not end now, but in the past`);
  }
  if (isOwned) return;
  if (role === "root") refuse("E3413", `the root key of ${origin} is ended, and it has not signed that`);
  const size = witnessed(roster, origin);
  if (ENTRY_ROLES.includes(role) && now.until < size) {
    refuse("E3416", `others end a key of ${origin} at ${now.until}; ${size} entries were witnessed`);
  }
}

/** Return the keys that count for an entry under a head which the witnesses of an epoch cosigned; or refuse. */
export function keyInForce(chain, epoch, origin, role, entry) {
  const keys = keysAt(chain[epoch], origin, role, entry);
  // A key's end never moves back: the last of those epochs says what all of them say.
  const later = chain.slice(epoch + 1).findLast((each) => each.signers.has(origin));
  const held = (later && find(later, origin)?.keys) ?? [];
  if (held.some((key) => key.public.id === keys.id && !covers(key, entry))) {
    refuse("E3417", `${origin} itself revoked its ${role} key before entry ${entry}`);
  }
  return keys;
}

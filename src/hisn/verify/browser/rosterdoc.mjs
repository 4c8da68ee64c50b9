// Charters and roster documents: who is a member, on which side, with which keys (unit/rosterdoc.py).

import { hex, parseB64, same } from "./bytes.mjs";
import { refuse } from "./errors.mjs";
import { parseDualPublic } from "./keys.mjs";
import {
  isAscending,
  isCount,
  isDigest,
  isHeads,
  isId,
  isString,
  isText,
  isToken,
  listOf,
  oneOf,
  optional,
  parseShape,
} from "./kinds.mjs";
import { MAX_MEMBERS, MAX_MEMBER_KEYS, MAX_ROSTER_BYTES, MAX_WITNESSES } from "./limits.mjs";
import { EMPTY_DIGEST, parseHeads } from "./statement.mjs";
import { parseCanonical } from "./strictjson.mjs";

/** The place where only a key without an end counts. */
export const NOW = 2n ** 53n - 1n;
/** Keys of these roles count for entries of their member's log, the others for epochs. */
export const ENTRY_ROLES = ["act", "log"];
const ROLES = ["act", "log", "mirror", "root", "witness"];

/** Return how many of `count` must agree so that fewer than a third who lie cannot make two truths. */
export const safeQuorum = (count) => Math.floor((2 * count) / 3) + 1;

const isMap = (value) => value instanceof Map;
const isUrl = (value) => isToken(value) && /^(?:https?:\/\/.+)?$/.test(value);
const isLink = (value) => value === "" || isDigest(value);

const CHARTER = {
  format: oneOf("hisn-charter/1"),
  name: isText,
  fold_version: isCount,
  roster: isDigest,
  thresholds: (value) => isMap(value) && value.has("roster") && [...value.values()].every(isCount),
  quota: (value) => isMap(value) && value.size === 1 && isCount(value.get("acts_per_hour")),
};
const ROSTER = {
  format: oneOf("hisn-roster/1"),
  epoch: isCount,
  name: isText,
  charter: isLink,
  previous: isLink,
  at: isHeads,
  members: listOf(isMap, MAX_MEMBERS),
  witnesses: listOf(isMap, MAX_WITNESSES),
};
const MEMBER = {
  id: isId,
  side: isId,
  url: isUrl,
  status: oneOf("active", "suspended"),
  keys: listOf(isMap, MAX_MEMBER_KEYS),
};
const KEY = { role: oneOf(...ROLES), ed25519: isString, mldsa: isString, from: isCount, until: optional(isCount) };
const WITNESS = { name: isId, side: isId, url: isUrl, ed25519: isString, mldsa: isString };

/** Return the charter of genesis.json; or refuse. */
export function parseCharter(document) {
  const value = parseCanonical(document, { maxBytes: MAX_ROSTER_BYTES });
  const { name, roster, thresholds } = parseShape(value, CHARTER, "the charter", "E3400");
  return { name, roster, threshold: thresholds.get("roster"), document };
}

const parseKeys = ({ ed25519, mldsa }) =>
  parseDualPublic(parseB64(ed25519, "an Ed25519 key"), parseB64(mldsa, "an ML-DSA-44 key"));

function parseMember(value) {
  const { id, side, url, status, keys } = parseShape(value, MEMBER, "a member", "E3401");
  const pairs = keys.map((each) => {
    const found = parseShape(each, KEY, `a key of ${id}`, "E3401");
    return { role: found.role, public: parseKeys(found), start: found.from, until: found.until };
  });
  return { id, side, url, isActive: status === "active", keys: pairs };
}

function parseWitness(value) {
  const fields = parseShape(value, WITNESS, "a witness", "E3401");
  return { name: fields.name, side: fields.side, url: fields.url, public: parseKeys(fields) };
}

/** Tell whether a key counts at an entry, or in an epoch. */
export const covers = (key, place) => key.start <= place && (key.until === null || place < key.until);

/** Return a member's pair of keys of a role that has no end, or null. */
export const openKey = (member, role) =>
  member.keys.find((key) => key.role === role && key.until === null)?.public ?? null;

/** Return the members that are not suspended. */
export const active = (roster) => roster.members.filter((member) => member.isActive);

/** Return the member of an id, or undefined. */
export const find = (roster, origin) => roster.members.find((member) => member.id === origin);

/** Return the size up to which a log had been witnessed when the epoch began. */
export const witnessed = (roster, origin) => roster.at.find((head) => head.origin === origin)?.size ?? 0n;

/** Return a member's keys of a role at an entry of its log, or in an epoch; or refuse. */
export function keysAt(roster, origin, role, place) {
  const member = find(roster, origin);
  if (!member) refuse("E3414", `${origin} is no member in epoch ${roster.epoch}`);
  const key = member.keys.find((each) => each.role === role && covers(each, place));
  const word = ENTRY_ROLES.includes(role) ? "entry" : "epoch";
  return key?.public ?? refuse("E3415", `${origin} has no ${role} key for ${word} ${place} in epoch ${roster.epoch}`);
}

function checkNames(roster) {
  const ids = roster.members.map((member) => member.id);
  const names = roster.witnesses.map((witness) => witness.name);
  if (!isAscending(ids) || !isAscending(names)) {
    refuse("E3402", "members or witnesses are named twice, or not in order");
  }
  // In a policy a witness `a` has the lines `a.ed` and `a.pq` and the group `a`.
  const taken = [...ids, ...names].flatMap((name) => [name, `${name}.ed`, `${name}.pq`]);
  if (new Set(taken).size !== taken.length || taken.includes("none")) {
    refuse("E3402", "two names could be taken for one another in a policy");
  }
  const count = active(roster).length;
  if (count < 1 || count > MAX_WITNESSES - names.length) {
    refuse("E3402", `1 to ${MAX_WITNESSES} members and outside witnesses can be active`);
  }
}

function checkDistinct(roster) {
  const pairs = roster.members.flatMap((member) => member.keys.map((key) => key.public));
  pairs.push(...roster.witnesses.map((witness) => witness.public));
  const raw = pairs.flatMap((pair) => [hex(pair.ed25519.raw), hex(pair.mldsa.raw)]);
  // One key in two roles lets a text signed for one pass in the other; under two names it votes twice.
  if (new Set(raw).size !== raw.length) refuse("E3403", "one key stands in two places of the roster");
}

function isBefore(a, b) {
  const [endA, endB] = [a.until ?? NOW, b.until ?? NOW];
  if (a.role !== b.role) return a.role < b.role;
  if (a.start !== b.start) return a.start < b.start;
  return endA !== endB ? endA < endB : hex(a.public.ed25519.raw) < hex(b.public.ed25519.raw);
}

function checkKeys(member, epoch) {
  const { id, keys, isActive } = member;
  // Keys withdrawn as a whole, [n, n), stand before the one that replaced them; there may be several,
  // for a member may have to rotate again before its log has grown.
  if (keys.some((key, i) => i > 0 && !isBefore(keys[i - 1], key))) {
    refuse("E3404", `the keys of ${id} are not in order`);
  }
  for (const { role, start, until } of keys) {
    const last = until ?? start;
    if (last < start || (!ENTRY_ROLES.includes(role) && last > epoch)) {
      refuse("E3404", `a ${role} key of ${id} ends before it begins, or in the future`);
    }
  }
  for (const role of ROLES) {
    const ours = keys.filter((key) => key.role === role);
    if (ours.slice(1).some((key, i) => ours[i].until === null || ours[i].until > key.start)) {
      refuse("E3404", `two ${role} keys of ${id} count at one place`);
    }
    const isNeeded = role === "root" || (isActive && ENTRY_ROLES.includes(role));
    const isRefused = role !== "root" && !isActive;
    const isOpen = openKey(member, role) !== null;
    if ((isNeeded && !isOpen) || (isRefused && isOpen)) {
      refuse("E3404", `${id} is ${isActive ? "active" : "suspended"}, and its ${role} key says otherwise`);
    }
  }
}

/** Return the epoch that a document describes, whoever wrote it; or refuse. */
export function parseRoster(document) {
  const value = parseCanonical(document, { maxBytes: MAX_ROSTER_BYTES });
  const fields = parseShape(value, ROSTER, "the roster", "E3401");
  const roster = {
    epoch: fields.epoch,
    name: fields.name,
    charter: fields.charter,
    previous: fields.previous,
    at: parseHeads(fields.at),
    members: fields.members.map(parseMember),
    witnesses: fields.witnesses.map(parseWitness),
    document,
    signers: new Set(),
  };
  if (roster.at.some((head) => head.size === 0n && !same(head.root, EMPTY_DIGEST))) {
    refuse("E3401", "an empty log has the root of an empty tree");
  }
  checkNames(roster);
  checkDistinct(roster);
  roster.members.forEach((member) => checkKeys(member, roster.epoch));
  return roster;
}

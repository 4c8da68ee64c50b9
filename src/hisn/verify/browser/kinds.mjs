// The closed set of acts, and exactly what each of them says in public, as acts/kinds.py has it.

import { refuse } from "./errors.mjs";
import { MAX_ACT_TEXT_CHARS, MAX_ID_CHARS, MAX_SEEN } from "./limits.mjs";

const MAX_EXACT = 2n ** 53n - 1n;
const ID = /^[a-z0-9][a-z0-9.-]*(?:\/[a-z0-9_-][a-z0-9._-]*)*$/;
const TIME = /^([0-9]{4})-([0-9]{2})-([0-9]{2})T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{6}Z$/;

export const isString = (value) => typeof value === "string";
const isMap = (value) => value instanceof Map;
/** Count characters as Python does: a character outside the basic plane is one. */
const lengthOf = (text) => Array.from(text).length;

export const isDigest = (value) => isString(value) && /^[0-9a-f]{64}$/.test(value);
export const isId = (value) => isString(value) && value.length <= MAX_ID_CHARS && ID.test(value);
export const isCount = (value) => typeof value === "bigint" && value >= 0n && value <= MAX_EXACT;
export const isToken = (value) =>
  isString(value) && value.length <= MAX_ACT_TEXT_CHARS && /^[!-~]*$/.test(value);
export const isText = (value) => isString(value) && value !== "" && lengthOf(value) <= MAX_ACT_TEXT_CHARS;

/** Tell whether a value is a time exactly as the unit writes it, of a day that exists. */
export function isTime(value) {
  const found = isString(value) ? TIME.exec(value) : null;
  if (!found) return false;
  const [year, month, day] = found.slice(1).map(Number);
  const isLeap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  const days = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
  return year >= 1 && month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1];
}

/** Tell whether texts of ASCII stand in strictly ascending order, so that none is there twice. */
export const isAscending = (texts) => texts.every((text, i) => i === 0 || texts[i - 1] < text);

/** Tell whether a value is an object with exactly these names, each value passing its check. */
export function hasShape(value, checks) {
  const names = Object.keys(checks);
  return (
    isMap(value) && value.size === names.length && names.every((name) => value.has(name) && checks[name](value.get(name)))
  );
}

const isHead = (value) => hasShape(value, { origin: isId, size: isCount, root: isDigest });

/** Tell whether a value is a list of heads, one per log, in the order of their origins. */
export const isHeads = (value) =>
  Array.isArray(value) &&
  value.length <= MAX_SEEN &&
  value.every(isHead) &&
  isAscending(value.map((head) => head.get("origin")));

export const optional = (check) => (value) => value === null || check(value);
export const oneOf = (...values) => (value) => isString(value) && values.includes(value);
export const listOf = (check, limit) => (value) =>
  Array.isArray(value) && value.length <= limit && value.every(check);
export const anything = () => true;

/** Return an object's fields, given that it has exactly these names and values that pass; or refuse. */
export function parseShape(value, checks, what, code = "E3305") {
  if (!isMap(value)) refuse(code, `${what} is no object`);
  for (const name of Object.keys(checks)) if (!value.has(name)) refuse(code, `${what} lacks '${name}'`);
  if (value.size !== Object.keys(checks).length) refuse(code, `${what} has an unknown field`);
  for (const [name, check] of Object.entries(checks)) {
    if (!check(value.get(name))) refuse(code, `${what}: ${name} is not what its format says`);
  }
  return Object.fromEntries(Object.keys(checks).map((name) => [name, value.get(name)]));
}

const isDetail = (value) =>
  isMap(value) && [...value].every(([name, item]) => isText(name) && (isCount(item) || item === "" || isText(item)));

const BATCH = {
  source: isDigest,
  part: isCount,
  ordinal: isCount,
  prev: (value) => value === "" || isDigest(value),
  mode: oneOf("fields", "whole"),
  root: isDigest,
  count: optional(isCount),
  ciphertext: isDigest,
  raw: isDigest,
  key: isDigest,
  parser: isText,
  mapping: isDigest,
  first: optional(isTime),
  last: optional(isTime),
  unparsed: optional(isCount),
};
const PUBLIC = {
  charter: { genesis: isDigest },
  roster: { epoch: isCount, document: isDigest },
  batch: BATCH,
  finding: {},
  recheck: { outcome: oneOf("same") },
  dissent: { outcome: oneOf("different") },
  "key-event": { event: oneOf("gap", "erase", "rotate", "revoke", "compromise", "escrow"), detail: isDetail },
  cutoff: { heads: isHeads, time: isTime },
  observation: { what: isText, digest: isDigest },
};
const BODIES = {
  charter: ["body"],
  roster: ["body"],
  batch: ["sealed"],
  finding: ["sealed"],
  recheck: ["sealed"],
  dissent: ["sealed"],
  "key-event": ["none"],
  cutoff: ["body"],
  observation: ["none", "body", "sealed"],
};

/** Every kind of act that this version knows. */
export const KINDS = Object.keys(PUBLIC);
/** The kinds that speak about another act and must name it. */
export const ANSWERS = ["recheck", "dissent"];

/** Return the public fields of an act of a known kind; or refuse. */
export function parsePublic(kind, value) {
  const fields = parseShape(value, PUBLIC[kind], `the public part of a ${kind}`, "E3307");
  if (kind !== "batch") return fields;
  // A batch in the middle that names no predecessor hides the ones before it.
  if ((fields.ordinal === 0n) !== (fields.prev === "")) {
    refuse("E3307", "a batch: exactly the first has no predecessor");
  }
  const isSecret = fields.count === null;
  const isHalf = (a, b) => (a === null) !== (b === null);
  if (isHalf(fields.count, fields.unparsed) || isHalf(fields.first, fields.last) || (isSecret && fields.first !== null)) {
    // Half a statement would tell when ballots came in, or how many: the secrecy of the vote.
    refuse("E3307", "a batch: counts and times stand together or not at all");
  }
  return fields;
}

/** Refuse if acts of a kind have no body of that sort: none, body or sealed. */
export function checkBodySort(kind, sort) {
  if (!BODIES[kind].includes(sort)) refuse("E3308", `a ${kind} has no body of the sort '${sort}'`);
}

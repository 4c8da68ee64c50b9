// What an act says: an in-toto Statement v1 whose predicate is a header and public fields.

import { fromHex, hex, same } from "./bytes.mjs";
import { refuse } from "./errors.mjs";
import { sha256 } from "./hashing.mjs";
import {
  ANSWERS,
  KINDS,
  anything,
  checkBodySort,
  isAscending,
  isCount,
  isDigest,
  isHeads,
  isId,
  isTime,
  isToken,
  listOf,
  oneOf,
  optional,
  parsePublic,
  parseShape,
} from "./kinds.mjs";
import { MAX_AUDIENCE, MAX_LEAF_BYTES } from "./limits.mjs";
import { parseCanonical } from "./strictjson.mjs";

/** SHA-256 of no bytes: the root of an empty tree, and what an act without a body commits to. */
export const EMPTY_DIGEST = fromHex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");

const isAudience = (value) =>
  Array.isArray(value) &&
  ((value.length === 1 && value[0] === "*") ||
    (value.length > 0 && listOf(isId, MAX_AUDIENCE)(value) && isAscending(value)));

const STATEMENT = {
  _type: oneOf("https://in-toto.io/Statement/v1"),
  subject: (value) => Array.isArray(value) && value.length === 1,
  predicateType: oneOf(...KINDS.map((kind) => `urn:hisn:act:${kind}:v1`)),
  predicate: anything,
};
const REF = { origin: isId, index: isCount, leaf: isDigest };
const HEADER = {
  actor: isId,
  agreement: isToken,
  audience: isAudience,
  claimed_time: isTime,
  deadline: (value) => value === "" || isTime(value),
  in_reply_to: anything,
  origin: isId,
  prev: optional(isDigest),
  seen: isHeads,
  seq: isCount,
  thread: isToken,
};

/** Return the heads of a list that `isHeads` has passed. */
export const parseHeads = (value) =>
  value.map((head) => ({ origin: head.get("origin"), size: head.get("size"), root: fromHex(head.get("root")) }));

function parseHeader(value) {
  const fields = parseShape(value, HEADER, "the header", "E3309");
  if (fields.actor !== fields.origin) refuse("E3309", "an act stands in a log that is not its author's");
  if ((fields.seq === 0n) !== (fields.prev === null)) {
    refuse("E3309", "exactly the first act has no predecessor");
  }
  let reply = fields.in_reply_to;
  if (reply !== null) {
    reply = parseShape(reply, REF, "the act that is answered", "E3309");
    reply = { origin: reply.origin, index: reply.index, leafHash: fromHex(reply.leaf) };
  }
  const prev = fields.prev === null ? null : fromHex(fields.prev);
  return { ...fields, prev, seen: parseHeads(fields.seen), inReplyTo: reply };
}

function parseBodyRef(kind, value) {
  const form = { name: oneOf("none", "body", "sealed"), digest: anything };
  const subject = parseShape(value, form, "the subject");
  const digest = parseShape(subject.digest, { sha256: isDigest }, "the subject's digest").sha256;
  checkBodySort(kind, subject.name);
  if (subject.name !== "none") return { name: subject.name, sha256: fromHex(digest) };
  if (digest !== hex(EMPTY_DIGEST)) refuse("E3308", "an act without a body commits to one");
  return null;
}

/** Return the statement of its canonical JSON; or refuse. Its author is whoever it says. */
export function parseStatement(payload) {
  const value = parseCanonical(payload, { maxBytes: MAX_LEAF_BYTES });
  const whole = parseShape(value, STATEMENT, "the statement");
  const kind = whole.predicateType.split(":")[3];
  const predicate = parseShape(whole.predicate, { header: anything, public: anything }, "the predicate");
  const header = parseHeader(predicate.header);
  if (ANSWERS.includes(kind) && header.inReplyTo === null) {
    refuse("E3309", `a ${kind} names no act that it answers`);
  }
  const fields = parsePublic(kind, predicate.public);
  const body = parseBodyRef(kind, whole.subject[0]);
  if (kind === "charter" && (body === null || fields.genesis !== hex(body.sha256))) {
    refuse("E3308", "a charter's body is not its genesis");
  }
  return { kind, header, public: fields, body, payload };
}

/** Refuse an act that does not belong into the log it was found in (a replay). */
export function checkPlace(statement, origin) {
  if (statement.header.origin !== origin) {
    refuse("E3310", `an act of the log ${statement.header.origin} stands in the log ${origin}`);
  }
}

/** Refuse a body that is not the one the act commits to: a clear body's bytes, a sealed one's leaf. */
export async function checkBody(statement, committed) {
  if (statement.body === null || !same(await sha256(committed), statement.body.sha256)) {
    refuse("E3311", `the body is not the one that the ${statement.kind} commits to`);
  }
}

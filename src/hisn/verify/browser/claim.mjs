// What a finding says about batches and events, and what other members answered (verify/claim.py).

import { same } from "./bytes.mjs";
import { refuse } from "./errors.mjs";
import { canonicalText } from "./strictjson.mjs";

const KINDS = ["finding", "batch", "recheck", "dissent"];

/** Refuse acts that a pack about a finding does not hold. */
export function checkKinds(acts, finding) {
  for (const { number, statement } of acts) {
    const { kind } = statement;
    if (!KINDS.includes(kind) || (kind === "finding") !== (number === finding)) {
      refuse("E3505", `act ${number} is a ${kind}, which has no place there`);
    }
  }
}

const ascending = (numbers) => numbers.every((number, i) => i === 0 || numbers[i - 1] < number);

function namedBatch(value) {
  if (Array.isArray(value) && value.length === 3) {
    const [leaf, root, events] = value;
    const isRead = typeof leaf === "bigint" && typeof root === "string" && Array.isArray(events);
    if (isRead && events.every((each) => typeof each === "bigint") && ascending([-1n, ...events])) {
      return { leaf, root, events: new Set(events) };
    }
  }
  return refuse("E3513", "the finding's list of batches is not in its form");
}

/** Return the batches that a finding's body names: index of the act, root, indices of events; or refuse. */
export function namedBatches(body) {
  const value = body?.values.get("batches");
  if (!Array.isArray(value)) refuse("E3513", "the finding does not show which batches it is about");
  const named = value.map(namedBatch);
  if (!ascending(named.map((batch) => batch.leaf))) {
    refuse("E3513", "the finding names a batch twice, or not in order");
  }
  return named;
}

/** Return by act of each batch the events that the finding names, others are context; or refuse other batches. */
export function checkNamed(finding, named, acts, batches) {
  const byLeaf = new Map(named.map((batch) => [batch.leaf, batch]));
  const found = new Map();
  const sources = new Set();
  for (const { act: number, count } of batches) {
    const { ref, statement } = acts[number];
    const batch = byLeaf.get(ref.index);
    if (ref.origin !== finding.ref.origin || (batch && batch.root !== statement.public.root)) {
      refuse("E3514", `the finding does not name the batch of act ${number}`);
    }
    if (ref.index >= finding.ref.index) refuse("E3515", `the batch of act ${number} was sealed after the finding`);
    if (batch && [...batch.events].some((index) => index >= count)) {
      refuse("E3514", `the finding names an event that batch ${number} does not have`);
    }
    found.set(number, batch ? batch.events : new Set());
    if (batch) sources.add(statement.public.source);
  }
  for (const number of found.keys()) {
    if (!sources.has(acts[number].statement.public.source)) {
      refuse("E3514", `the finding names no batch of the source of act ${number}`);
    }
  }
  return found;
}

const isRef = (a, b) => a.origin === b.origin && a.index === b.index && same(a.leafHash, b.leafHash);

/** Return who rechecked and who dissented, by kind of act; or refuse answers to something else. */
export function checkAnswers(finding, acts, bodies) {
  const found = { recheck: new Set(), dissent: new Set() };
  for (const { number, statement } of acts) {
    const { header, kind } = statement;
    if (!(kind in found)) continue;
    if (!isRef(header.inReplyTo, finding.ref)) refuse("E3516", `act ${number} answers another act than the finding`);
    if (header.actor === finding.statement.header.actor) {
      refuse("E3516", `act ${number}: ${header.actor} answers itself`);
    }
    checkSameQuestion(number, bodies.get(number)?.values, bodies.get(finding.number).values);
    found[kind].add(header.actor);
  }
  return { recheck: [...found.recheck].sort(), dissent: [...found.dissent].sort() };
}

/** Refuse the answer to another question: with another rule a recheck says nothing. */
function checkSameQuestion(number, answer, finding) {
  for (const name of ["rule_digest", "mapping"]) {
    if (!answer?.has(name) || !finding.has(name)) continue;
    if (canonicalText(answer.get(name), true) !== canonicalText(finding.get(name), true)) {
      refuse("E3516", `act ${number} judged by another ${name} than the finding`);
    }
  }
}

/** Return what a reader must know beside the proof. */
export function flagsOf({ recheck, dissent }, isLate) {
  const flags = [recheck.length ? { name: "RECHECKED", by: recheck } : { name: "ALLEGED", by: [] }];
  if (dissent.length) flags.push({ name: "DISSENTED", by: dissent });
  if (isLate && !recheck.length && !dissent.length) flags.push({ name: "OVERDUE", by: [] });
  return flags;
}

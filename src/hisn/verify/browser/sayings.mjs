// In single sentences, what a pack proves and what it does not. The second list is never empty (verify/sayings.py).

import { hex } from "./bytes.mjs";
import { shownTime } from "./dates.mjs";
import { sidesOf } from "./quorum.mjs";
import { said } from "./said.mjs";

const ALWAYS = ["source-truth", "before-sealing", "parsed-fields", "rule-matches", "revocations"];

const names = (cosigners) => cosigners.map((each) => each.name).join(", ");

/** Return what is proven, to a reader who trusts nobody but the quorum and the algorithms. */
export function proven(shown, fork = null) {
  const list = [];
  if (shown.isPinned) list.push(said("unit-known", { unit: shown.unit }));
  if (fork) list.push(fork);
  if (shown.number === null) return list;
  const finding = shown.acts[shown.number];
  list.push(said("stated", { actor: finding.actor, index: finding.index }));
  for (const { act, count } of shown.batches) list.push(said("sealed", { actor: finding.actor, count, act }));
  if (shown.events.length) {
    const hidden = shown.events.reduce((sum, event) => sum + event.hidden.length, 0);
    list.push(said("fields-sealed", { shown: shown.events.length, hidden }));
  }
  for (const batch of shown.batches) {
    if (batch.count === BigInt(batch.shown.length)) list.push(said("whole-batch", { act: batch.act, count: batch.count }));
  }
  list.push(...witnessedSayings(shown, finding));
  for (const { kind, actor, side } of shown.acts) {
    if (kind === "recheck" || kind === "dissent") list.push(said(`${kind}ed`, { actor, side }));
  }
  return list;
}

function witnessedSayings(shown, finding) {
  const list = [];
  if (finding.witnessed.isReached) {
    const sides = sidesOf(finding.witnessed).join(", ");
    list.push(said("same-for-all", { names: names(finding.witnessed.cosigners), sides }));
  }
  for (const act of shown.acts) {
    const args = { act: act.number, kind: act.kind };
    const { beforeS } = act.witnessed;
    if (beforeS !== null) list.push(said("existed", { ...args, origin: act.actor, time: shownTime(beforeS) }));
    for (const { origin, size } of act.after) list.push(said("followed", { ...args, origin, size }));
  }
  return list;
}

/** Return what is not proven: the fixed list, and what this pack leaves open. */
export function notProven(shown, isFork = false) {
  const heads = shown ? shown.states.map(([origin, size]) => `${origin} ${size}`).join(", ") : "";
  const args = { epoch: shown ? shown.epoch : "-", heads: heads || "-" };
  const list = ALWAYS.map((code) => said(code, code === "revocations" ? args : {}));
  if (!shown) return list;
  if (!shown.isPinned) list.push(said("genesis-unknown", { genesis: hex(shown.genesis) }));
  if (isFork) list.push(said("whose-fault"));
  if (shown.number === null || isFork) return list;
  if (!shown.acts.every((act) => act.witnessed.isReached)) list.push(said("unwitnessed"));
  for (const batch of shown.batches) {
    const count = batch.count - BigInt(batch.shown.length);
    if (count > 0n) list.push(said("other-events", { count, act: batch.act }));
  }
  if (shown.others) list.push(said("other-named", { count: shown.others }));
  const context = shown.events.filter((event) => event.isContext).length;
  if (context) list.push(said("context", { count: context }));
  list.push(said("claimed-time", { time: shown.acts[shown.number].claimedTime }));
  list.push(said("not-before"));
  if (!shown.acts[shown.number].after.length) list.push(said("no-bound"));
  if (shown.tokens) list.push(said("tokens-unchecked", { count: shown.tokens }));
  return list;
}

/** Say who cosigned a state. */
export const quorumOf = ({ witnessed }) => said("quorum", { names: names(witnessed.cosigners) });

/** Say who has not cosigned a state that lacks its quorum. */
export function quorumMissing({ head, witnessed }) {
  const { cosigners, missing } = witnessed;
  if (!cosigners.length && !missing.length) return said("no-witnesses", { origin: head.origin });
  const args = { origin: head.origin, size: head.size, names: names(cosigners) || "-" };
  return said("no-quorum", { ...args, missing: missing.join(", ") });
}

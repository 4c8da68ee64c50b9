// Verify a proof pack: the numbered steps, in an order in which each may rely on those before it (verify/check.py).
//
// Duties of the caller: to get the genesis digest from somebody other than the sender of the pack, and
// to read what is not proven.

import { hex, same } from "./bytes.mjs";
import { checkAnswers, checkKinds, checkNamed, flagsOf, namedBatches } from "./claim.mjs";
import { findContradiction, findRosterFork } from "./contradiction.mjs";
import { isOverdue, shownTime, statesSeen } from "./dates.mjs";
import { Refusal, refuse } from "./errors.mjs";
import { canHash, sha256 } from "./hashing.mjs";
import { ED25519, ML_DSA_44, capabilities } from "./keys.mjs";
import { checkPlaces, checkRoots, checkSequence, judgeStates, newestSizes, openAct, policyFor } from "./logged.mjs";
import { parsePack } from "./pack.mjs";
import { readParts } from "./parts.mjs";
import { verifyRosterChain } from "./roster.mjs";
import { active, find, parseCharter } from "./rosterdoc.mjs";
import { ABSENT, FAILED, Fork, OK, PARTIAL, said } from "./said.mjs";
import { notProven, proven, quorumMissing, quorumOf } from "./sayings.mjs";
import { openBatches, openBodies, openEvent } from "./sealed.mjs";

const FIRST = ["container", "genesis", "roster", "checkpoints", "policy"];
const FINDING_STEPS = [
  ...FIRST,
  ...["witnesses", "inclusion", "acts", "sequence", "bodies", "events"],
  ...["complete", "finding", "replies", "time", "timestamps"],
];
const FORK_STEPS = [...FIRST, "fork"];
/** Steps that rest on signatures: not wholly taken where an algorithm is missing. */
const SIGNED = ["roster", "checkpoints", "witnesses", "acts", "fork"];

export const VALID = "VALID";
export const UNWITNESSED = "VALID, UNWITNESSED";
export const INVALID = "INVALID";
export const FORK_PROVEN = "FORK PROVEN";
/** Results that only this verifier has: what the machine it runs on could not check, it does not call valid. */
export const ED25519_ONLY = "ED25519 ONLY";
export const ML_DSA_44_ONLY = "ML-DSA-44 ONLY";
export const NOT_CHECKED = "NOT CHECKED";

/** Return the report on the bytes of a file; `genesis` is the digest of the unit's charter, or null. */
export async function verifyPack(bytes, genesis = null) {
  if (!canHash()) return { ...report([], FINDING_STEPS, { result: NOT_CHECKED }), unchecked: [ED25519, ML_DSA_44] };
  const found = [];
  let codes = FINDING_STEPS;
  try {
    const files = await parsePack(bytes);
    const { founding, parts, isFork } = await readParts(files);
    found.push([OK, said("files", { count: files.size, bytes: bytes.length })]);
    if (isFork) codes = FORK_STEPS;
    return limited(report(found, codes, await course(found, founding, parts, isFork, genesis)), await capabilities());
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const { code, message } = error;
    found.push([FAILED, said("failure", { code, message })]);
    return limited(report(found, codes, { result: INVALID }), await capabilities());
  }
}

function report(found, codes, { result, shown = null, flags = [], fork = null }) {
  const steps = codes.map((code, at) => {
    const [status, detail] = found[at] ?? [ABSENT, said("not-reached")];
    return { number: at + 1, code, status, detail };
  });
  return {
    result,
    steps,
    proven: shown ? proven(shown, fork) : [],
    notProven: notProven(shown, fork !== null),
    flags,
    shown,
    unchecked: [],
  };
}

/** Take back what was said of signatures that this machine cannot verify. */
function limited(whole, able) {
  const unchecked = [ED25519, ML_DSA_44].filter((algorithm) => !able[algorithm]);
  if (!unchecked.length || whole.result === INVALID) return { ...whole, unchecked };
  const lesser = { [ED25519]: ML_DSA_44_ONLY, [ML_DSA_44]: ED25519_ONLY };
  const steps = whole.steps.map((step) =>
    step.status === OK && SIGNED.includes(step.code) ? { ...step, status: PARTIAL } : step,
  );
  const open = unchecked.map((algorithm) => said("algorithm-unchecked", { algorithm }));
  return {
    ...whole,
    steps,
    result: unchecked.length === 1 ? lesser[unchecked[0]] : NOT_CHECKED,
    proven: unchecked.length === 1 ? whole.proven : [],
    notProven: [...whole.notProven, ...open],
    unchecked,
  };
}

/** Take all steps after the first; each pushes what it found, and refuses where it fails. */
async function course(found, founding, parts, isFork, genesis) {
  const { shown, chain } = await founded(found, founding, genesis);
  try {
    if (isFork) return await forked(found, shown, chain, parts, founding);
    return await finding(found, shown, chain, parts, founding.policy);
  } catch (error) {
    if (!(error instanceof Fork)) throw error;
    // The step failed, and what its maker signed proves more than that.
    found.push([FAILED, error.detail]);
    return { result: FORK_PROVEN, shown, fork: error.proven };
  }
}

/** Take steps 2 and 3: the charter is the caller's, and the roster grew from it. */
async function founded(found, founding, genesis) {
  const charter = parseCharter(founding.genesis);
  const digest = await sha256(founding.genesis);
  const args = { genesis: hex(digest) };
  if (genesis === null) found.push([ABSENT, said("not-pinned", args)]);
  else if (!same(genesis, digest)) refuse("E3502", `the pack is of another unit: its genesis is ${hex(digest)}`);
  else found.push([OK, said("pinned", args)]);
  const chain = await verifyRosterChain(founding.genesis, founding.rosters);
  const { epoch } = chain.at(-1);
  found.push([OK, said("epochs", { unit: charter.name, epoch, members: active(chain.at(-1)).length })]);
  const shown = {
    unit: charter.name,
    genesis: digest,
    isPinned: genesis !== null,
    epoch,
    states: [],
    number: null,
    acts: [],
    finding: new Map(),
    hidden: [],
    batches: [],
    events: [],
    others: 0,
    tokens: 0,
  };
  return { shown, chain };
}

/** Take steps 4 and 5: the logs signed these states, and the policy in the pack is that of the first. */
async function signedStates(found, chain, states, first, policy) {
  const logs = new Set(states.map((state) => state.head.origin)).size;
  found.push([OK, said("signed-states", { count: states.length, logs })]);
  if (!same(policy, await policyFor(chain, first))) {
    refuse("E3503", "the policy in the pack is not the one that follows from the roster");
  }
  found.push([OK, said("policy-of", { origin: first.head.origin, epoch: first.witnessed.epoch })]);
}

async function finding(found, shown, chain, parts, policy) {
  const number = parts.finding;
  const checkpoints = [parts.acts[number].raw, ...parts.acts.map((act) => act.raw), ...parts.heads];
  const byBytes = await judgeStates(chain, checkpoints);
  const states = [...byBytes.values()];
  const stateOf = (raw) => byBytes.get(hex(raw));
  checkRoots(states);
  await signedStates(found, chain, states, stateOf(checkpoints[0]), policy);
  const { acts, isWitnessed } = await logged(found, chain, parts, states, stateOf);
  const { bodies, batches, events: shownEvents } = await opened(found, acts, parts);
  const { events, others, answers } = claimed(found, acts, number, bodies, batches, shownEvents);
  const after = statesSeen(acts, states, parts.heads.map(stateOf));
  const { beforeS } = acts[number].state.witnessed;
  found.push(beforeS === null ? [ABSENT, said("undated")] : [OK, said("dated", { time: shownTime(beforeS) })]);
  const tokens = parts.timestamps.size;
  found.push([ABSENT, tokens ? said("tokens", { count: tokens }) : said("no-tokens")]);
  const body = bodies.get(number);
  const whole = {
    ...shown,
    states: newestSizes(states),
    number,
    acts: acts.map((act) => shownAct(chain, act, after[act.number])),
    finding: body.values,
    hidden: body.hidden,
    batches,
    events,
    others,
    tokens,
  };
  const flags = flagsOf(answers, isOverdue(acts[number].statement.header.deadline, states));
  return { result: isWitnessed ? VALID : UNWITNESSED, shown: whole, flags };
}

/** Take steps 6 to 9: witnesses, places, signatures, order. */
async function logged(found, chain, parts, states, stateOf) {
  const placed = parts.acts.map((entry) => [entry, stateOf(entry.raw)]);
  const [, main] = placed[parts.finding];
  const unseen = placed.map(([, state]) => state).find((state) => !state.witnessed.isReached);
  found.push(unseen ? [ABSENT, quorumMissing(unseen)] : [OK, quorumOf(main)]);
  await checkPlaces(placed);
  found.push([OK, said("included", { count: placed.length })]);
  const acts = [];
  for (const [number, [entry, state]] of placed.entries()) acts.push(await openAct(chain, number, entry, state));
  checkKinds(acts, parts.finding);
  const actors = [...new Set(acts.map((act) => act.statement.header.actor))].sort().join(", ");
  found.push([OK, said("signed-acts", { count: acts.length, actors })]);
  const links = checkSequence(acts, states);
  found.push([OK, said("in-sequence", { count: acts.length, links })]);
  return { acts, isWitnessed: !unseen };
}

/** Take steps 10 to 12: sealed texts, events of the batches, and whether all of them are there. */
async function opened(found, acts, parts) {
  const total = (numbers) => numbers.reduce((sum, number) => sum + number, 0);
  const bodies = await openBodies(acts, parts.bodies);
  const texts = [...bodies.values()];
  const bodyArgs = {
    count: texts.length,
    fields: total(texts.map((body) => body.values.size)),
    hidden: total(texts.map((body) => body.hidden.length)),
  };
  found.push(texts.length ? [OK, said("opened", bodyArgs)] : [ABSENT, said("no-bodies")]);
  const batches = openBatches(acts, bodies, parts.events);
  const counts = new Map(batches.map((batch) => [batch.act, batch.count]));
  const events = [];
  for (const event of parts.events) {
    const act = Number(event.act);
    events.push(await openEvent(event, acts[act], counts.get(act)));
  }
  const eventArgs = {
    count: events.length,
    fields: total(events.map((event) => event.fields.size)),
    hidden: total(events.map((event) => event.hidden.length)),
  };
  found.push(events.length ? [OK, said("events-shown", eventArgs)] : [ABSENT, said("no-events")]);
  const count = batches.reduce((sum, batch) => sum + batch.count, 0n);
  const args = { count, batches: batches.length };
  if (!batches.length) found.push([ABSENT, said("no-batches")]);
  else if (count === BigInt(events.length)) found.push([OK, said("all-shown", args)]);
  else found.push([ABSENT, said("not-all-shown", { ...args, shown: events.length })]);
  return { bodies, batches, events };
}

/** Take steps 13 and 14: which events the finding is about and which are context, and the answers. */
function claimed(found, acts, number, bodies, batches, shownEvents) {
  const named = namedBatches(bodies.get(number));
  const byAct = checkNamed(acts[number], named, acts, batches);
  const events = shownEvents.map((event) => ({ ...event, isContext: !byAct.get(event.act).has(event.index) }));
  const count = named.reduce((sum, batch) => sum + batch.events.size, 0);
  const context = events.filter((event) => event.isContext).length;
  const shown = events.length - context;
  found.push([OK, said("names-events", { named: count, batches: named.length, shown, context })]);
  const answers = checkAnswers(acts[number], acts, bodies);
  const [rechecked, dissented] = [answers.recheck.join(", ") || "-", answers.dissent.join(", ") || "-"];
  const isAnswered = answers.recheck.length || answers.dissent.length;
  found.push(isAnswered ? [OK, said("answered", { rechecked, dissented })] : [ABSENT, said("unanswered")]);
  return { events, others: count - shown, answers };
}

function shownAct(chain, { number, statement, state, ref }, after) {
  const { actor, claimed_time: claimedTime } = statement.header;
  return {
    number,
    kind: statement.kind,
    actor,
    side: find(chain.at(-1), actor)?.side ?? "",
    index: ref.index,
    leafHash: ref.leafHash,
    claimedTime,
    size: state.head.size,
    witnessed: state.witnessed,
    after,
  };
}

/** Take steps 4 to 6 of a pack about a fork; one about the roster rests on no log, and its policy is empty. */
async function forked(found, shown, chain, parts, { genesis, policy }) {
  if (parts.epochs) {
    found.push([ABSENT, said("no-log")]);
    if (policy.length) refuse("E3503", "a fork of the roster is of no log, and has no policy");
    found.push([ABSENT, said("no-log")]);
    const fork = await findRosterFork(parseCharter(genesis), chain, parts);
    found.push([OK, fork.detail]);
    return { result: FORK_PROVEN, shown, fork: fork.proven };
  }
  const checkpoints = [parts.first.raw, parts.second.raw];
  const byBytes = await judgeStates(chain, checkpoints);
  const states = [...byBytes.values()];
  const sides = checkpoints.map((raw) => byBytes.get(hex(raw)));
  await signedStates(found, chain, states, sides[0], policy);
  const fork = await findContradiction(chain, parts, sides);
  found.push([OK, fork.detail]);
  return { result: FORK_PROVEN, shown: { ...shown, states: newestSizes(states) }, fork: fork.proven };
}

// Who must have cosigned a log, and how well a head of it is witnessed (unit/quorum.py).

import { cosignerVkeys, logVkeys, verifyCheckpoint } from "./checkpoint.mjs";
import { Refusal } from "./errors.mjs";
import { satisfiedBy } from "./policy.mjs";
import { keyInForce } from "./roster.mjs";
import { NOW, active, keysAt, openKey, safeQuorum, witnessed } from "./rosterdoc.mjs";

const QUORUM = "QUORUM";

const last = (size) => (size > 1n ? size : 1n) - 1n;

/** Return who counts as a witness of a member's log: never the member itself. */
export function witnessesOf(roster, origin) {
  const inside = active(roster)
    .filter((member) => member.id !== origin)
    .map((member) => ({ name: member.id, side: member.side, url: member.url, public: openKey(member, "witness") }))
    .filter((witness) => witness.public !== null);
  return [...inside, ...roster.witnesses];
}

/** Return what a head of a member's log must fulfil: log keys, witnesses, quorum; or refuse. */
export async function publishingPolicy(roster, origin, size = null) {
  const keys = keysAt(roster, origin, "log", size === null ? NOW : last(size));
  const logs = (await logVkeys(origin, keys)).map((vkey) => ({ vkey, url: "" }));
  const policy = { logs, witnesses: [], groups: [], quorum: "none" };
  for (const each of witnessesOf(roster, origin)) {
    const [ed25519, mldsa] = await cosignerVkeys(each.name, each.public);
    const names = [`${each.name}.ed`, `${each.name}.pq`];
    policy.witnesses.push({ name: names[0], vkey: ed25519, url: each.url });
    policy.witnesses.push({ name: names[1], vkey: mldsa, url: each.url });
    policy.groups.push({ name: each.name, k: 2n, members: names });
  }
  if (policy.groups.length) {
    const members = policy.groups.map((group) => group.name);
    policy.groups.push({ name: QUORUM, k: BigInt(safeQuorum(members.length)), members });
    policy.quorum = QUORUM;
  }
  return policy;
}

/** Return how well a head is witnessed, by the newest epoch whose quorum it has; or refuse. */
export async function judgeHead(chain, signed) {
  for (let epoch = chain.length - 1; epoch >= 0; epoch--) {
    try {
      const found = await judge(chain, epoch, signed);
      if (found.isReached) return found;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
    }
  }
  return judge(chain, chain.length - 1, signed);
}

async function judge(chain, epoch, signed) {
  const roster = chain[epoch];
  const { origin, size } = signed.checkpoint;
  const keys = keyInForce(chain, epoch, origin, "log", last(size));
  await verifyCheckpoint(signed, origin, keys);
  const result = await satisfiedBy(await publishingPolicy(roster, origin, size), signed);
  const times = new Map(result.cosigned.map(({ name, timestamp }) => [name, timestamp]));
  const witnesses = witnessesOf(roster, origin);
  const cosigners = [];
  for (const { name, side } of witnesses) {
    const [ed25519, mldsa] = [times.get(`${name}.ed`), times.get(`${name}.pq`)];
    if (ed25519 !== undefined && mldsa !== undefined) {
      cosigners.push({ name, side, timeS: ed25519 > mldsa ? ed25519 : mldsa });
    }
  }
  const names = new Set(cosigners.map((each) => each.name));
  const missing = witnesses.map((each) => each.name).filter((name) => !names.has(name));
  const liars = witnesses.length - safeQuorum(witnesses.length);
  // Beyond the state that a later epoch names, old keys may be stolen; unless more than f members
  // who signed that epoch have cosigned this head, too (`judge_head` says why).
  const stands = chain.slice(epoch + 1).every((later) => {
    const both = [...later.signers].filter((name) => names.has(name)).length;
    return size <= witnessed(later, origin) || both > liars;
  });
  // Without any witness a policy is fulfilled, too; but then nobody has seen anything.
  const isReached = witnesses.length > 0 && result.reached && stands;
  return { epoch, isReached, cosigners, missing, beforeS: isReached ? beforeS(cosigners, missing) : null };
}

/** Return the (f+1)-th smallest time: of so many at least one is honest, whoever lied. */
function beforeS(cosigners, missing) {
  const count = cosigners.length + missing.length;
  const times = cosigners.map((each) => each.timeS).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  return times[count - safeQuorum(count)];
}

/** Return the sides that cosigned: the strength of a quorum, printed and never required. */
export const sidesOf = ({ cosigners }) => [...new Set(cosigners.map((each) => each.side))].sort();

/** Return the keys that must have signed the act at an entry of a log under a judged head; or refuse. */
export const actKeys = (chain, { epoch }, origin, entry) => keyInForce(chain, epoch, origin, "act", entry);

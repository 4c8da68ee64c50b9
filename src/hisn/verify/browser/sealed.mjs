// What is shown of sealed texts and sealed records, against what the acts commit to (verify/sealed.py).

import { fromHex, hex } from "./bytes.mjs";
import { checkRecord, openLeaf, wholeLeaf } from "./disclosure.mjs";
import { refuse } from "./errors.mjs";
import { leafHash, verifyInclusion } from "./merkle.mjs";
import { parseBody } from "./pack.mjs";
import { EMPTY_DIGEST, checkBody } from "./statement.mjs";

/** Return the sealed bodies by number of act; or refuse another act's body. */
export async function openBodies(acts, bodies) {
  const opened = new Map();
  for (const [number, bytes] of bodies) {
    const { statement } = acts[number];
    if (statement.body?.name !== "sealed") {
      refuse("E3510", `act ${number} has no sealed text, and the pack shows one`);
    }
    const body = await openLeaf(parseBody(bytes));
    await checkBody(statement, body.leaf);
    opened.set(number, body);
  }
  return opened;
}

/** Return the batches of a pack with their sizes, and which of their events are shown; or refuse. */
export function openBatches(acts, bodies, events) {
  const byAct = new Map();
  for (const { act, index } of events) {
    if (!byAct.has(act)) byAct.set(act, []);
    byAct.get(act).push(index);
  }
  const batches = [];
  for (const act of acts.filter(({ statement }) => statement.kind === "batch")) {
    const fields = bodies.get(act.number)?.values ?? new Map();
    const shown = byAct.get(BigInt(act.number)) ?? [];
    byAct.delete(BigInt(act.number));
    if (new Set(shown).size !== shown.length) refuse("E3512", `an event of batch ${act.number} is shown twice`);
    batches.push({ act: act.number, count: countOf(act, fields), shown, fields });
  }
  for (const act of byAct.keys()) refuse("E3512", `act ${act} is no batch, and events of it are shown`);
  return batches;
}

/** Return how many events the author says the batch has: in public, under seal, or both alike. */
function countOf({ number, statement }, fields) {
  const { public: stated } = statement;
  for (const name of ["count", "first", "last"]) {
    if (stated[name] !== null && fields.has(name) && fields.get(name) !== stated[name]) {
      refuse("E3511", `batch act ${number} says two things about its ${name}`);
    }
  }
  const count = fields.has("count") ? fields.get("count") : stated.count;
  if (typeof count !== "bigint" || count < 0n) {
    refuse("E3511", `the number of events of batch act ${number} is not shown`);
  }
  if ((count === 0n) !== (stated.root === hex(EMPTY_DIGEST))) {
    refuse("E3511", `batch act ${number} says that it is empty, or not, and is not`);
  }
  return count;
}

/** Return what is shown of an event that is proven to stand in its batch; or refuse. */
export async function openEvent(event, { statement }, count) {
  const { mode, root } = statement.public;
  const { act, index, shown, record, rawSalt } = event;
  let [leaf, opened] = [null, { values: new Map(), hidden: [] }];
  if (mode === "whole") {
    if (shown || record === null) refuse("E3512", `batch ${act} seals whole records; event ${index} is none`);
    leaf = await wholeLeaf(rawSalt, record);
  } else {
    if (!shown) refuse("E3512", `batch ${act} seals fields; event ${index} shows none`);
    opened = await openLeaf(shown);
    leaf = opened.leaf;
    if (record !== null) await checkRecord(opened, rawSalt, record);
  }
  await verifyInclusion(await leafHash(leaf), index, count, event.path, fromHex(root));
  return { act: Number(act), index, fields: opened.values, hidden: opened.hidden, record };
}

// The files of a pack, sorted into typed parts. They are in their form, and nothing more is known of them.

import { refuse } from "./errors.mjs";
import { leafHash } from "./merkle.mjs";
import { parseEvent, parseLabel } from "./pack.mjs";
import { parseTlogProof } from "./proof.mjs";

const numbered = (folder, number, ending) => `${folder}/${String(number).padStart(4, "0")}.${ending}`;

function take(left, name) {
  const content = left.get(name) ?? refuse("E3501", `the pack lacks the file ${name}`);
  left.delete(name);
  return content;
}

/** Take the files numbered from 0 on; one behind a gap stays and is refused as without a place. */
function run(left, folder, ending) {
  const found = [];
  while (left.has(numbered(folder, found.length, ending))) {
    found.push(take(left, numbered(folder, found.length, ending)));
  }
  return found;
}

async function entry(leaf, bytes, hashed = null) {
  const proof = parseTlogProof(bytes);
  // Nobody signs extra data, and nothing here needs it.
  if (proof.extra.length) refuse("E3501", "a proof carries extra data");
  return { leaf, leafHash: hashed ?? (await leafHash(leaf)), proof, raw: proof.signed.raw };
}

async function findingParts(left, finding) {
  const leaves = run(left, "acts", "leaf");
  if (finding >= leaves.length) refuse("E3501", `the pack lacks the act ${finding} that it is about`);
  const acts = [];
  for (const [number, leaf] of leaves.entries()) {
    acts.push(await entry(leaf, take(left, numbered("acts", number, "tlog-proof"))));
  }
  const byAct = (folder, ending) => {
    const found = acts.map((_, number) => number).filter((number) => left.has(numbered(folder, number, ending)));
    return new Map(found.map((number) => [number, take(left, numbered(folder, number, ending))]));
  };
  const bodies = byAct("bodies", "json");
  const timestamps = byAct("timestamps", "tsr");
  const events = run(left, "events", "json").map(parseEvent);
  return { finding, acts, bodies, timestamps, events, heads: run(left, "heads", "checkpoint") };
}

async function forkParts(left) {
  if (left.has("fork/a.checkpoint")) {
    return { first: { raw: take(left, "fork/a.checkpoint") }, second: { raw: take(left, "fork/b.checkpoint") } };
  }
  if (left.has("fork/a.dsse")) return { epochs: [take(left, "fork/a.dsse"), take(left, "fork/b.dsse")] };
  const side = (stem) => {
    // The hash of an entry that was withheld, or is not for strangers.
    const hashed = left.has(`${stem}.leaf-hash`) ? take(left, `${stem}.leaf-hash`) : null;
    const leaf = hashed === null ? take(left, `${stem}.leaf`) : new Uint8Array(0);
    return entry(leaf, take(left, `${stem}.tlog-proof`), hashed);
  };
  return { first: await side("fork/a"), second: await side("fork/b") };
}

/** Return what a pack's trust rests on, and its parts: about a finding, or (with `fork`) about a fork. */
export async function readParts(files) {
  const left = new Map(files);
  const [label, genesis, policy] = ["pack.json", "charter/genesis.json", "policy"].map((name) => take(left, name));
  take(left, "VERIFY.md");
  const rosters = run(left, "roster", "dsse");
  const finding = parseLabel(label);
  const parts = finding === null ? await forkParts(left) : await findingParts(left, finding);
  if (left.size) refuse("E3501", `the pack has a file without a place in it: ${[...left.keys()].sort()[0]}`);
  return { founding: { genesis, rosters, policy }, parts, isFork: finding === null };
}

// Our published vectors of the log, as the second verifier finds them. Run by tests/vectors/test_javascript.py.

import "./webcrypto.mjs";

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { fromHex, hex, utf8 } from "../../src/hisn/verify/browser/bytes.mjs";
import {
  parseCheckpoint,
  parseSignedCheckpoint,
  splitStamp,
  verifyCheckpoint,
  verifyLine,
  verifyLogSignature,
} from "../../src/hisn/verify/browser/checkpoint.mjs";
import { Refusal } from "../../src/hisn/verify/browser/errors.mjs";
import { leafHash, nodeHash, verifyConsistency, verifyInclusion } from "../../src/hisn/verify/browser/merkle.mjs";
import { parseNote, parseVkey, publicOf, signed } from "../../src/hisn/verify/browser/note.mjs";
import { parsePolicy, satisfiedBy } from "../../src/hisn/verify/browser/policy.mjs";
import { parseTlogProof } from "../../src/hisn/verify/browser/proof.mjs";

const load = (name) => JSON.parse(readFileSync(new URL(`../../vectors/${name}`, import.meta.url), "utf8"));
const content = (found, name) => (name in found ? utf8(found[name]) : fromHex(found[`${name}_hex`]));

/** Say whether a check refuses; whatever else it throws is a bug. */
async function outcome(check) {
  try {
    await check();
    return "valid";
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return "refused";
  }
}

/** Return the two keys of one owner as the verifier takes them. */
async function pairOf(texts) {
  const [ed25519, mldsa] = await Promise.all(texts.map(parseVkey));
  return { name: ed25519.name, vkeys: [ed25519, mldsa], pair: { ed25519: publicOf(ed25519), mldsa: publicOf(mldsa) } };
}

test("hashes of leaves and nodes", async () => {
  const { leaves, nodes } = load("merkle/trees.json");
  for (const leaf of leaves) assert.equal(hex(await leafHash(fromHex(leaf.entry))), leaf.hash);
  for (const node of nodes) assert.equal(hex(await nodeHash(fromHex(node.left), fromHex(node.right))), node.hash);
});

test("inclusion proofs", async () => {
  for (const each of load("merkle/inclusion.json").cases) {
    const [leaf, root, proof] = [fromHex(each.leaf), fromHex(each.root), each.proof.map(fromHex)];
    const check = () => verifyInclusion(leaf, BigInt(each.index), BigInt(each.size), proof, root);
    assert.equal(await outcome(check), each.result, each.comment);
  }
});

test("consistency proofs", async () => {
  for (const each of load("merkle/consistency.json").cases) {
    const [before, root, proof] = [fromHex(each.old_root), fromHex(each.root), each.proof.map(fromHex)];
    const check = () => verifyConsistency(BigInt(each.old), before, BigInt(each.new), root, proof);
    assert.equal(await outcome(check), each.result, each.comment);
  }
});

test("checkpoints of a log with two keys", async () => {
  const { keys, cases } = load("tlog/checkpoints.json");
  const { name, vkeys, pair } = await pairOf(keys);
  for (const each of cases) {
    const data = content(each, "checkpoint");
    const both = await outcome(async () => verifyCheckpoint(parseSignedCheckpoint(data), name, pair));
    const one = await outcome(async () => verifyLogSignature(parseSignedCheckpoint(data), vkeys));
    const found = both === "valid" ? "both" : one === "valid" ? "one" : "refused";
    assert.equal(found, each.result, each.comment);
  }
});

test("cosignatures", async () => {
  const { keys, cases, messages } = load("tlog/cosignatures.json");
  const { vkeys } = await pairOf(keys);
  assert.equal(messages.length, 2);
  for (const each of cases) {
    const [text, vkey] = [content(each, "text"), vkeys[each.key]];
    const check = async () => {
      const [line] = parseNote(Uint8Array.from([...utf8("text\n\n"), ...content(each, "line")])).signatures;
      parseCheckpoint(text);
      if (!signed(vkey, line)) throw new Refusal("E3213", "of another key");
      await verifyLine(vkey, text, line.signature);
      assert.equal(splitStamp(line.signature, publicOf(vkey).algorithm)[0].toString(), String(each.time));
    };
    assert.equal(await outcome(check), each.result, each.comment);
  }
});

test("proofs of logging", async () => {
  const vectors = load("tlog/proofs.json");
  const { name, pair } = await pairOf(vectors.keys);
  const policy = await parsePolicy(content(vectors, "policy"));
  for (const each of vectors.cases) {
    let found = "refused";
    const check = async () => {
      const { index, hashes, signed: head } = parseTlogProof(content(each, "proof"));
      const { size, root } = await verifyCheckpoint(head, name, pair);
      await verifyInclusion(await leafHash(content(each, "entry")), index, size, hashes, root);
      found = (await satisfiedBy(policy, head)).reached ? "valid" : "unwitnessed";
    };
    if ((await outcome(check)) === "refused") found = "refused";
    assert.equal(found, each.result, each.comment);
  }
});

// Our published proof packs, good and bad, as the second verifier finds them. Run by tests/vectors/test_javascript.py.

import "./webcrypto.mjs";

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

import { fromHex, octets } from "../../src/hisn/verify/browser/bytes.mjs";
import { verifyPack } from "../../src/hisn/verify/browser/check.mjs";
import { judgeStates } from "../../src/hisn/verify/browser/logged.mjs";
import { parsePack } from "../../src/hisn/verify/browser/pack.mjs";
import { readParts } from "../../src/hisn/verify/browser/parts.mjs";
import { verifyRosterChain } from "../../src/hisn/verify/browser/roster.mjs";

const FOLDER = new URL("../../vectors/evpack/", import.meta.url);
const EXIT_CODES = { VALID: 0, "VALID, UNWITNESSED": 5 };
const NAMES = readdirSync(FOLDER).filter((name) => name.endsWith(".evpack"));

const seconds = (time) => (time === null ? null : Number(time));

const actSummary = ({ kind, actor, index, after, witnessed }) => ({
  kind,
  origin: actor,
  index: Number(index),
  after: after.map(({ origin, size, beforeS }) => [origin, Number(size), seconds(beforeS)]),
  before: seconds(witnessed.beforeS),
  cosigners: witnessed.cosigners.map((each) => each.name),
  missing: witnessed.missing,
});

/** Put a report into the form of the expected one. */
function summary({ result, steps, proven, notProven, flags, shown }) {
  const failed = steps.find((step) => step.status === "failed");
  return {
    result,
    exit: EXIT_CODES[result] ?? 4,
    failed: failed?.code ?? null,
    code: failed ? (failed.detail.args.code ?? failed.detail.code) : null,
    steps: steps.map((step) => `${step.code} ${step.status}`),
    proven: proven.map((said) => said.code),
    not_proven: notProven.map((said) => said.code),
    flags: Object.fromEntries(flags.map((flag) => [flag.name, flag.by])),
    acts: (shown?.acts ?? []).map(actSummary),
    context: (shown?.events ?? []).filter((each) => each.isContext).map(({ act, index }) => [act, Number(index)]),
  };
}

for (const name of NAMES) {
  test(name, async () => {
    const expected = JSON.parse(readFileSync(new URL(`expected/${name.replace(".evpack", ".json")}`, FOLDER), "utf8"));
    const data = Uint8Array.from(readFileSync(new URL(name, FOLDER)));
    const genesis = expected.genesis === null ? null : fromHex(expected.genesis);
    const found = summary(await verifyPack(data, genesis));
    // A file that is no pack at all has no report in Python.
    const wanted = Object.keys(expected).filter((key) => key in found);
    const picked = Object.fromEntries(wanted.map((key) => [key, found[key]]));
    assert.deepEqual(picked, Object.fromEntries(wanted.map((key) => [key, expected[key]])), expected.why);
  });
}

test("there are packs to try", () => assert.ok(NAMES.length > 50));

/** Return a state that no quorum has cosigned, in as many bytes as there are repetitions of its last line. */
async function stateOf(name, repeated) {
  const files = await parsePack(Uint8Array.from(readFileSync(new URL(name, FOLDER))));
  const { founding, parts } = await readParts(files);
  const [first] = await verifyRosterChain(founding.genesis, founding.rosters);
  const text = octets(parts.acts[parts.finding].raw);
  const line = text.slice(text.lastIndexOf("\n", text.length - 2) + 1);
  return { first, raws: Array.from({ length: repeated }, (_, more) => bytesOf(text + line.repeat(more))) };
}

const bytesOf = (text) => Uint8Array.from(text, (char) => char.charCodeAt(0));

test("no number of epochs makes a signature be verified twice", async () => {
  const { first, raws } = await stateOf("good-unwitnessed.evpack", 20);
  const chain = Array.from({ length: 400 }, (_, epoch) => ({ ...first, epoch }));
  const { verify } = crypto.subtle;
  let count = 0;
  crypto.subtle.verify = (...given) => ((count += 1), verify.apply(crypto.subtle, given));
  try {
    await judgeStates(chain, raws.slice(0, 1));
    // The log and two of its four witnesses signed with Ed25519.
    assert.equal(count, 3);
    await assert.rejects(judgeStates(chain, raws), (error) => error.code === "E3518");
  } finally {
    delete crypto.subtle.verify;
  }
});

// Answer questions about hostile bytes, so that tests/vectors/test_javascript.py can compare with Python.
// node answer.mjs QUESTIONS.json: a list of [what, base64]; writes the list of answers to standard output.

import "./webcrypto.mjs";

import { readFileSync } from "node:fs";

import { fromHex, hex, octets, parseB64, parseB64url, parseDecimal, parseHex32, textOf } from "../../src/hisn/verify/browser/bytes.mjs";
import { verifyPack } from "../../src/hisn/verify/browser/check.mjs";
import { parseCheckpoint } from "../../src/hisn/verify/browser/checkpoint.mjs";
import { openLeaf, parseDisclosure } from "../../src/hisn/verify/browser/disclosure.mjs";
import { shown } from "../../src/hisn/verify/browser/display.mjs";
import { parseEnvelope } from "../../src/hisn/verify/browser/envelope.mjs";
import { Refusal } from "../../src/hisn/verify/browser/errors.mjs";
import { isId, isTime } from "../../src/hisn/verify/browser/kinds.mjs";
import * as LIMITS_HELD from "../../src/hisn/verify/browser/limits.mjs";
import { SHARED } from "../../src/hisn/verify/browser/messages.mjs";
import { parseNote, parseVkey } from "../../src/hisn/verify/browser/note.mjs";
import { parseBody, parseEvent, parseLabel, parsePack } from "../../src/hisn/verify/browser/pack.mjs";
import { parsePolicy } from "../../src/hisn/verify/browser/policy.mjs";
import { parseTlogProof } from "../../src/hisn/verify/browser/proof.mjs";
import { verifyRosterChain } from "../../src/hisn/verify/browser/roster.mjs";
import { parseCharter, parseRoster } from "../../src/hisn/verify/browser/rosterdoc.mjs";
import { parseStatement } from "../../src/hisn/verify/browser/statement.mjs";
import { canonicalText, parseCanonical, parseJson } from "../../src/hisn/verify/browser/strictjson.mjs";

const LIMITS = { maxBytes: 4096, maxDepth: 6 };

const sentence = ({ code, args }) => {
  // What is wrong is said in other words here and there.
  const pairs = Object.entries(args).filter(([name]) => name !== "message");
  return [code, ...pairs.map(([name, value]) => `${name}=${value}`).sort()].join(" ");
};

/** Put a whole report into lists of texts. */
function plain({ result, steps, proven, notProven, flags, shown: whole }) {
  const fields = (values) => canonicalText([...values].map(([name, value]) => [name, value]), true);
  return {
    result,
    steps: steps.map((step) => `${step.number} ${step.code} ${step.status} ${sentence(step.detail)}`),
    proven: proven.map(sentence),
    not_proven: notProven.map(sentence),
    flags: flags.map((flag) => [flag.name, ...flag.by].join(" ")),
    acts: (whole?.acts ?? []).map((act) =>
      [
        ...[act.number, act.kind, act.actor, act.side, act.index, hex(act.leafHash), act.claimedTime, act.size],
        ...[act.witnessed.epoch, act.witnessed.isReached, act.witnessed.beforeS ?? "-"],
        ...act.witnessed.cosigners.map(({ name, side, timeS }) => `${name}/${side}/${timeS}`),
        ...["missing", ...act.witnessed.missing, "after"],
        ...act.after.map(({ origin, size, beforeS }) => `${origin}/${size}/${beforeS ?? "-"}`),
      ].join(" "),
    ),
    finding: whole ? fields(whole.finding) : "",
    events: (whole?.events ?? []).map((event) =>
      [
        ...[event.act, event.index, event.isContext ? "context" : "named", fields(event.fields)],
        ...[event.hidden.join(), event.record ? hex(event.record) : "-"],
      ].join(" "),
    ),
  };
}

/** Each answers with a text in which the whole reading shows. */
const ANSWERS = {
  json: (data) => canonicalText(parseJson(data, LIMITS), true),
  canonical: (data) => canonicalText(parseCanonical(data, { ...LIMITS, wide: false })),
  b64: (data) => hex(parseB64(octets(data))),
  b64url: (data) => hex(parseB64url(octets(data))),
  decimal: (data) => parseDecimal(octets(data)).toString(),
  hex32: (data) => hex(parseHex32(octets(data))),
  shown: (data) => shown(new TextDecoder("utf-8", { ignoreBOM: true }).decode(data), 20),
  id: (data) => String(isId(octets(data))),
  time: (data) => String(isTime(octets(data))),
  note: (data) => {
    const { text, signatures } = parseNote(data);
    return [hex(text), ...signatures.map((each) => `${each.name} ${each.keyId} ${hex(each.signature)}`)].join("|");
  },
  vkey: async (data) => {
    const { name, keyId, sigType, material } = await parseVkey(textOf(data) ?? "");
    return [name, keyId, sigType, hex(material)].join("|");
  },
  checkpoint: (data) => {
    const { origin, size, root, extensions } = parseCheckpoint(data);
    return [origin, size, hex(root), ...extensions].join("|");
  },
  policy: async (data) => {
    const { logs, witnesses, groups, quorum } = await parsePolicy(data);
    const lines = groups.map((group) => [group.name, group.k, ...group.members].join(" "));
    return [...logs.map((log) => log.vkey.keyId), ...witnesses.map((each) => each.name), ...lines, quorum].join("|");
  },
  proof: (data) => {
    const { index, hashes, signed } = parseTlogProof(data);
    return [index, ...hashes.map(hex), signed.checkpoint.origin].join("|");
  },
  disclosure: (data) => {
    const [name, value] = parseDisclosure(octets(data));
    return canonicalText([name, value], true);
  },
  body: async (data) => {
    const { leaf, names, values, hidden } = await openLeaf(parseBody(data));
    return [hex(leaf), canonicalText([names, values, hidden], true)].join("|");
  },
  label: (data) => String(parseLabel(data)),
  event: (data) => {
    const { act, index, path, shown: map, record } = parseEvent(data);
    return [act, index, path.length, map !== null, record === null ? "-" : hex(record)].join("|");
  },
  pack: async (data) => [...(await parsePack(data)).keys()].join("|"),
  envelope: (data) => {
    const { payload, signatures } = parseEnvelope(data);
    return [hex(payload), ...signatures.map(({ keyId, raw }) => `${keyId} ${hex(raw)}`)].join("|");
  },
  statement: (data) => {
    const { kind, header, body } = parseStatement(data);
    return [kind, header.actor, header.seq, body ? hex(body.sha256) : "-"].join("|");
  },
  report: async (data, genesis) => JSON.stringify(plain(await verifyPack(data, genesis ? fromHex(genesis) : null))),
  limits: () => JSON.stringify({ ...LIMITS_HELD }),
  chain: async (data) => {
    const { charter, envelopes } = JSON.parse(textOf(data));
    const bytes = (text) => Uint8Array.from(Buffer.from(text, "base64"));
    const chain = await verifyRosterChain(bytes(charter), envelopes.map(bytes));
    return chain.map(({ epoch, signers }) => [epoch, ...[...signers].sort()].join(" ")).join("|");
  },
  messages: () => JSON.stringify(SHARED),
  charter: (data) => parseCharter(data).name,
  roster: (data) => {
    const { epoch, members, witnesses } = parseRoster(data);
    return [epoch, ...members.map((each) => each.id), ...witnesses.map((each) => each.name)].join("|");
  },
};

async function answer(what, data) {
  const [name, argument] = what.split(":");
  try {
    return await ANSWERS[name](data, argument);
  } catch (error) {
    // Anything but a refusal is a bug here, however hostile the bytes are.
    if (!(error instanceof Refusal)) return `BUG ${error.stack}`;
    return error.code;
  }
}

const answers = [];
for (const [what, data] of JSON.parse(readFileSync(process.argv[2], "utf8"))) {
  answers.push(await answer(what, Uint8Array.from(Buffer.from(data, "base64"))));
}
process.stdout.write(JSON.stringify(answers));

// DSSE envelopes with an Ed25519 and an ML-DSA-44 signature, kept verbatim, as acts/envelope.py has them.

import { concat, parseB64, utf8 } from "./bytes.mjs";
import { refuse } from "./errors.mjs";
import { keyIdHex, verifySignature } from "./keys.mjs";
import { anything, isString, listOf, oneOf, parseShape } from "./kinds.mjs";
import { MAX_LEAF_BYTES } from "./limits.mjs";
import { parseStatement } from "./statement.mjs";
import { parseCanonical } from "./strictjson.mjs";

const ACT_TYPE = "application/vnd.in-toto+json";
const SIGNATURE = { keyid: isString, sig: isString };

/** Return what is signed: type and payload with their lengths (DSSE v1, pre-authentication encoding). */
export const pae = (type, payload) =>
  concat(`DSSEv1 ${utf8(type).length} ${type} ${payload.length} `, payload);

/** Return the envelope of a type that the caller expects: a signed roster must not pass as an act. */
export function parseDsse(bytes, payloadType, { maxBytes, maxSignatures }) {
  const value = parseCanonical(bytes, { maxBytes, maxDepth: 4 });
  const form = {
    payload: isString,
    payloadType: oneOf(payloadType),
    signatures: listOf(anything, maxSignatures),
  };
  const fields = parseShape(value, form, "the envelope", "E3300");
  const signatures = fields.signatures.map((each) => {
    const found = parseShape(each, SIGNATURE, "a signature", "E3300");
    return { keyId: found.keyid, raw: parseB64(found.sig, "a signature") };
  });
  return { payloadType, payload: parseB64(fields.payload, "the payload"), signatures };
}

/** Return the envelope of an act, still unproven; or refuse. */
export function parseEnvelope(leaf) {
  if (leaf.length > MAX_LEAF_BYTES) refuse("E3301", `an act of ${leaf.length} bytes is too long`);
  const envelope = parseDsse(leaf, ACT_TYPE, { maxBytes: MAX_LEAF_BYTES, maxSignatures: 2 });
  if (envelope.signatures.length !== 2) {
    refuse("E3302", `an act has 2 signatures, this one ${envelope.signatures.length}`);
  }
  return envelope;
}

/** Refuse unless a signature of the envelope names this key and is its own. */
export async function verifyEnvelopeSignature({ payloadType, payload }, { keyId, raw }, key) {
  const right = await keyIdHex(key);
  if (keyId !== right) refuse("E3303", `a signature names another key than ${right}`);
  await verifySignature(key, raw, pae(payloadType, payload));
}

/** Return the statement of an act that both keys of its author have signed; or refuse. */
export async function verifyEnvelope(leaf, { ed25519, mldsa }) {
  const envelope = parseEnvelope(leaf);
  await verifyEnvelopeSignature(envelope, envelope.signatures[0], ed25519);
  await verifyEnvelopeSignature(envelope, envelope.signatures[1], mldsa);
  return parseStatement(envelope.payload);
}

// Checkpoints and cosignatures (C2SP tlog-checkpoint and tlog-cosignature). Sizes and times are BigInts.

import { concat, parseB64, parseDecimal, utf8 } from "./bytes.mjs";
import { refuse } from "./errors.mjs";
import { SIGNATURE_BYTES, verifySignature } from "./keys.mjs";
import { MAX_COSIGNED_NAME_BYTES } from "./limits.mjs";
import {
  COSIGNATURE_ED25519,
  COSIGNATURE_ML_DSA_44,
  NOTE_ED25519,
  checkText,
  openNote,
  parseNote,
  publicOf,
  sameVkey,
  signed,
  vkeyOf,
} from "./note.mjs";

const MAX_TIMESTAMP = 2n ** 63n - 1n;

const wrong = (reason) => refuse("E3209", `not a checkpoint: ${reason}`);

/** Return origin, size, root and extension lines that a note's text states; or refuse. */
export function parseCheckpoint(bytes) {
  const text = checkText(bytes);
  if (!text.endsWith("\n")) wrong("the last line does not end");
  const lines = text.slice(0, -1).split("\n");
  if (lines.length < 3) wrong("it has less than three lines");
  if (lines.includes("")) wrong("it has an empty line");
  const [origin, size, root, ...extensions] = lines;
  const hashed = parseB64(root, "a root hash");
  if (hashed.length !== 32) wrong("the root hash has not 32 bytes");
  return { origin, size: parseDecimal(size, "a tree size"), root: hashed, extensions };
}

/** Return a checkpoint with its note, whose signatures nobody has verified yet; or refuse. */
export function parseSignedCheckpoint(bytes) {
  const note = parseNote(bytes);
  return { checkpoint: parseCheckpoint(note.text), note, raw: bytes };
}

function uint64(value) {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value);
  return bytes;
}

function named(name) {
  const bytes = utf8(name);
  if (bytes.length < 1 || bytes.length > MAX_COSIGNED_NAME_BYTES) {
    refuse("E3207", "a name has no or more than 255 bytes and fits no ML-DSA-44 cosignature");
  }
  return concat([bytes.length], bytes);
}

/** Return what an Ed25519 cosigner signs; the time in seconds since 1970. */
export const cosignedMessageEd = (timestamp, text) =>
  concat(`cosignature/v1\ntime ${timestamp}\n`, text);

/** Return what an ML-DSA-44 cosigner signs over leaves [start, end) with that root hash. */
export const cosignedMessageMldsa = (cosigner, timestamp, origin, start, end, root) =>
  concat("subtree/v1\n\0", named(cosigner), uint64(timestamp), named(origin), uint64(start), uint64(end), root);

/** Return the timestamp and the signature of a cosignature, or refuse any other length or range. */
export function splitStamp(bytes, algorithm) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const right = bytes.length === 8 + SIGNATURE_BYTES[algorithm];
  if (!right || view.getBigUint64(0) > MAX_TIMESTAMP) refuse("E3208", "a cosignature is not in its form");
  return [view.getBigUint64(0), bytes.subarray(8)];
}

/** What became of lines, by the bytes of their notes: every epoch judges a state, most by the same keys. */
const known = new WeakMap();

/** Refuse unless the signature is the key's over a checkpoint's text, as a log's or a cosigner's. */
export function verifyLine(vkey, text, signature) {
  const tried = known.get(text) ?? [];
  known.set(text, tried);
  let found = tried.find((each) => each.signature === signature && sameVkey(each.vkey, vkey));
  if (!found) {
    found = { vkey, signature, done: verifyOnce(vkey, text, signature) };
    tried.push(found);
  }
  return found.done;
}

async function verifyOnce(vkey, text, signature) {
  const key = publicOf(vkey);
  if (vkey.sigType === NOTE_ED25519) return verifySignature(key, signature, text);
  const [timestamp, inner] = splitStamp(signature, key.algorithm);
  if (vkey.sigType === COSIGNATURE_ED25519) {
    return verifySignature(key, inner, cosignedMessageEd(timestamp, text));
  }
  const { origin, size, root } = parseCheckpoint(text);
  return verifySignature(key, inner, cosignedMessageMldsa(vkey.name, timestamp, origin, 0n, size, root));
}

/** Return the verifier keys of a log, whose name is its origin: Ed25519 (0x01) and ML-DSA-44 (0x06). */
export const logVkeys = async (name, { ed25519, mldsa }) => [
  await vkeyOf(name, NOTE_ED25519, ed25519.raw),
  await vkeyOf(name, COSIGNATURE_ML_DSA_44, mldsa.raw),
];

/** Return the verifier keys of a cosigner: Ed25519 (0x04) and ML-DSA-44 (0x06). */
export const cosignerVkeys = async (name, { ed25519, mldsa }) => [
  await vkeyOf(name, COSIGNATURE_ED25519, ed25519.raw),
  await vkeyOf(name, COSIGNATURE_ML_DSA_44, mldsa.raw),
];

/** Return those of a log's keys that signed the checkpoint, in the order given; or refuse. */
export async function verifyLogSignature({ checkpoint, note }, vkeys) {
  if (vkeys.some((key) => key.name !== checkpoint.origin)) {
    refuse("E3210", "the checkpoint is of another log than its keys");
  }
  const found = await openNote(note, vkeys, verifyLine);
  const good = vkeys.filter((key) => found.some((line) => signed(key, line)));
  // The ML-DSA-44 message leaves extension lines out: with it alone, nobody has signed them.
  if (checkpoint.extensions.length && good.every((key) => key.sigType === COSIGNATURE_ML_DSA_44)) {
    refuse("E3211", "extension lines of the checkpoint are not signed");
  }
  return good;
}

/** Return the checkpoint if its own log signed it with both keys; or refuse. */
export async function verifyCheckpoint(signedCheckpoint, name, keys) {
  const good = await verifyLogSignature(signedCheckpoint, await logVkeys(name, keys));
  if (good.length < 2) refuse("E3212", `only one of the two keys of ${name} has signed the checkpoint`);
  return signedCheckpoint.checkpoint;
}

/** Return the timestamps at which a cosigner signed with both algorithms; or refuse. */
export async function verifyCosigner({ note }, name, keys) {
  const vkeys = await cosignerVkeys(name, keys);
  const found = await openNote(note, vkeys, verifyLine);
  return vkeys.map((key) => {
    const lines = found.filter((line) => signed(key, line));
    const stamps = lines.map((line) => splitStamp(line.signature, publicOf(key).algorithm)[0]);
    if (!stamps.length || stamps.includes(0n)) {
      refuse("E3214", `${name} has not cosigned the checkpoint with both algorithms and a time`);
    }
    return stamps.reduce((a, b) => (a < b ? a : b));
  });
}


// Signed notes (C2SP signed-note): text, an empty line, signature lines.

import { b64, concat, fromHex, hex, octets, parseB64, same, textOf } from "./bytes.mjs";
import { Refusal, refuse } from "./errors.mjs";
import { sha256 } from "./hashing.mjs";
import { ED25519, ML_DSA_44, parsePublicKey } from "./keys.mjs";
import { MAX_NOTE_BYTES, MAX_NOTE_SIGNATURES } from "./limits.mjs";

export const NOTE_ED25519 = 0x01;
export const COSIGNATURE_ED25519 = 0x04;
export const COSIGNATURE_ML_DSA_44 = 0x06;

/** The signature types that can be enrolled, and what their keys are. */
export const ALGORITHMS = {
  [NOTE_ED25519]: ED25519,
  [COSIGNATURE_ED25519]: ED25519,
  [COSIGNATURE_ML_DSA_44]: ML_DSA_44,
};

const DASH = "\u2014 ";
// White_Space of Unicode, written out: the meaning of a name must not depend on a Unicode version.
const NO_NAME = /[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000+]/;
const CONTROL = /[\x00-\x09\x0b-\x1f]/;

const wrong = (reason) => refuse("E3200", `not a signed note: ${reason}`);

/** Tell whether a key may have that name: not empty, no Unicode space, no plus, no control. */
export const isKeyName = (name) => name !== "" && !NO_NAME.test(name) && !CONTROL.test(name);

/** Return the text of bytes as notes allow them: UTF-8 without controls; or refuse. */
export function checkText(bytes) {
  const text = textOf(bytes);
  if (text === null) wrong("it is not UTF-8");
  if (CONTROL.test(text)) wrong("it holds a control character");
  return text;
}

function parseLine(line) {
  const space = line.indexOf(" ", DASH.length);
  const name = line.slice(DASH.length, space);
  if (!line.startsWith(DASH) || space < 0 || !isKeyName(name)) {
    wrong("a signature line is not \u201c\u2014 name base64\u201d");
  }
  const blob = parseB64(line.slice(space + 1), "a signature");
  if (blob.length <= 4) wrong("a signature line holds no signature");
  return { name, keyId: hex(blob.subarray(0, 4)), signature: blob.subarray(4) };
}

/** Return text (with its final newline) and signatures of a note, of which none is verified; or refuse. */
export function parseNote(bytes) {
  if (bytes.length > MAX_NOTE_BYTES) wrong(`more than ${MAX_NOTE_BYTES} bytes`);
  checkText(bytes);
  // The LAST empty line: the text may hold others, and lines that look like signatures.
  const split = octets(bytes).lastIndexOf("\n\n");
  if (split < 0) wrong("no empty line before the signatures");
  const tail = checkText(bytes.subarray(split + 2));
  if (!tail.endsWith("\n")) wrong("the last line does not end");
  const lines = tail.slice(0, -1).split("\n");
  if (lines.length > MAX_NOTE_SIGNATURES) wrong(`more than ${MAX_NOTE_SIGNATURES} signature lines`);
  return { text: bytes.subarray(0, split + 1), signatures: lines.map(parseLine) };
}

/** Return a verifier key; `keyId` is the 8 digits that name it in a note. */
export async function vkeyOf(name, sigType, material) {
  const digest = await sha256(name, "\n", [sigType], material);
  return { name, keyId: hex(digest.subarray(0, 4)), sigType, material };
}

/** Return `name+id+base64(type || key)`. */
export const formatVkey = (key) =>
  `${key.name}+${key.keyId}+${b64(concat([key.sigType], key.material))}`;

/** Return the public key of a verifier key. */
export const publicOf = (vkey) => ({ algorithm: ALGORITHMS[vkey.sigType], raw: vkey.material });

/** Tell whether a signature line claims to be of this key: name and id both, never one alone. */
export const signed = (vkey, line) => line.name === vkey.name && line.keyId === vkey.keyId;

/** Tell whether two verifier keys are the same in all their parts. */
export const sameVkey = (a, b) =>
  signed(a, b) && a.sigType === b.sigType && same(a.material, b.material);

/** Return a verifier key, checked for enrolment, or refuse. */
export async function parseVkey(text) {
  const [name, hexed = "", ...rest] = text.split("+");
  if (!isKeyName(name) || !/^[0-9a-f]{8}$/.test(hexed)) refuse("E3201", "not a verifier key");
  // The rest is base64, in which a plus may stand.
  const blob = parseB64(rest.join("+"), "a verifier key");
  const [sigType, material] = blob.length ? [blob[0], blob.subarray(1)] : [0, blob];
  if (!(sigType in ALGORITHMS)) refuse("E3202", `keys of type ${sigType} are not accepted`);
  parsePublicKey(ALGORITHMS[sigType], material);
  const key = await vkeyOf(name, sigType, material);
  if (!same(fromHex(hexed), fromHex(key.keyId))) refuse("E3203", "a verifier key's id is not its own");
  return key;
}

/**
 * Return the signatures of known keys, all of them verified, in the note's order.
 *
 * `verify(vkey, text, signature)` refuses. Lines of unknown keys are ignored; a line of a known key
 * that fails rejects the whole note, and so does a note that no known key has signed.
 */
export async function openNote(note, vkeys, verify) {
  const names = new Set(vkeys.map((key) => `${key.keyId} ${key.name}`));
  if (names.size !== vkeys.length) refuse("E3204", "two known keys have one name and id");
  const verified = [];
  for (const line of note.signatures) {
    const key = vkeys.find((each) => signed(each, line));
    if (!key) continue;
    try {
      await verify(key, note.text, line.signature);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      refuse("E3205", `the signature line of ${line.name} does not verify`);
    }
    verified.push(line);
  }
  if (!verified.length) refuse("E3206", "no known key has signed the note");
  return verified;
}

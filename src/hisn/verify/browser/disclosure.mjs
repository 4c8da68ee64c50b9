// Disclosed fields of a sealed map (RFC 9901, in slot order), as evidence/disclosure.py checks them.

import { b64url, compareText, concat, hex, parseB64url, parseHex32, same, utf8 } from "./bytes.mjs";
import { refuse } from "./errors.mjs";
import { sha256 } from "./hashing.mjs";
import { MAX_DISCLOSURE_CHARS, MAX_SLOTS, MAX_VALUE_DEPTH } from "./limits.mjs";
import { canonical, parseJson } from "./strictjson.mjs";

const SALT_BYTES = 16;
const SLOT_GROUP = 8;
const NAMES = "_names";
const PAD = "_pad";
const RAW = "_raw";

const slotCount = (fields) => Math.ceil((1 + fields) / SLOT_GROUP) * SLOT_GROUP;

/** Return the leaf of a record that can be disclosed as a whole only. */
export const wholeLeaf = async (rawSalt, record) => concat("whl/1\n", await sha256(rawSalt, record));

/** Refuse unless a record shown whole is the one that the field `_raw` of an opened map commits to. */
export async function checkRecord(opened, rawSalt, record) {
  if (!opened.values.has(RAW)) refuse("E3343", `the field '${RAW}' is not disclosed`);
  const value = `${record.length} ${hex(await sha256(rawSalt, record))}`;
  if (rawSalt.length !== SALT_BYTES || opened.values.get(RAW) !== value) {
    refuse("E3341", "the record shown is not the one that was sealed");
  }
}

function checkValue(value) {
  if (Array.isArray(value)) value.forEach(checkValue);
  else if (typeof value === "boolean" || value instanceof Map) {
    refuse("E3342", "the value of a disclosed text is no text, integer or list");
  }
}

/** Return name and value of a disclosure, or refuse one that is not in its one form. */
export function parseDisclosure(text) {
  if (text.length > MAX_DISCLOSURE_CHARS) refuse("E3342", "a disclosed text is too long");
  const limits = { maxBytes: MAX_DISCLOSURE_CHARS, maxDepth: 1 + MAX_VALUE_DEPTH };
  const array = parseJson(parseB64url(text), limits);
  if (!Array.isArray(array) || array.length !== 3) {
    refuse("E3342", "a disclosed text is not an array of salt, name and value");
  }
  const [salt, name, value] = array;
  checkValue(value);
  if (typeof salt !== "string" || typeof name !== "string") {
    refuse("E3342", "the salt and the name of a disclosed text are not text");
  }
  // One form only: written again from its parts, the text must come out the same.
  if (parseB64url(salt).length !== SALT_BYTES || b64url(canonical(array, true)) !== text) {
    refuse("E3342", "a disclosed text is not in its one form, or its salt not 16 bytes");
  }
  return [name, value];
}

function namesIn([name, value]) {
  if (name !== NAMES || !Array.isArray(value) || value.some((item) => typeof item !== "string")) {
    refuse("E3341", "slot 0 does not disclose the list of names");
  }
  // Strictly ascending: a name that stood twice would have two values.
  const isSorted = value.every((item, i) => i === 0 || compareText(value[i - 1], item) < 0);
  if (!isSorted || value.includes(NAMES) || value.includes(PAD)) {
    refuse("E3340", "the names of the sealed map are not sorted, unique and its own");
  }
  return value;
}

/** Check a presented map; return its leaf, all its names, the shown values and the hidden names. */
export async function openLeaf({ digests, disclosures }) {
  if (new Set(digests.map(hex)).size !== digests.length) {
    refuse("E3340", "a digest is twice in the sealed map, or of the wrong length");
  }
  const slots = [...disclosures.keys()];
  if (!disclosures.has(0) || slots.some((slot) => slot >= digests.length)) {
    refuse("E3340", "the list of names is not shown, or a slot does not exist");
  }
  const read = new Map();
  for (const [slot, text] of disclosures) {
    read.set(slot, parseDisclosure(text));
    // The digest's place says which field it is: a true text at another slot is a lie.
    if (!same(await sha256(utf8(text)), digests[slot])) {
      refuse("E3341", `the text shown for slot ${slot} is not the one sealed there`);
    }
  }
  const names = namesIn(read.get(0));
  if (digests.length !== slotCount(names.length)) {
    refuse("E3340", "the sealed map does not have the slots that its names need");
  }
  const values = new Map();
  for (const [slot, [name, value]] of read) {
    if (slot === 0) continue;
    const isField = slot <= names.length;
    if (name !== (isField ? names[slot - 1] : PAD) || !(isField || value === null)) {
      refuse("E3341", `slot ${slot} discloses a field that does not belong there`);
    }
    if (isField) values.set(name, value);
  }
  const hidden = names.filter((name) => !values.has(name));
  return { leaf: concat("evt/1\n", ...digests), names, values, hidden };
}

/** Return a presented map from a pack's JSON; `openLeaf` checks it. Refuses another form. */
export function parsePresented(value) {
  const form = () => refuse("E3340", "a presented map is not a list of digests and the disclosures");
  if (!(value instanceof Map) || [...value.keys()].sort().join() !== "digests,disclosures") form();
  const [digests, shown] = [value.get("digests"), value.get("disclosures")];
  if (!Array.isArray(digests) || !(shown instanceof Map)) form();
  if (digests.some((digest) => typeof digest !== "string")) form();
  if (digests.length > MAX_SLOTS) refuse("E3340", "a presented map has more slots than any record can need");
  const disclosures = new Map();
  for (const [slot, text] of shown) {
    if (!/^(?:0|[1-9][0-9]{0,4})$/.test(slot) || typeof text !== "string") {
      refuse("E3340", "a presented map names a slot that is no slot");
    }
    disclosures.set(Number(slot), text);
  }
  return { digests: digests.map((digest) => parseHex32(digest)), disclosures };
}

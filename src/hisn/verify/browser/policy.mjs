// Trust policies (C2SP tlog-policy): logs, witnesses, nested groups, one quorum. Names are octet strings.

import { bytesOf, hex, octets, parseDecimal, textOf, utf8 } from "./bytes.mjs";
import { splitStamp, verifyLine, verifyLogSignature } from "./checkpoint.mjs";
import { refuse } from "./errors.mjs";
import { MAX_POLICY_BYTES, MAX_POLICY_ENTRIES } from "./limits.mjs";
import {
  COSIGNATURE_ED25519,
  COSIGNATURE_ML_DSA_44,
  NOTE_ED25519,
  formatVkey,
  openNote,
  parseVkey,
  publicOf,
  signed,
} from "./note.mjs";

const NONE = "none";
const LOG_TYPES = [NOTE_ED25519, COSIGNATURE_ML_DSA_44];
const WITNESS_TYPES = [COSIGNATURE_ED25519, COSIGNATURE_ML_DSA_44];

function wrong(reason, number) {
  refuse("E3215", `${number ? `line ${number} of the policy` : "the policy"}: ${reason}`);
}

/** Return a verifier key from an octet string; its name must be UTF-8. */
async function vkeyFrom(item) {
  const text = textOf(bytesOf(item));
  return text === null ? refuse("E3201", "a verifier key's name is not UTF-8") : parseVkey(text);
}

function checkKeys(vkeys, types, what) {
  if (vkeys.length > MAX_POLICY_ENTRIES) wrong(`more than ${MAX_POLICY_ENTRIES} ${what} lines`);
  if (vkeys.some((key) => !types.includes(key.sigType))) wrong(`a key is not of a type for a ${what}`);
}

function check({ logs, witnesses, groups }) {
  const vkeys = [...logs, ...witnesses].map((line) => line.vkey);
  checkKeys(logs.map((line) => line.vkey), LOG_TYPES, "log");
  checkKeys(witnesses.map((line) => line.vkey), WITNESS_TYPES, "witness");
  // Under two names one key would count twice; as log and witness it would witness itself.
  if (new Set(vkeys.map((key) => hex(key.material))).size !== vkeys.length) {
    wrong("two lines hold the same public key");
  }
  if (new Set(vkeys.map((key) => `${key.keyId} ${key.name}`)).size !== vkeys.length) {
    wrong("two keys have the same name and id");
  }
  if (groups.length > MAX_POLICY_ENTRIES) wrong(`more than ${MAX_POLICY_ENTRIES} group lines`);
  const names = [...witnesses, ...groups].map((line) => line.name);
  if (new Set(names).size !== names.length) wrong("a name is defined twice");
  if (names.includes(NONE)) wrong("the name none is reserved");
  // A witness that stands in two groups, or twice in one, would count twice.
  const placed = groups.flatMap((group) => group.members);
  if (new Set(placed).size !== placed.length) wrong("a member of a group is already a member of a group");
  for (const { name, k, members } of groups) {
    if (k < 1n || k > BigInt(members.length)) wrong(`group ${name} needs more members than it has, or none`);
  }
}

/** Return logs, witnesses, groups and quorum that a text states; or refuse. */
export async function parsePolicy(bytes) {
  if (bytes.length > MAX_POLICY_BYTES) wrong(`more than ${MAX_POLICY_BYTES} bytes`);
  const text = octets(bytes);
  if (/[^\t\n\x20-\x7e\x80-\xff]/.test(text)) wrong("it holds a control character");
  if (!text.endsWith("\n")) wrong("the last line does not end");
  const policy = { logs: [], witnesses: [], groups: [], quorum: null };
  const defined = new Set();
  let number = 0;
  for (const line of text.slice(0, -1).split("\n")) {
    number += 1;
    const items = line.split(/[ \t]+/).filter((item) => item !== "");
    if (!items.length || items[0].startsWith("#")) continue;
    const [word, name, ...rest] = items;
    if (word === "log" && name && rest.length <= 1) {
      policy.logs.push({ vkey: await vkeyFrom(name) });
    } else if (word === "witness" && (rest.length === 1 || rest.length === 2)) {
      policy.witnesses.push({ name, vkey: await vkeyFrom(rest[0]) });
      defined.add(name);
    } else if (word === "group" && rest.length >= 2) {
      const [k, ...members] = rest;
      if (!members.every((member) => defined.has(member))) wrong("a member is not defined before it", number);
      const words = new Map([["all", BigInt(members.length)], ["any", 1n]]);
      policy.groups.push({ name, k: words.get(k) ?? parseDecimal(k, "the number of a group"), members });
      defined.add(name);
    } else if (word === "quorum" && name && !rest.length) {
      if (policy.quorum !== null) wrong("it needs exactly one quorum line");
      if (!defined.has(name) && name !== NONE) wrong("the quorum is not defined before it", number);
      policy.quorum = name;
    } else {
      wrong("not a line of a log, witness, group or quorum", number);
    }
  }
  if (policy.quorum === null) wrong("it needs exactly one quorum line");
  check(policy);
  return policy;
}

/** Return the one text of a policy that the unit derives itself; its names are ASCII. */
export function formatPolicy({ logs, witnesses, groups, quorum }) {
  const lines = [
    ...logs.map(({ vkey, url }) => `log ${formatVkey(vkey)} ${url}`),
    ...witnesses.map(({ name, vkey, url }) => `witness ${name} ${formatVkey(vkey)} ${url}`),
    ...groups.map(({ name, k, members }) => `group ${name} ${k} ${members.join(" ")}`),
    `quorum ${quorum}`,
  ];
  return utf8(lines.map((line) => `${line.replace(/ +$/, "")}\n`).join(""));
}

/** Tell whether the witnesses of these names suffice. */
function isReached({ groups, quorum }, names) {
  const met = new Set([NONE, ...names]);
  for (const { name, k, members } of groups) {
    if (BigInt(members.filter((member) => met.has(member)).length) >= k) met.add(name);
  }
  return met.has(quorum);
}

/**
 * Return who of the known witnesses cosigned and when, who is missing, and whether that suffices.
 *
 * Refuses if the line of a known witness fails. A line without a time does not count; of repeated
 * lines of one witness the earliest does.
 */
export async function satisfiedBy(policy, { note }) {
  const { witnesses } = policy;
  const times = new Map();
  if (note.signatures.some((line) => witnesses.some(({ vkey }) => signed(vkey, line)))) {
    const vkeys = witnesses.map((witness) => witness.vkey);
    for (const line of await openNote(note, vkeys, verifyLine)) {
      const { name, vkey } = witnesses.find((witness) => signed(witness.vkey, line));
      const [timestamp] = splitStamp(line.signature, publicOf(vkey).algorithm);
      const known = times.get(name) ?? timestamp;
      if (timestamp) times.set(name, timestamp < known ? timestamp : known);
    }
  }
  const isThere = ({ name }) => times.has(name);
  return {
    cosigned: witnesses.filter(isThere).map((each) => ({ ...each, timestamp: times.get(each.name) })),
    missing: witnesses.filter((each) => !isThere(each)).map((each) => each.name),
    reached: isReached(policy, times.keys()),
  };
}

/** Return the keys of the policy's logs that signed the checkpoint; or refuse. */
export function verifyLog(policy, signedCheckpoint) {
  const { origin } = signedCheckpoint.checkpoint;
  const vkeys = policy.logs.map((line) => line.vkey).filter((key) => key.name === origin);
  return verifyLogSignature(signedCheckpoint, vkeys);
}

// The proof pack (.evpack): a ZIP of stored entries in exactly one form, as evidence/pack.py writes it.

import { bytesOf, concat, fromHex, hex, octets, parseB64, parseHex32, same } from "./bytes.mjs";
import { parsePresented } from "./disclosure.mjs";
import { refuse } from "./errors.mjs";
import { sha256 } from "./hashing.mjs";
import { MAX_MAP_VALUES, MAX_PACK_BYTES, MAX_PACK_FILES, MAX_PACK_NUMBER, MAX_PROOF_HASHES } from "./limits.mjs";
import { canonical, parseCanonical } from "./strictjson.mjs";

const MANIFEST = "MANIFEST";
const NAME = new RegExp(
  "^(?:pack\\.json|policy|VERIFY\\.md|charter/genesis\\.json|roster/[0-9]{4}\\.dsse" +
    "|acts/[0-9]{4}\\.(?:leaf|tlog-proof)|(?:bodies|events)/[0-9]{4}\\.json|heads/[0-9]{4}\\.checkpoint" +
    "|timestamps/[0-9]{4}\\.tsr|fork/[ab]\\.(?:checkpoint|dsse|leaf|leaf-hash|tlog-proof))$",
);
const LOCAL = 0x04034b50;
const [LOCAL_BYTES, VERSION, DATE] = [30, 10, 0x21];
const FORMAT = "hisn-evpack/1";
const FILE = { maxBytes: MAX_PACK_BYTES, maxValues: MAX_MAP_VALUES };

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, value) => {
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

function crc32(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ CRC_TABLE[(crc ^ byte) & 0xff];
  return ~crc >>> 0;
}

/** Write little-endian numbers, each given with its size in bytes. */
function record(...fields) {
  const bytes = [];
  for (const [size, value] of fields) {
    for (let i = 0; i < size; i++) bytes.push(Math.floor(value / 256 ** i) & 0xff);
  }
  return Uint8Array.from(bytes);
}

/** Return the one ZIP of these entries, pairs of name and bytes. */
function zip(entries) {
  const [body, directory] = [[], []];
  let offset = 0;
  let directoryBytes = 0;
  for (const [name, data] of entries) {
    const common = [[2, VERSION], [2, 0], [2, 0], [2, 0], [2, DATE], [4, crc32(data)]];
    common.push([4, data.length], [4, data.length], [2, name.length], [2, 0]);
    const local = concat(record([4, LOCAL], ...common), name, data);
    const places = [[2, 0], [2, 0], [2, 0], [4, 0], [4, offset]];
    const central = concat(record([4, 0x02014b50], [2, VERSION], ...common, ...places), name);
    body.push(local);
    directory.push(central);
    offset += local.length;
    directoryBytes += central.length;
  }
  const count = entries.length;
  const sizes = [[2, count], [2, count], [4, directoryBytes], [4, offset], [2, 0]];
  return concat(...body, ...directory, record([4, 0x06054b50], [2, 0], [2, 0], ...sizes));
}

const manifestLine = async (name, data) => `${hex(await sha256(data))}  ${name}`;

/** Walk over the local entries; what they claim about themselves is compared afterwards. */
function* entries(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const begins = (at) => at + 4 <= bytes.length && view.getUint32(at, true) === LOCAL;
  const broken = () => refuse("E3360", "the pack ends in the midst of a file, or has too many");
  let [at, count] = [0, 0];
  while (begins(at)) {
    count += 1;
    if (bytes.length < at + LOCAL_BYTES || count > MAX_PACK_FILES + 1) broken();
    const size = view.getUint32(at + 22, true);
    const start = at + LOCAL_BYTES + view.getUint16(at + 26, true);
    if (start + size > bytes.length) broken();
    yield [octets(bytes.subarray(at + LOCAL_BYTES, start)), bytes.subarray(start, start + size)];
    at = start + size;
  }
  if (!count) refuse("E3360", "this is not a proof pack");
}

/** Return the files of a pack by name, without its manifest; or refuse any other form. */
export async function parsePack(bytes) {
  if (bytes.length > MAX_PACK_BYTES) refuse("E3360", "the pack is larger than any that this program makes");
  const files = new Map();
  let last = null;
  for (const [name, content] of entries(bytes)) {
    if (last === null && name !== MANIFEST) refuse("E3361", "the pack does not begin with its manifest");
    // Twice the same name, or another order: two programs could read two packs.
    if (last !== null && (!NAME.test(name) || (name <= last && last !== MANIFEST))) {
      refuse("E3361", `the pack has a file that has no place in it: '${name}'`);
    }
    last = name;
    files.set(name, content);
  }
  const manifested = files.get(MANIFEST);
  files.delete(MANIFEST);
  const breaks = manifested.reduce((sum, byte) => sum + (byte === 10), 0);
  if (breaks > files.size) refuse("E3362", "the manifest has more lines than the pack has files");
  const given = new Set(octets(manifested).split("\n"));
  const lines = [];
  for (const [name, content] of files) {
    const line = await manifestLine(name, content);
    if (!given.has(line)) refuse("E3362", `the manifest does not have the digest of ${name}`);
    lines.push(`${line}\n`);
  }
  // The comparison covers what was not looked at above: every flag, size, checksum and the
  // directory, which other programs read instead of the entries.
  const manifest = bytesOf(lines.join(""));
  if (!same(zip([[MANIFEST, manifest], ...files]), bytes)) {
    refuse("E3362", "the pack, written again from its files, is not the same bytes");
  }
  return files;
}

/** Return the number of the finding's act, or null for a pack about a fork; or refuse. */
export function parseLabel(bytes) {
  const value = parseCanonical(bytes, { maxBytes: 1000 });
  let finding = value instanceof Map ? (value.get("finding") ?? null) : null;
  const isNumber = typeof finding === "bigint" && finding >= 0n && finding < BigInt(MAX_PACK_NUMBER);
  if (!isNumber) finding = null;
  const kind = finding === null ? "fork" : "finding";
  const label = new Map([["finding", finding], ["format", FORMAT], ["kind", kind]]);
  if (!same(canonical(label), bytes)) {
    refuse("E3363", "pack.json does not say that this is a pack of this format");
  }
  return finding === null ? null : Number(finding);
}

/** Return a presented sealed body; `openLeaf` checks it. Refuses another form. */
export const parseBody = (bytes) => parsePresented(parseCanonical(bytes, FILE));

function natural(value) {
  if (typeof value !== "bigint" || value < 0n) refuse("E3363", "a number of an event is not a natural number");
  return value;
}

function text(value) {
  if (typeof value !== "string") refuse("E3363", "a digest or record of an event is not text");
  return value;
}

/** Return an event of a pack; nothing of it is checked against the batch. Refuses another form. */
export function parseEvent(bytes) {
  const value = parseCanonical(bytes, FILE);
  const wrong = () => refuse("E3363", "a file of an event does not have the parts that it must have");
  if (!(value instanceof Map)) wrong();
  const names = [...value.keys()].filter((name) => !["act", "index", "path"].includes(name));
  if (!["map", "raw_salt,record", "map,raw_salt,record"].includes(names.sort().join())) wrong();
  const path = value.get("path");
  if (!Array.isArray(path) || path.length > MAX_PROOF_HASHES) {
    refuse("E3363", "the path of an event is not a list of digests");
  }
  const event = { shown: null, record: null, rawSalt: null };
  if (value.has("map")) event.shown = parsePresented(value.get("map"));
  if (value.has("record")) {
    const salt = text(value.get("raw_salt"));
    if (!/^[0-9a-f]{32}$/.test(salt)) refuse("E3363", "the raw salt of an event is not 16 bytes in hex");
    event.record = parseB64(text(value.get("record")));
    event.rawSalt = fromHex(salt);
  }
  event.path = path.map((digest) => parseHex32(text(digest)));
  event.act = natural(value.get("act"));
  event.index = natural(value.get("index"));
  return event;
}

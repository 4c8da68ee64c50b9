// Proofs of logging (C2SP tlog-proof): index, Merkle path, checkpoint.

import { octets, parseB64, parseDecimal } from "./bytes.mjs";
import { parseSignedCheckpoint } from "./checkpoint.mjs";
import { refuse } from "./errors.mjs";
import { MAX_EXTRA_BYTES, MAX_NOTE_BYTES, MAX_PROOF_HASHES } from "./limits.mjs";

const HEADER = "c2sp.org/tlog-proof@v1";
const MAX_HEAD_BYTES = 64 + Math.floor((MAX_EXTRA_BYTES * 4) / 3) + 64 * MAX_PROOF_HASHES;

const wrong = (reason) => refuse("E3216", `not a tlog-proof: ${reason}`);

/** Return index, hashes, extra data (signed by nobody) and checkpoint of a proof that nobody has verified yet; or refuse. */
export function parseTlogProof(bytes) {
  if (bytes.length > MAX_HEAD_BYTES + MAX_NOTE_BYTES) wrong("it is too long");
  const text = octets(bytes);
  const split = text.indexOf("\n\n");
  if (split < 0) wrong("no empty line before the checkpoint");
  const lines = text.slice(0, split).split("\n");
  if (lines.shift() !== HEADER) wrong("the first line is another one");
  let extra = new Uint8Array();
  if (lines[0]?.startsWith("extra ")) {
    extra = parseB64(lines.shift().slice("extra ".length), "the extra data");
    if (!extra.length) wrong("its extra line is empty");
    if (extra.length > MAX_EXTRA_BYTES) wrong("more extra data or hashes than can be");
  }
  if (!lines[0]?.startsWith("index ")) wrong("no index line");
  const index = parseDecimal(lines.shift().slice("index ".length), "the index");
  if (lines.length > MAX_PROOF_HASHES) wrong("more extra data or hashes than can be");
  const hashes = lines.map((line) => parseB64(line, "a hash of the path"));
  if (hashes.some((each) => each.length !== 32)) wrong("a hash has not 32 bytes");
  return { index, hashes, extra, signed: parseSignedCheckpoint(bytes.subarray(split + 2)) };
}

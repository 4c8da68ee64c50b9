// Flip bytes of a proof pack, one at a time, and name those that were not noticed.
// node flip.mjs FILE.evpack STEP: every STEP-th byte.

import "./webcrypto.mjs";

import { readFileSync } from "node:fs";

import { verifyPack } from "../../src/hisn/verify/browser/check.mjs";

const [, , path, step] = process.argv;
const data = Uint8Array.from(readFileSync(path));
for (let at = 0; at < data.length; at += Number(step)) {
  const changed = Uint8Array.from(data);
  changed[at] ^= 1 << at % 8;
  const { result } = await verifyPack(changed);
  if (result !== "INVALID") process.stdout.write(`byte ${at}: ${result}\n`);
}

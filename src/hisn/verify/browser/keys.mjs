// Verify with the two algorithms of the unit: Ed25519 by WebCrypto, ML-DSA-44 by our own code.

import { concat, hex } from "./bytes.mjs";
import { refuse } from "./errors.mjs";
import { sha256 } from "./hashing.mjs";
import { verifyMldsa44 } from "./mldsa44.mjs";
import { ED25519_EXAMPLE, ML_DSA_44_EXAMPLE } from "./selftest.mjs";

export const ED25519 = "ed25519";
export const ML_DSA_44 = "ml-dsa-44";
export const KEY_BYTES = { [ED25519]: 32, [ML_DSA_44]: 1312 };
export const SIGNATURE_BYTES = { [ED25519]: 64, [ML_DSA_44]: 2420 };

const P = 2n ** 255n - 19n;
const ORDER_8 = 0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n;
const SMALL_ORDER = [0n, 1n, P - 1n, ORDER_8, P - ORDER_8];

const verifiers = {
  async [ED25519](raw, signature, message) {
    const key = await crypto.subtle.importKey("raw", raw, { name: "Ed25519" }, false, ["verify"]);
    return crypto.subtle.verify({ name: "Ed25519" }, key, signature, message);
  },
  async [ML_DSA_44](raw, signature, message) {
    return verifyMldsa44(raw, message, signature);
  },
};

/** Tell whether a signature is good; a machine that cannot say so says no. */
async function isGood(algorithm, key, signature, message) {
  try {
    return await verifiers[algorithm](key, signature, message);
  } catch {
    return false; // an older browser does not know the name of the algorithm, or the key is no point
  }
}

/** Tell whether an algorithm accepts a good signature here, and refuses it over another text. */
async function works(algorithm, { key, message, signature }) {
  const good = await isGood(algorithm, key, signature, message);
  return good && !(await isGood(algorithm, key, signature, concat(message, "!")));
}

let tried = null;

/** Return which of the algorithms this machine can verify, each tried once on a known example. */
export function capabilities() {
  tried ??= Promise.all([works(ED25519, ED25519_EXAMPLE), works(ML_DSA_44, ML_DSA_44_EXAMPLE)]).then(
    ([ed25519, mldsa]) => ({ [ED25519]: ed25519, [ML_DSA_44]: mldsa }),
  );
  return tried;
}

function power(base, exponent) {
  let result = 1n;
  for (; exponent > 0n; exponent >>= 1n, base = (base * base) % P) {
    if (exponent & 1n) result = (result * base) % P;
  }
  return result;
}

const D = (-121665n * power(121666n, P - 2n)) % P;

function checkPoint(raw) {
  const reversed = hex(Uint8Array.from(raw).reverse());
  const y = BigInt(`0x${reversed}`) & (2n ** 255n - 1n);
  if (y >= P) refuse("E3111", "the Ed25519 key is not in its canonical form");
  // Under a key of small order one signature fits almost any text.
  if (SMALL_ORDER.includes(y)) refuse("E3111", "the Ed25519 key is a point of small order");
  // x² = u/v has a root exactly if u·v is a square (Euler).
  const uv = (y * y - 1n) * (D * y * y + 1n);
  if (power(((uv % P) + P) % P, (P - 1n) / 2n) !== 1n) {
    refuse("E3111", "the Ed25519 key is not a point of the curve");
  }
}

/** Return the public key of somebody else, checked, or refuse. */
export function parsePublicKey(algorithm, raw) {
  if (raw.length !== KEY_BYTES[algorithm]) {
    refuse("E3110", `an ${algorithm} key has ${KEY_BYTES[algorithm]} bytes, this one ${raw.length}`);
  }
  if (algorithm === ED25519) checkPoint(raw);
  return { algorithm, raw };
}

/** Return the two public keys of one owner, checked, or refuse; `id` is the same for the same pair. */
export const parseDualPublic = (ed25519, mldsa) => ({
  ed25519: parsePublicKey(ED25519, ed25519),
  mldsa: parsePublicKey(ML_DSA_44, mldsa),
  id: `${hex(ed25519)} ${hex(mldsa)}`,
});

/**
 * Refuse unless the signature is this key's over the message.
 *
 * What the machine cannot verify passes here: `capabilities` says so, and `check` never calls such
 * a result valid.
 */
export async function verifySignature({ algorithm, raw }, signature, message) {
  if (!(await capabilities())[algorithm]) return;
  const right = signature.length === SIGNATURE_BYTES[algorithm];
  if (!right || !(await isGood(algorithm, raw, signature, message))) {
    refuse("E3112", `an ${algorithm} signature does not verify`);
  }
}

/** Return the name of a key in acts: 32 hexadecimal digits. */
export async function keyIdHex({ algorithm, raw }) {
  const digest = await sha256("hisn-act-key/1\n", algorithm, "\n", raw);
  return hex(digest).slice(0, 32);
}

// ML-DSA-44 verification (FIPS 204), the pure form; the unit's context is empty: M' = 0x00 || 0x00 || M.
// Keys, signatures and messages are public, so no care is taken about constant time.
// Names of steps and figures are those of FIPS 204; products stay below 2**53 and are exact.

import { shake128, shake256 } from "./keccak.mjs";

const Q = 8380417;
const D = 13; // bits dropped from t
const TAU = 39; // nonzero coefficients of the challenge
const GAMMA_1 = 1 << 17; // range of z
const GAMMA_2 = (Q - 1) / 88; // range of the low part
const BETA = 78; // tau * eta
const OMEGA = 80; // most hints of a signature
const [K, L] = [4, 4];
const CHALLENGE_BYTES = 32;
const Z_BYTES = 576;
const T1_BYTES = 320;
const NO_CONTEXT = new Uint8Array();

export const PUBLIC_KEY_BYTES = 32 + K * T1_BYTES;
export const SIGNATURE_BYTES = CHALLENGE_BYTES + L * Z_BYTES + OMEGA + K;

/** Return the powers of 1753 in bit-reversed order (appendix B). */
function makeZetas() {
  const powers = [1];
  for (let i = 1; i < 256; i++) powers.push((powers[i - 1] * 1753) % Q);
  const reversed = (i) => parseInt(i.toString(2).padStart(8, "0").split("").reverse().join(""), 2);
  return powers.map((_, i) => powers[reversed(i)]);
}

const ZETAS = makeZetas();

const modQ = (value) => ((value % Q) + Q) % Q;

/** Transform in place: algorithm 41. Coefficients in [0, q). */
function ntt(w) {
  let m = 0;
  for (let half = 128; half >= 1; half >>= 1) {
    for (let start = 0; start < 256; start += 2 * half) {
      const zeta = ZETAS[++m];
      for (let j = start; j < start + half; j++) {
        const t = (zeta * w[j + half]) % Q;
        w[j + half] = w[j] >= t ? w[j] - t : w[j] - t + Q;
        w[j] = w[j] + t < Q ? w[j] + t : w[j] + t - Q;
      }
    }
  }
  return w;
}

/** Transform back in place: algorithm 42. */
function inverseNtt(w) {
  let m = 256;
  for (let half = 1; half < 256; half <<= 1) {
    for (let start = 0; start < 256; start += 2 * half) {
      const zeta = Q - ZETAS[--m];
      for (let j = start; j < start + half; j++) {
        const t = w[j];
        w[j] = (t + w[j + half]) % Q;
        w[j + half] = (zeta * (t - w[j + half] + Q)) % Q;
      }
    }
  }
  return w.map((value) => (value * 8347681) % Q); // 256**-1 mod q
}

/** Read 256 numbers of `bits` bits, least significant bit first: algorithm 18. */
function unpack(bytes, bits) {
  const values = new Array(256);
  let [held, count, at] = [0, 0, 0];
  for (let i = 0; i < 256; i++) {
    for (; count < bits; count += 8) held += bytes[at++] << count;
    values[i] = held & ((1 << bits) - 1);
    held >>>= bits;
    count -= bits;
  }
  return values;
}

/** Read the hints, or return null where their one allowed form is not kept: algorithm 21. */
function unpackHints(bytes) {
  const hints = Array.from({ length: K }, () => new Uint8Array(256));
  let at = 0;
  for (let i = 0; i < K; i++) {
    const end = bytes[OMEGA + i];
    if (end < at || end > OMEGA) return null;
    for (const first = at; at < end; at++) {
      if (at > first && bytes[at - 1] >= bytes[at]) return null;
      hints[i][bytes[at]] = 1;
    }
  }
  return bytes.subarray(at, OMEGA).every((byte) => byte === 0) ? hints : null;
}

/** Draw one entry of the matrix from rho: algorithms 30 and 14. */
function rejNttPoly(rho, column, row) {
  const stream = shake128(rho, [column, row]);
  const values = [];
  while (values.length < 256) {
    const value = stream.byte() | (stream.byte() << 8) | ((stream.byte() & 0x7f) << 16);
    if (value < Q) values.push(value);
  }
  return values;
}

/** Draw the challenge: 39 coefficients of 1 or -1, the others 0: algorithm 29. */
function sampleInBall(seed) {
  const stream = shake256(seed);
  const signs = stream.bytes(8);
  const c = new Array(256).fill(0);
  for (let i = 256 - TAU, bit = 0; i < 256; i++, bit++) {
    let j = stream.byte();
    while (j > i) j = stream.byte();
    c[i] = c[j];
    c[j] = (signs[bit >> 3] >> (bit & 7)) & 1 ? Q - 1 : 1;
  }
  return c;
}

/** Return the high part of r, moved by its hint: algorithms 36 and 40. */
function useHint(hint, r) {
  let low = r % (2 * GAMMA_2);
  if (low > GAMMA_2) low -= 2 * GAMMA_2;
  let high = (r - low) / (2 * GAMMA_2);
  if (r - low === Q - 1) [high, low] = [0, low - 1];
  return hint ? (high + (low > 0 ? 1 : 43)) % 44 : high;
}

/** Write 256 numbers of 6 bits: algorithm 28 for ML-DSA-44. */
function packHigh(values) {
  const bytes = new Uint8Array(192);
  for (let i = 0; i < 64; i++) {
    const [a, b, c, d] = values.slice(4 * i, 4 * i + 4);
    bytes.set([a | (b << 6), (b >> 2) | (c << 4), (c >> 4) | (d << 2)], 3 * i);
  }
  return bytes;
}

/** Tell whether `signature` is one of `message` (pure) under the raw public key: algorithm 3. */
export function verifyMldsa44(publicKey, message, signature, context = NO_CONTEXT) {
  if (context.length > 255) return false;
  return verifyInternal(publicKey, [[0, context.length], context, message], signature);
}

/** Tell whether `signature` is one of the parts of M' under the raw public key: algorithm 8. */
export function verifyInternal(publicKey, parts, signature) {
  if (publicKey.length !== PUBLIC_KEY_BYTES || signature.length !== SIGNATURE_BYTES) return false;
  const challenge = signature.subarray(0, CHALLENGE_BYTES);
  const hints = unpackHints(signature.subarray(CHALLENGE_BYTES + L * Z_BYTES));
  if (hints === null) return false;
  const z = Array.from({ length: L }, (_, i) => {
    const at = CHALLENGE_BYTES + i * Z_BYTES;
    return unpack(signature.subarray(at, at + Z_BYTES), 18).map((value) => GAMMA_1 - value);
  });
  if (z.some((poly) => poly.some((value) => Math.abs(value) >= GAMMA_1 - BETA))) return false;

  const rho = publicKey.subarray(0, 32);
  const tr = shake256(publicKey).bytes(64);
  const mu = shake256(tr, ...parts).bytes(64);
  const c = ntt(sampleInBall(challenge));
  const zHat = z.map((poly) => ntt(poly.map(modQ)));
  const high = hints.map((hint, row) => {
    const at = 32 + row * T1_BYTES;
    const t = ntt(unpack(publicKey.subarray(at, at + T1_BYTES), 10).map((value) => value << D));
    const w = t.map((value, i) => Q - ((c[i] * value) % Q));
    for (let column = 0; column < L; column++) {
      const a = rejNttPoly(rho, column, row);
      for (let i = 0; i < 256; i++) w[i] = (w[i] + a[i] * zHat[column][i]) % Q;
    }
    return packHigh(inverseNtt(w).map((value, i) => useHint(hint[i], value)));
  });
  const expected = shake256(mu, ...high).bytes(CHALLENGE_BYTES);
  return expected.every((byte, i) => byte === challenge[i]);
}

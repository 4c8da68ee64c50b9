// What the second verifier is made of: hashes, signatures, base64. Run by tests/vectors/test_javascript.py.

import "./webcrypto.mjs";

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { b64, b64url, fromHex, hex, parseB64, parseB64url } from "../../src/hisn/verify/browser/bytes.mjs";
import { shake128, shake256 } from "../../src/hisn/verify/browser/keccak.mjs";
import { capabilities, parsePublicKey, verifySignature } from "../../src/hisn/verify/browser/keys.mjs";
import { verifyMldsa44 } from "../../src/hisn/verify/browser/mldsa44.mjs";
import { ED25519_EXAMPLE, ML_DSA_44_EXAMPLE } from "../../src/hisn/verify/browser/selftest.mjs";

const VECTORS = JSON.parse(readFileSync(new URL("../../vectors/mldsa44/verify.json", import.meta.url), "utf8"));

for (const [name, shake] of [["shake128", shake128], ["shake256", shake256]]) {
  test(`${name} gives what OpenSSL gives, around every block border`, () => {
    for (const length of [0, 1, 3, 135, 136, 137, 167, 168, 169, 1312, 5000]) {
      const text = randomBytes(length);
      const expected = createHash(name, { outputLength: 700 }).update(text).digest();
      assert.deepEqual(shake(text.subarray(0, 7), text.subarray(7)).bytes(700), Uint8Array.from(expected));
    }
  });
}

for (const { comment, public: key, message, signature, valid } of VECTORS.tests) {
  test(`ML-DSA-44: ${comment}`, () => {
    assert.equal(verifyMldsa44(fromHex(key), fromHex(message), fromHex(signature)), valid);
  });
}

test("every byte of an ML-DSA-44 signature counts", () => {
  const { key, message, signature } = ML_DSA_44_EXAMPLE;
  for (let at = 0; at < signature.length; at += 7) {
    const changed = Uint8Array.from(signature);
    changed[at] ^= 1 << at % 8;
    assert.equal(verifyMldsa44(key, message, changed), false, `byte ${at}`);
  }
});

test("an ML-DSA-44 signature is verified in well under 50 ms", () => {
  const { key, message, signature } = ML_DSA_44_EXAMPLE;
  const started = performance.now();
  for (let i = 0; i < 50; i++) assert.ok(verifyMldsa44(key, message, signature));
  const each = (performance.now() - started) / 50;
  assert.ok(each < 25, `${each} ms`);
});

test("the signatures by which a machine is tried are our published ones", () => {
  const [, good] = VECTORS.tests;
  assert.deepEqual(
    [hex(ML_DSA_44_EXAMPLE.key), hex(ML_DSA_44_EXAMPLE.signature)],
    [good.public, good.signature],
  );
});

test("Ed25519 is verified by WebCrypto, and a changed text, key or signature refused", async () => {
  assert.deepEqual(await capabilities(), { ed25519: true, "ml-dsa-44": true });
  const { key, message, signature } = ED25519_EXAMPLE;
  const parsed = parsePublicKey("ed25519", key);
  await verifySignature(parsed, signature, message);
  const refused = { code: "E3112" };
  await assert.rejects(verifySignature(parsed, signature, fromHex("73")), refused);
  await assert.rejects(verifySignature(parsed, signature.subarray(1), message), refused);
  for (let at = 0; at < 64; at++) {
    const changed = Uint8Array.from(signature);
    changed[at] ^= 1;
    await assert.rejects(verifySignature(parsed, changed, message), refused);
  }
});

test("keys under which one signature fits many texts are refused", () => {
  const weak = [
    "0000000000000000000000000000000000000000000000000000000000000000", // order 4
    "0100000000000000000000000000000000000000000000000000000000000000", // the neutral point
    "0100000000000000000000000000000000000000000000000000000000000080", // the same, with a sign
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // order 2
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", // order 8
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", // order 8
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // zero, not canonical
    "0200000000000000000000000000000000000000000000000000000000000000", // no point at all
  ];
  for (const key of weak) assert.throws(() => parsePublicKey("ed25519", fromHex(key)), { code: "E3111" });
  assert.throws(() => parsePublicKey("ed25519", new Uint8Array(31)), { code: "E3110" });
  assert.throws(() => parsePublicKey("ml-dsa-44", new Uint8Array(1311)), { code: "E3110" });
});

test("base64 is read in its one spelling only", () => {
  for (let length = 0; length < 50; length++) {
    const bytes = Uint8Array.from(randomBytes(length));
    assert.equal(b64(bytes), Buffer.from(bytes).toString("base64"));
    assert.equal(b64url(bytes), Buffer.from(bytes).toString("base64url"));
    assert.deepEqual(parseB64(b64(bytes)), bytes);
    assert.deepEqual(parseB64url(b64url(bytes)), bytes);
  }
  for (const text of ["A", "AB==", "AA", "AA=", "AAA", "AAAA=", "A A=", "AA==\n", "AA=A", "Ā", "-_==", "===="]) {
    assert.throws(() => parseB64(text), { code: "E3102" }, text);
  }
  for (const text of ["A", "AB", "AAB", "AA==", "+/", "A\n"]) {
    assert.throws(() => parseB64url(text), { code: "E3102" }, text);
  }
});

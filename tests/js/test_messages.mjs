// The two languages of the page say the same things. Run by tests/vectors/test_javascript.py.

import "./webcrypto.mjs";

import assert from "node:assert/strict";
import { test } from "node:test";

import { MESSAGES } from "../../src/hisn/verify/browser/messages.mjs";

const { en, ar } = MESSAGES;
const values = (text) => [...text.matchAll(/\{\w+\}|`[^`]+`/g)].map(([found]) => found).sort();

for (const part of ["page", "steps", "said", "results", "flags"]) {
  test(`${part}: every text is there in both languages, with the same values in it`, () => {
    assert.deepEqual(Object.keys(ar[part]).sort(), Object.keys(en[part]).sort());
    for (const [code, text] of Object.entries(en[part])) {
      assert.deepEqual(values(ar[part][code]), values(text), code);
      if (/[a-z]/.test(text.replace(/\{\w+\}|`[^`]+`/g, ""))) assert.match(ar[part][code], /[\u0621-\u064a]/, code);
    }
  });
}

test("every result and flag has an Arabic name", () => {
  const names = [...Object.keys(en.results), ...Object.keys(en.flags)].sort();
  assert.deepEqual(Object.keys(ar.names).sort(), names);
});

test("Arabic texts hold no digit or sign that another direction could turn", () => {
  const texts = ["page", "steps", "said", "results", "flags"].flatMap((part) => Object.values(ar[part]));
  for (const text of texts) assert.doesNotMatch(text, /[\u200e\u200f\u202a-\u202e\u2066-\u2069]/, text);
});

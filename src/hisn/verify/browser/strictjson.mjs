// Strict JSON, as core/canon.py reads and writes it. Objects are Maps (no name is magic), integers BigInts.

import { same, textOf, utf8 } from "./bytes.mjs";
import { refuse } from "./errors.mjs";
import { MAX_JSON_VALUES, MAX_NUMBER_CHARS } from "./limits.mjs";

const MAX_EXACT = 2n ** 53n - 1n;
const MAX_WIDE = 10n ** BigInt(MAX_NUMBER_CHARS) - 1n;
const BLANKS = /[ \t\n\r]*/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;
const PLAIN = /[^"\\\x00-\x1f]*/y;
const ESCAPES = { '"': '"', "\\": "\\", "/": "/", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };

const wrong = (reason) => refuse("E3100", `not strict JSON: ${reason}`);

/** Walk over one text; every method leaves the position behind what it has read. */
class Reader {
  constructor(text, maxDepth, maxValues) {
    this.text = text;
    this.maxDepth = maxDepth;
    this.maxValues = maxValues;
    this.values = 0;
    this.at = 0;
  }

  match(pattern) {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found) this.at = pattern.lastIndex;
    return found;
  }

  /** Pass over blanks and tell whether this sign comes next; if so, pass over it. */
  take(sign) {
    this.match(BLANKS);
    if (this.text[this.at] !== sign) return false;
    this.at += 1;
    return true;
  }

  value(depth) {
    if (this.take('"')) return this.string();
    if (this.take("{")) return this.object(depth + 1);
    if (this.take("[")) return this.array(depth + 1);
    for (const [word, value] of [["null", null], ["true", true], ["false", false]]) {
      if (this.text.startsWith(word, this.at)) {
        this.at += word.length;
        return value;
      }
    }
    return this.number();
  }

  number() {
    const found = this.match(NUMBER);
    if (!found) wrong("a value is missing");
    const [digits, fraction, exponent] = found;
    if (fraction || exponent) wrong("a number is no integer");
    if (digits.replace("-", "").length > MAX_NUMBER_CHARS) wrong("an integer is too long");
    if (digits === "-0") wrong("zero has no sign");
    return BigInt(digits);
  }

  string() {
    let text = "";
    for (;;) {
      text += this.match(PLAIN)[0];
      const sign = this.text[this.at++];
      if (sign === '"') break;
      if (sign !== "\\") wrong("a text does not end, or holds a control character");
      text += this.escape();
    }
    // What UTF-8 cannot say comes back as something else.
    if (textOf(utf8(text)) !== text) wrong("an escape names half of a character");
    return text;
  }

  escape() {
    const sign = this.text[this.at++];
    if (sign !== "u") return ESCAPES[sign] ?? wrong("an unknown escape");
    const digits = this.text.slice(this.at, this.at + 4);
    if (!/^[0-9a-fA-F]{4}$/.test(digits)) wrong("an unknown escape");
    this.at += 4;
    return String.fromCharCode(parseInt(digits, 16));
  }

  deeper(depth) {
    if (depth > this.maxDepth) wrong(`nested deeper than ${this.maxDepth}`);
    this.more();
  }

  /** Count a comma or an opening bracket: an empty list takes much more memory than text. */
  more() {
    this.values += 1;
    if (this.values > this.maxValues) wrong(`it has more than ${this.maxValues} values`);
  }

  comma() {
    if (!this.take(",")) return false;
    this.more();
    return true;
  }

  array(depth) {
    this.deeper(depth);
    const items = [];
    if (this.take("]")) return items;
    do items.push(this.value(depth));
    while (this.comma());
    if (!this.take("]")) wrong("a list does not end");
    return items;
  }

  object(depth) {
    this.deeper(depth);
    const found = new Map();
    if (this.take("}")) return found;
    do {
      if (!this.take('"')) wrong("a name is missing");
      const name = this.string();
      // Two readers that keep the first and the last would see two different statements.
      if (found.has(name)) wrong("a name stands twice in one object");
      if (!this.take(":")) wrong("a name without a value");
      found.set(name, this.value(depth));
    } while (this.comma());
    if (!this.take("}")) wrong("an object does not end");
    return found;
  }
}

/** Return the value of strict JSON, or refuse. */
export function parseJson(bytes, { maxBytes, maxDepth = 32, maxValues = MAX_JSON_VALUES }) {
  if (bytes.length > maxBytes) wrong(`${bytes.length} bytes are more than ${maxBytes}`);
  const text = textOf(bytes);
  if (text === null) wrong("not UTF-8");
  const reader = new Reader(text, maxDepth, maxValues);
  const value = reader.value(0);
  reader.match(BLANKS);
  if (reader.at !== text.length) wrong("something follows the value");
  return value;
}

/** Return the one JSON text of a value, or refuse what has none. */
export function canonicalText(value, wide = false) {
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "bigint") {
    const bound = wide ? MAX_WIDE : MAX_EXACT;
    if (value > bound || value < -bound) wrong("an integer is too large for canonical JSON");
    return value.toString();
  }
  if (Array.isArray(value)) return `[${value.map((item) => canonicalText(item, wide)).join(",")}]`;
  // The order of UTF-16 units, which is JavaScript's own (RFC 8785, 3.2.3).
  const pairs = [...value.keys()].sort().map((name) => {
    return `${JSON.stringify(name)}:${canonicalText(value.get(name), wide)}`;
  });
  return `{${pairs.join(",")}}`;
}

/** Return the bytes of the one JSON text of a value. */
export const canonical = (value, wide = false) => utf8(canonicalText(value, wide));

/** Return the value of JSON that is written exactly as `canonical` writes it, or refuse. */
export function parseCanonical(bytes, { wide = false, ...limits }) {
  const value = parseJson(bytes, limits);
  if (!same(canonical(value, wide), bytes)) refuse("E3101", "the JSON is not in its canonical form");
  return value;
}

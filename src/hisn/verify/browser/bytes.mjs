// Bytes and their few texts: UTF-8, hexadecimal, base64, decimals. One value has one text.

import { refuse } from "./errors.mjs";

const ENCODER = new TextEncoder();
// A byte order mark is a character like any other: `ignoreBOM` keeps it, and the parsers refuse it.
const DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const MAX_DECIMAL = 2n ** 63n - 1n;

/** Return the UTF-8 bytes of a text. */
export const utf8 = (text) => ENCODER.encode(text);

/** Return the text of UTF-8 bytes, or null where they are none. */
export function textOf(bytes) {
  try {
    return DECODER.decode(bytes);
  } catch {
    return null;
  }
}

/** Return one octet string for bytes, so that they can be searched and compared like text. */
export function octets(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) {
    text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  }
  return text;
}

/** Return the bytes of an octet string. */
export const bytesOf = (text) => Uint8Array.from(text, (sign) => sign.charCodeAt(0));

/** Join bytes and texts. */
export function concat(...parts) {
  const all = parts.map((part) => (typeof part === "string" ? utf8(part) : part));
  const joined = new Uint8Array(all.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of all) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** Tell whether two runs of bytes are the same. */
export const same = (a, b) => a.length === b.length && a.every((byte, i) => byte === b[i]);

/** Return lowercase hexadecimal. */
export const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** Return the bytes of hexadecimal that a pattern has passed. */
export function fromHex(text) {
  const bytes = new Uint8Array(text.length / 2);
  for (let at = 0; at < bytes.length; at++) bytes[at] = parseInt(text.slice(2 * at, 2 * at + 2), 16);
  return bytes;
}

/** Return the 32 bytes of 64 lowercase hexadecimal digits, or refuse. */
export function parseHex32(text, what = "a digest") {
  if (!/^[0-9a-f]{64}$/.test(text)) refuse("E3103", `${what} is not 64 lowercase hexadecimal digits`);
  return fromHex(text);
}

/** Return a decimal from 0 to 2**63-1 without sign or leading zeros as BigInt, or refuse. */
export function parseDecimal(text, what = "a number") {
  if (!/^(?:0|[1-9][0-9]{0,18})$/.test(text) || BigInt(text) > MAX_DECIMAL) {
    refuse("E3104", `${what} is not a plain decimal number`);
  }
  return BigInt(text);
}

/** Make an alphabet of base64: its digits, and the value of each character code, 64 for none. */
function alphabet(last) {
  const digits = `ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789${last}`;
  const values = new Uint8Array(128).fill(64);
  for (let i = 0; i < 64; i++) values[digits.charCodeAt(i)] = i;
  return { digits, values };
}

const STANDARD = alphabet("+/");
const URL_SAFE = alphabet("-_");

function encode(bytes, { digits }) {
  let text = "";
  for (let at = 0; at < bytes.length; at += 3) {
    const group = (bytes[at] << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    for (let i = 0; i <= Math.min(3, bytes.length - at); i++) text += digits[(group >> (18 - 6 * i)) & 63];
  }
  return text;
}

function decode(text, { values }) {
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4));
  let [held, count, at] = [0, 0, 0];
  for (let i = 0; i < text.length; i++) {
    held = ((held << 6) | (values[text.charCodeAt(i)] ?? 64)) & 0xffff;
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes[at++] = held >> count;
    }
  }
  return bytes;
}

/** Return standard base64 with padding (RFC 4648, 4). */
export function b64(bytes) {
  const text = encode(bytes, STANDARD);
  return text + "=".repeat((4 - (text.length % 4)) % 4);
}

/** Return base64url without padding (RFC 4648, 5). */
export const b64url = (bytes) => encode(bytes, URL_SAFE);

// Both readers write again what they read and compare: whatever stands there that is not the one
// spelling (a strange sign, spare bits, spare padding) comes out as something else.

/** Return the bytes of standard base64 in its one spelling, or refuse. */
export function parseB64(text, what = "a value") {
  const bytes = decode(text.replace(/={1,2}$/, ""), STANDARD);
  if (b64(bytes) !== text) refuse("E3102", `${what} is not strict base64`);
  return bytes;
}

/** Return the bytes of base64url without padding in its one spelling, or refuse. */
export function parseB64url(text, what = "a value") {
  const bytes = decode(text, URL_SAFE);
  if (b64url(bytes) !== text) refuse("E3102", `${what} is not strict base64`);
  return bytes;
}

/** Compare two texts by code points, as Python does; JavaScript's own order is that of UTF-16 units. */
export function compareText(a, b) {
  const [left, right] = [Array.from(a), Array.from(b)];
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    if (left[i] !== right[i]) return left[i].codePointAt(0) - right[i].codePointAt(0);
  }
  return left.length - right.length;
}

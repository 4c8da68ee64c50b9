// Make hostile text safe to show: the attacker writes our log lines (core/display.py).

const UNSAFE = /[\p{C}\p{Zl}\p{Zp}]/u;
const SHORT = { "\t": "\\t", "\n": "\\n", "\r": "\\r" };

function visible(char) {
  const code = char.codePointAt(0);
  const [letter, width] = code <= 0xff ? ["x", 2] : code <= 0xffff ? ["u", 4] : ["U", 8];
  return SHORT[char] ?? `\\${letter}${code.toString(16).padStart(width, "0")}`;
}

/** Return the text with everything invisible or active written as an escape; a cut is said. */
export function shown(text, limit = Infinity) {
  const chars = Array.from(text);
  const cut = chars.length > limit ? `\u2026 (+${chars.length - limit})` : "";
  const kept = chars.slice(0, Math.min(chars.length, limit));
  return kept.map((char) => (UNSAFE.test(char) ? visible(char) : char)).join("") + cut;
}

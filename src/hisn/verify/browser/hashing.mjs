// SHA-256 by WebCrypto, and the capabilities of the machine we run on.

import { concat } from "./bytes.mjs";

/** Return the SHA-256 digest of the parts, one after the other. */
export async function sha256(...parts) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", concat(...parts)));
}

/** Tell whether this machine can hash at all: WebCrypto is missing on pages from insecure places. */
export const canHash = () => Boolean(globalThis.crypto?.subtle?.digest);

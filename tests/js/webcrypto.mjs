// Node 18 has WebCrypto, but not where browsers have it. Imported first by every test.

import { webcrypto } from "node:crypto";

globalThis.crypto ??= webcrypto;

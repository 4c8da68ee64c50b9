// Every cap of core/proof_limits.py, and those on policies: each exists because somebody hostile writes our input.

const MiB = 1024 * 1024;

export const MAX_NUMBER_CHARS = 64;
export const MAX_JSON_VALUES = 2000000;

export const MAX_SLOTS = 4096;
export const MAX_DISCLOSURE_CHARS = 16 * MiB;
export const MAX_VALUE_DEPTH = 4;
export const MAX_MAP_VALUES = 4 * MAX_SLOTS;

export const MAX_NOTE_BYTES = 512 * 1024;
export const MAX_NOTE_SIGNATURES = 64;
export const MAX_COSIGNED_NAME_BYTES = 255;
export const MAX_PROOF_HASHES = 63;
export const MAX_POLICY_BYTES = MiB;
export const MAX_POLICY_ENTRIES = 256;
export const MAX_EXTRA_BYTES = 64 * 1024;

export const MAX_PACK_BYTES = 64 * MiB;
export const MAX_PACK_FILES = 40000;
export const MAX_PACK_NUMBER = 10000;
export const MAX_PACK_STATES = 256;
export const MAX_PACK_JUDGEMENTS = 4096;

export const MAX_LEAF_BYTES = 32 * 1024;
export const MAX_ACT_TEXT_CHARS = 256;
export const MAX_AUDIENCE = 100;
export const MAX_SEEN = 100;
export const MAX_ID_CHARS = 100;
export const MAX_ROSTER_BYTES = 4 * MiB;
export const MAX_MEMBERS = 100;
export const MAX_MEMBER_KEYS = 200;
export const MAX_EPOCHS = 1000;
export const MAX_ROSTER_SIGNATURES = 1024;
export const MAX_WITNESSES = 32;

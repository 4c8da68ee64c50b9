// Verify Merkle proofs as in RFC 6962, section 2.1. Sizes and indexes are BigInts.

import { same } from "./bytes.mjs";
import { refuse } from "./errors.mjs";
import { sha256 } from "./hashing.mjs";

const HASH_BYTES = 32;
const MAX_SIZE = 2n ** 63n - 1n;

/** Hash an entry to its leaf; the prefix keeps a leaf from passing as a node. */
export const leafHash = (entry) => sha256([0], entry);

/** Hash two nodes to their parent. */
export const nodeHash = (left, right) => sha256([1], left, right);

/** Return the largest power of two below `size`, which is 2 or more. */
function split(size) {
  let power = 1n;
  while (power * 2n < size) power *= 2n;
  return power;
}

class Misfit extends Error {}

/** Take a proof apart from its end, which is the top of the tree. */
class Hashes {
  constructor(proof) {
    this.left = [...proof];
  }

  last() {
    if (!this.left.length) throw new Misfit("the proof is too short");
    return this.left.pop();
  }

  end() {
    if (this.left.length) throw new Misfit("the proof is too long");
  }
}

/** Return the root that the path of a leaf gives: the definition of 2.1.1 read backwards. */
async function pathRoot(leaf, index, size, hashes) {
  if (size === 1n) {
    hashes.end();
    return leaf;
  }
  const half = split(size);
  const sibling = hashes.last();
  if (index < half) return nodeHash(await pathRoot(leaf, index, half, hashes), sibling);
  return nodeHash(sibling, await pathRoot(leaf, index - half, size - half, hashes));
}

/**
 * Return the roots of the first `old` and of all `size` leaves that a consistency proof gives: the
 * definition of 2.1.2 read backwards. `known` is the old root where it is a node of the new tree.
 */
async function grownRoots(old, size, hashes, known) {
  if (old === size) {
    const root = known ?? hashes.last();
    hashes.end();
    return [root, root];
  }
  const half = split(size);
  const sibling = hashes.last();
  if (old <= half) {
    const [before, after] = await grownRoots(old, half, hashes, known);
    return [before, await nodeHash(after, sibling)];
  }
  const [before, after] = await grownRoots(old - half, size - half, hashes, null);
  return [await nodeHash(sibling, before), await nodeHash(sibling, after)];
}

/** Say what is wrong with a proof, or "". */
async function fault(check) {
  try {
    return (await check()) ? "" : "the proof leads to another root";
  } catch (error) {
    if (error instanceof Misfit) return error.message;
    throw error;
  }
}

const allHashes = (...hashes) => hashes.every((each) => each.length === HASH_BYTES);

/** Refuse (E3220) unless the leaf with this hash stands at `index` in the tree of `size` leaves. */
export async function verifyInclusion(leaf, index, size, proof, root) {
  let why = `there is no entry ${index} in a tree of ${size}`;
  if (index >= 0n && index < size && size <= MAX_SIZE) {
    why = "a hash is not 32 bytes long";
    if (allHashes(leaf, root, ...proof)) {
      why = await fault(async () => same(await pathRoot(leaf, index, size, new Hashes(proof)), root));
    }
  }
  if (why) refuse("E3220", `entry ${index} is not proven to be in the log: ${why}`);
}

/** Refuse (E3221) unless the tree of `old` leaves, at least one, is the beginning of that of `size`. */
export async function verifyConsistency(old, oldRoot, size, root, proof) {
  let why = `sizes ${old} and ${size} cannot be compared`;
  if (old > 0n && old <= size && size <= MAX_SIZE) {
    why = "a hash is not 32 bytes long";
    if (allHashes(oldRoot, root, ...proof)) {
      why = await fault(async () => {
        const [before, after] = await grownRoots(old, size, new Hashes(proof), oldRoot);
        return same(before, oldRoot) && same(after, root);
      });
    }
  }
  if (why) refuse("E3221", `size ${size} is not proven to go on from size ${old}: ${why}`);
}

// SHAKE128 and SHAKE256 (FIPS 202). WebCrypto has neither; ML-DSA needs both.
// Nothing here is secret: no care is taken about constant time.

/** Make the 24 round constants by the shift register of FIPS 202, 3.2.5, as pairs (low, high). */
function roundConstants() {
  const constants = new Int32Array(48);
  let register = 1;
  for (let round = 0; round < 24; round++) {
    for (let j = 0; j < 7; j++) {
      const bit = (1 << j) - 1; // 0 1 3 7 15 31 63
      if (register & 1) constants[2 * round + (bit >> 5)] ^= 1 << (bit & 31);
      register <<= 1;
      if (register & 0x100) register ^= 0x171;
    }
  }
  return constants;
}

/** Walk the lanes as steps rho and pi do (3.2.2, 3.2.3): from, to, and the rotation of each move. */
function laneMoves() {
  const moves = [{ from: 0, to: 0, rotation: 0 }];
  let [x, y] = [1, 0];
  for (let t = 0; t < 24; t++) {
    const [toX, toY] = [y, (2 * x + 3 * y) % 5];
    moves.push({ from: x + 5 * y, to: toX + 5 * toY, rotation: (((t + 1) * (t + 2)) / 2) % 64 });
    [x, y] = [toX, toY];
  }
  return moves;
}

const CONSTANTS = roundConstants();
const MOVES = laneMoves();
const FROM = Int32Array.from(MOVES, (move) => 2 * move.from);
const TO = Int32Array.from(MOVES, (move) => 2 * move.to);
const ROTATION = Int32Array.from(MOVES, (move) => move.rotation);

/** Apply Keccak-f[1600] to 25 lanes held as (low, high) pairs of 32-bit words. */
function permute(state, column, moved) {
  for (let round = 0; round < 24; round++) {
    for (let x = 0; x < 10; x++) {
      column[x] = state[x] ^ state[x + 10] ^ state[x + 20] ^ state[x + 30] ^ state[x + 40];
    }
    for (let x = 0; x < 10; x += 2) {
      const [left, right] = [(x + 8) % 10, (x + 2) % 10];
      const low = column[left] ^ ((column[right] << 1) | (column[right + 1] >>> 31));
      const high = column[left + 1] ^ ((column[right + 1] << 1) | (column[right] >>> 31));
      for (let lane = x; lane < 50; lane += 10) {
        state[lane] ^= low;
        state[lane + 1] ^= high;
      }
    }
    for (let move = 0; move < 25; move++) {
      // A rotation by 32 and more is one by less with the halves swapped.
      const swap = ROTATION[move] >> 5;
      const low = state[FROM[move] + swap];
      const high = state[FROM[move] + 1 - swap];
      const by = ROTATION[move] & 31;
      moved[TO[move]] = by ? (low << by) | (high >>> (32 - by)) : low;
      moved[TO[move] + 1] = by ? (high << by) | (low >>> (32 - by)) : high;
    }
    for (let row = 0; row < 50; row += 10) {
      for (let x = 0; x < 10; x++) {
        state[row + x] = moved[row + x] ^ (~moved[row + ((x + 2) % 10)] & moved[row + ((x + 4) % 10)]);
      }
    }
    state[0] ^= CONSTANTS[2 * round];
    state[1] ^= CONSTANTS[2 * round + 1];
  }
}

/** Absorb the parts, then give as many bytes as are read; `rate` is 168 for SHAKE128, 136 for SHAKE256. */
class Shake {
  #state = new Int32Array(50);
  #column = new Int32Array(10);
  #moved = new Int32Array(50);
  #rate;
  #at = 0;

  constructor(rate, parts) {
    this.#rate = rate;
    for (const part of parts) for (const byte of part) this.#absorb(byte);
    // 1111 marks an extendable output, then comes the padding 1 0* 1 (6.2 and 5.1).
    this.#xor(this.#at, 0x1f);
    this.#xor(rate - 1, 0x80);
    this.#permute();
  }

  #xor(at, byte) {
    this.#state[at >> 2] ^= byte << (8 * (at & 3));
  }

  #permute() {
    permute(this.#state, this.#column, this.#moved);
    this.#at = 0;
  }

  #absorb(byte) {
    this.#xor(this.#at++, byte);
    if (this.#at === this.#rate) this.#permute();
  }

  /** Return the next byte of the output. */
  byte() {
    if (this.#at === this.#rate) this.#permute();
    const value = (this.#state[this.#at >> 2] >>> (8 * (this.#at & 3))) & 0xff;
    this.#at++;
    return value;
  }

  /** Return the next `length` bytes of the output. */
  bytes(length) {
    return Uint8Array.from({ length }, () => this.byte());
  }
}

/** Start SHAKE128 over the parts, one after the other. */
export const shake128 = (...parts) => new Shake(168, parts);

/** Start SHAKE256 over the parts, one after the other. */
export const shake256 = (...parts) => new Shake(136, parts);

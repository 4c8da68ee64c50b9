"""Make our test vectors for ML-DSA-44 (FIPS 204, pure, empty context): good ones, and bad ones of every sort.

    python vectors/make_mldsa44.py

The signer below is plain and slow, follows the algorithms of FIPS 204 by their names, and takes no
chance in (`rnd` is zero), so that the files come out the same each time.  It can also be told to
sign badly: a signature that only one check refuses is what tells whether the check is there.
Never use it for keys that matter: it leaks them through its timing.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import shake_128, shake_256
from pathlib import Path

HERE = Path(__file__).resolve().parent / "mldsa44"

Q, D, N = 8380417, 13, 256
TAU, GAMMA_1, GAMMA_2 = 39, 1 << 17, (8380417 - 1) // 88
ETA, BETA, OMEGA = 2, 78, 80
K = L = 4
Z_AT, HINTS_AT, SIGNATURE_BYTES = 32, 32 + L * 576, 2420

# Found by trying: under the first key, which is made from 32 zeros.
RARE_MESSAGES = {
    b"edge 164": "good; z is as large as it may be",
    b"edge 81": "good; a low part is as large as it may be",
}

Poly = list[int]
Vector = list[Poly]


def _reversed8(number: int) -> int:
    return int(f"{number:08b}"[::-1], 2)


ZETAS = [pow(1753, _reversed8(i), Q) for i in range(N)]


def ntt(poly: Poly) -> Poly:
    """Algorithm 41."""
    w, m, half = list(poly), 0, 128
    while half:
        for start in range(0, N, 2 * half):
            m += 1
            for j in range(start, start + half):
                t = ZETAS[m] * w[j + half] % Q
                w[j], w[j + half] = (w[j] + t) % Q, (w[j] - t) % Q
        half >>= 1
    return w


def inverse_ntt(poly: Poly) -> Poly:
    """Algorithm 42."""
    w, m, half = list(poly), N, 1
    while half < N:
        for start in range(0, N, 2 * half):
            m -= 1
            for j in range(start, start + half):
                w[j], w[j + half] = (w[j] + w[j + half]) % Q, -ZETAS[m] * (w[j] - w[j + half]) % Q
        half <<= 1
    return [8347681 * value % Q for value in w]


def times(a: Poly, b: Poly) -> Poly:
    """Multiply two transformed polynomials."""
    return [x * y % Q for x, y in zip(a, b, strict=True)]


def plus(a: Poly, b: Poly, sign: int = 1) -> Poly:
    """Add, or with sign -1 subtract."""
    return [(x + sign * y) % Q for x, y in zip(a, b, strict=True)]


def centered(value: int, modulus: int = Q) -> int:
    """Return the remainder from -modulus/2 (exclusive) to modulus/2."""
    value %= modulus
    return value - modulus if value > modulus // 2 else value


def norm(vector: Vector) -> int:
    """Return the largest size of a coefficient."""
    return max(abs(centered(value)) for poly in vector for value in poly)


def pack(values: Poly, bits: int) -> bytes:
    """Algorithm 16, by one large number."""
    return sum(value << bits * i for i, value in enumerate(values)).to_bytes(bits * N // 8, "little")


def unpack(data: bytes, bits: int) -> Poly:
    """Algorithm 18."""
    number = int.from_bytes(data, "little")
    return [number >> bits * i & ((1 << bits) - 1) for i in range(N)]


def expand_a(rho: bytes) -> list[Vector]:
    """Algorithm 32."""

    def entry(row: int, column: int) -> Poly:
        data = shake_128(rho + bytes([column, row])).digest(3 * 1024)
        drawn = (int.from_bytes(data[i : i + 3], "little") & 0x7FFFFF for i in range(0, len(data), 3))
        return [value for value in drawn if value < Q][:N]

    return [[entry(row, column) for column in range(L)] for row in range(K)]


def expand_s(rho: bytes) -> Vector:
    """Algorithm 33: both secret vectors, one after the other."""

    def entry(number: int) -> Poly:
        data = shake_256(rho + number.to_bytes(2, "little")).digest(512)
        halves = (half for byte in data for half in (byte & 15, byte >> 4))
        return [2 - half % 5 for half in halves if half < 15][:N]

    return [entry(number) for number in range(L + K)]


def expand_mask(rho: bytes, kappa: int) -> Vector:
    """Algorithm 34."""
    data = [shake_256(rho + (kappa + r).to_bytes(2, "little")).digest(576) for r in range(L)]
    return [[GAMMA_1 - value for value in unpack(each, 18)] for each in data]


def sample_in_ball(seed: bytes) -> Poly:
    """Algorithm 29."""
    data = iter(shake_256(seed).digest(1024))
    signs = int.from_bytes(bytes(next(data) for _ in range(8)), "little")
    c = [0] * N
    for i in range(N - TAU, N):
        j = next(byte for byte in data if byte <= i)
        c[i], c[j] = c[j], 1 - 2 * (signs >> (i + TAU - N) & 1)
    return c


def decompose(r: int) -> tuple[int, int]:
    """Algorithm 36."""
    r %= Q
    low = centered(r, 2 * GAMMA_2)
    return (0, low - 1) if r - low == Q - 1 else ((r - low) // (2 * GAMMA_2), low)


def pack_hints(hints: Vector) -> bytes:
    """Algorithm 20."""
    places, ends = b"", b""
    for poly in hints:
        places += bytes(i for i, hint in enumerate(poly) if hint)
        ends += bytes([len(places)])
    return places.ljust(OMEGA, b"\0") + ends


def is_good_norm(size: int) -> bool:
    """Tell whether z may be shown: the check that keeps the key secret, and that verifiers repeat."""
    return size < GAMMA_1 - BETA


class Key:
    """Hold a key pair made from a seed (algorithm 6), ready to sign."""

    def __init__(self, seed: bytes) -> None:
        expanded = shake_256(seed + bytes([K, L])).digest(128)
        self.rho, self.k = expanded[:32], expanded[96:]
        self.a = expand_a(self.rho)
        secrets = expand_s(expanded[32:96])
        self.s1, self.s2 = [ntt(poly) for poly in secrets[:L]], [ntt(poly) for poly in secrets[L:]]
        t = [plus(poly, secret) for poly, secret in zip(self.product(self.s1), secrets[L:], strict=True)]
        low = [[centered(value, 1 << D) for value in poly] for poly in t]
        high = [
            [(value - part) % Q >> D for value, part in zip(*pair, strict=True)]
            for pair in zip(t, low, strict=True)
        ]
        self.t0 = [ntt(poly) for poly in low]
        self.public = self.rho + b"".join(pack(poly, 10) for poly in high)

    def product(self, vector: Vector) -> Vector:
        """Multiply the matrix by a transformed vector, and transform back."""
        rows = []
        for row in self.a:
            total = [0] * N
            for entry, poly in zip(row, vector, strict=True):
                total = plus(total, times(entry, poly))
            rows.append(inverse_ntt(total))
        return rows

    def sign(self, message: bytes, accept: Callable[[int], bool] = is_good_norm) -> bytes:
        """Sign (algorithms 2 and 7, deterministic), with a norm of z that the caller accepts."""
        mu = shake_256(shake_256(self.public).digest(64) + b"\0\0" + message).digest(64)
        rho, kappa = shake_256(self.k + bytes(32) + mu).digest(64), 0
        while True:
            y = expand_mask(rho, kappa)
            kappa += L
            w = self.product([ntt(poly) for poly in y])
            high = [[decompose(value)[0] for value in poly] for poly in w]
            challenge = shake_256(mu + b"".join(pack(poly, 6) for poly in high)).digest(32)
            c = ntt(sample_in_ball(challenge))
            z, low, rest = (
                [inverse_ntt(times(c, poly)) for poly in part] for part in (self.s1, self.s2, self.t0)
            )
            z = [plus(*pair) for pair in zip(y, z, strict=True)]
            w = [plus(*pair, sign=-1) for pair in zip(w, low, strict=True)]
            remainder = max(abs(decompose(value)[1]) for poly in w for value in poly)
            if not accept(norm(z)) or norm(z) >= GAMMA_1 or remainder >= GAMMA_2 - BETA:
                continue
            hints = [
                [int(decompose(a + b)[0] != decompose(a)[0]) for a, b in zip(*pair, strict=True)]
                for pair in zip(w, rest, strict=True)
            ]
            if norm(rest) < GAMMA_2 and sum(map(sum, hints)) <= OMEGA:
                coded = (pack([GAMMA_1 - centered(value) for value in poly], 18) for poly in z)
                return challenge + b"".join(coded) + pack_hints(hints)


def _changed(data: bytes, at: int, value: int) -> bytes:
    return data[:at] + bytes([value]) + data[at + 1 :]


def _flipped(data: bytes, at: int, bits: int) -> bytes:
    return _changed(data, at, data[at] ^ bits)


def _bad_signatures(key: Key, message: bytes, good: bytes) -> list[tuple[str, bytes]]:
    hints = good[HINTS_AT:]
    used, first = hints[-1], hints[OMEGA]
    swapped = good[:HINTS_AT] + bytes([hints[1], hints[0]]) + hints[2:]
    doubled = good[:HINTS_AT] + bytes([hints[0], hints[0]]) + hints[2:]
    flips = [0, 31, 32, 33, 607, 608, 1184, 1760, HINTS_AT - 1, HINTS_AT, HINTS_AT + 1, 2415, 2416, 2419]
    return [
        *((f"bit {at % 8} of byte {at} flipped", _flipped(good, at, 1 << at % 8)) for at in flips),
        ("z is exact but too large", key.sign(message, lambda size: not is_good_norm(size))),
        ("z is exact but too large by one", key.sign(message, lambda size: size == GAMMA_1 - BETA)),
        ("z holds its largest code", good[:Z_AT] + bytes(3) + good[Z_AT + 3 :]),
        ("two hints of one polynomial swapped", swapped),
        ("one hint stands twice", doubled),
        ("an unused place for a hint is not zero", _changed(good, HINTS_AT + used, 1)),
        ("the last unused place for a hint is not zero", _changed(good, HINTS_AT + OMEGA - 1, 255)),
        ("the ends of hints go back", _changed(good, HINTS_AT + OMEGA + 1, first - 1)),
        ("more hints than places", _changed(good, SIGNATURE_BYTES - 1, OMEGA + 1)),
        ("255 hints", _changed(good, SIGNATURE_BYTES - 1, 255)),
        ("hints of the first polynomial run past the end", _changed(good, HINTS_AT + OMEGA, 81)),
        ("no hints", good[:HINTS_AT] + bytes(OMEGA + K)),
        ("a byte is missing", good[:-1]),
        ("a byte too many", good + b"\0"),
        ("empty", b""),
        ("zeros", bytes(SIGNATURE_BYTES)),
        ("ones", b"\xff" * SIGNATURE_BYTES),
    ]


def vectors() -> dict[str, object]:
    """Return all vectors as JSON; `valid` is what a verifier must find."""
    messages = [b"", b"abc", bytes(range(256)), "نزيهة".encode(), b"\0" * 135, b"\0" * 136, b"m" * 5000]
    keys = [Key(bytes([number]) * 32) for number in range(3)]
    tests: list[dict[str, object]] = []

    def add(comment: str, public: bytes, message: bytes, signature: bytes, *, valid: bool) -> None:
        tests.append(
            {
                "comment": comment,
                "public": public.hex(),
                "message": message.hex(),
                "signature": signature.hex(),
                "valid": valid,
            }
        )

    for number, message in enumerate(messages):
        key = keys[number % len(keys)]
        add(f"good; {len(message)} bytes", key.public, message, key.sign(message), valid=True)
    for text, comment in RARE_MESSAGES.items():
        add(comment, keys[0].public, text, keys[0].sign(text), valid=True)
    key, message = keys[0], b"one act"
    good = key.sign(message)
    add("good; the base of the bad ones", key.public, message, good, valid=True)
    for comment, bad in _bad_signatures(key, message, good):
        add(comment, key.public, message, bad, valid=False)
    add("another message", key.public, message + b".", good, valid=False)
    add("another key", keys[1].public, message, good, valid=False)
    for at in (0, 31, 32, 700, 1311):
        add(f"byte {at} of the key changed", _flipped(key.public, at, 0x80), message, good, valid=False)
    add("a key that is too short", key.public[:-1], message, good, valid=False)
    add("a key that is too long", key.public + b"\0", message, good, valid=False)
    return {"algorithm": "ML-DSA-44", "mode": "pure, empty context", "tests": tests}


def write(folder: Path = HERE) -> None:
    """Write the file of vectors."""
    folder.mkdir(exist_ok=True)
    text = json.dumps(vectors(), indent=1, ensure_ascii=False) + "\n"
    (folder / "verify.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()

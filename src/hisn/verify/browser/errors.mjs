// The one way to refuse. Codes are those of the Python verifier; `hisn explain E####` explains them.

/** Say that a proof is hostile or broken (E3...) or that the quorum is not met (E4...). */
export class Refusal extends Error {
  constructor(code, message) {
    super(message);
    this.name = "Refusal";
    this.code = code;
  }
}

/** Refuse with a code and a message. */
export function refuse(code, message) {
  throw new Refusal(code, message);
}

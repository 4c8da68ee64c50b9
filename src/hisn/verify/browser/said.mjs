// What a verification says: codes with values, put into words by messages.mjs, and the states of steps.

import { Refusal } from "./errors.mjs";

export const OK = "ok";
export const FAILED = "failed";
export const ABSENT = "absent";
/** Only here: the step held as far as this machine can check signatures. */
export const PARTIAL = "partial";

/** Say one thing by its code and the values in it. */
export const said = (code, args = {}) => ({ code, args });

/** Say that somebody signed two statements that exclude each other, and which. */
export class Fork extends Refusal {
  constructor(message, detail, proven) {
    super("E3540", message);
    this.detail = detail;
    this.proven = proven;
  }
}

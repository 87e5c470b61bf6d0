/** A step that took longer is followed by smaller ones. */
const SLOW_STEP_MS = 400
const LEAST_BYTES = 256 * 1024

/** How many bytes one commit takes in hand at most: fewer when commits take long, so that no other waits long for one. */
export class StepBytes {
  readonly #most: number
  #bytes: number

  constructor(most: number) {
    this.#most = most
    this.#bytes = most
  }

  get bytes(): number {
    return this.#bytes
  }

  took(ms: number): void {
    if (ms > SLOW_STEP_MS) this.#bytes = Math.max(LEAST_BYTES, this.#bytes / 2)
    else if (ms < SLOW_STEP_MS / 4) this.#bytes = Math.min(this.#most, this.#bytes * 2)
  }
}

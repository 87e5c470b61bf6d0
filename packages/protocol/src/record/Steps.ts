/** Work in pieces: each yields how many bytes have come out so far, the last returns them all. */
export type Steps = Generator<number, Uint8Array>

/** All of it at once. */
export const finish = (steps: Steps): Uint8Array => {
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
  }
}

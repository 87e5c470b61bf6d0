import { setImmediate as turn } from "node:timers/promises"

/** Work in pieces: each yields how many bytes it has come through so far, the last returns what came of it. */
export type Steps<A = Uint8Array> = Generator<number, A>

/** Bytes after which others may run. */
const STRETCH = 256 * 1024

/** All of it at once. */
export const finish = <A>(steps: Steps<A>): A => {
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
  }
}

/** All of it; others run after each 256 KiB. What is over before that costs no turn. */
export const inTurns = async <A>(steps: Steps<A>): Promise<A> => {
  let since = 0
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
    if (step.value - since < STRETCH) continue
    since = step.value
    await turn()
  }
}

let last = 0n

/** Of a row that is written: no other has it, on whichever server. Versions are told apart, and nothing else. */
export const newVersion = (): bigint => ++last

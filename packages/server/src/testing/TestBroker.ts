import { Tusk } from "../Tusk.ts"

export type { StartOptions, TestBroker } from "../RunningBroker.ts"

/** Starts a broker that is ready to serve when this resolves; rejects with what is wrong with the options. */
export const start = Tusk.start

import * as Context from "effect/Context"

/** What the rooms of this package hold now, for whoever tells of it. */
export class HeldByServer extends Context.Service<
  HeldByServer,
  {
    readonly connections: () => number
    readonly shareSessions: () => number
    /** Bytes of records in answers that are not written yet. */
    readonly answerBytes: () => number
  }
>()("@tusk/server/observe/HeldByServer") {}

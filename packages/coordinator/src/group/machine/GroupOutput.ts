/** What any group machine asks its shell to do. Carried out in order. */
export type GroupOutput<Answer, Group> =
  /** To be stored before any later output. */
  | { readonly _tag: "Persist"; readonly group: Group }
  /** The group and all its offsets go; the machine is dead. */
  | { readonly _tag: "Remove" }
  /** Each waiter is answered once. */
  | { readonly _tag: "Reply"; readonly waiter: number; readonly answer: Answer }
  /** Sets the group's one timer, which sends the machine's tick. In milliseconds of the monotonic clock. */
  | { readonly _tag: "WakeAt"; readonly atMs: number }

import * as Context from "effect/Context"

/** What this package has done since the broker started, for whoever wants to tell of it. */
export class CoordinatorCounts {
  /** Times that a group's work was divided anew, by the group's kind. */
  readonly rebalances = new Map<string, number>()

  readonly rebalanced = (kind: string): void => {
    this.rebalances.set(kind, (this.rebalances.get(kind) ?? 0) + 1)
  }
}

/** A broker's layer gives a value of its own. Without one all share one that nobody reads. */
export const GroupCounts = Context.Reference<CoordinatorCounts>("@tusk/coordinator/group/GroupCounts", {
  defaultValue: () => new CoordinatorCounts()
})

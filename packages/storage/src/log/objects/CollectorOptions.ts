import * as Context from "effect/Context"
import { collectorDefaults } from "../../defaults.ts"

/** How a broker takes away objects that no batch points to. */
export interface CollectorOptions {
  /** Between two rounds: `tusk.object.collect.interval.ms`. */
  readonly intervalMs: number
  /**
   * From the commit that says that no batch points to an object, to its removal: `tusk.object.delete.delay.ms`. Above the age of
   * the oldest backup that one would restore.
   */
  readonly deleteDelayMs: number
  /** No unit brings a pointer to an object of this process that is older: `ObjectOptions.pointableMs`, and more. */
  readonly settledMs: number
  /** Of an object that no row knows, from the time in its name to its removal. */
  readonly orphanMs: number
  /** Rounds from one look at the whole store to the next. */
  readonly roundsPerSweep: number
  /** Rows of one look, and objects noted by one commit. */
  readonly rowsPerStep: number
  /** Objects removed by one confirmation that the objects are this database's. */
  readonly removedPerStep: number
}

export const CollectorOptions = Context.Reference<CollectorOptions>("@tusk/storage/CollectorOptions", {
  defaultValue: () => collectorDefaults
})

/** The word that names of objects of this process have; undefined: it puts none. */
export const Incarnation = Context.Reference<string | undefined>("@tusk/storage/Incarnation", {
  defaultValue: () => undefined
})

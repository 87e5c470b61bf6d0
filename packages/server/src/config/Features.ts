/**
 * A feature with levels (KIP-584). Each has the one level that the code has: there is no older behaviour to go back to.
 * Features of what is not here, voters and replicas, are not told of: kraft.version, eligible.leader.replicas.version.
 */
export interface Feature {
  readonly name: string
  /** Least, greatest and finalized level at once. */
  readonly level: number
}

/**
 * Consumer groups (KIP-848), share groups (KIP-932), streams groups (KIP-1071), an epoch for each transaction (KIP-890). The
 * level of metadata, 4.3-IV0, stands for the release of Apache Kafka whose APIs these are: tools take it from there.
 */
export const FEATURES: ReadonlyArray<Feature> = [
  { name: "metadata.version", level: 30 },
  { name: "group.version", level: 1 },
  { name: "share.version", level: 1 },
  { name: "streams.version", level: 1 },
  { name: "transaction.version", level: 2 }
]

/** Features that Kafka has and that are not here: they have level 0. */
const ABSENT: ReadonlyArray<string> = ["kraft.version", "eligible.leader.replicas.version"]

/** Kinds of change: upgrade, safe downgrade, unsafe downgrade (KIP-778). */
const KINDS: ReadonlyArray<number> = [1, 2, 3]

/** Why a feature does not get a level, in Kafka's words; undefined if it has it already, which is the only one there is. */
export const levelProblem = (name: string, level: number, kind: number, nodeId: number): string | undefined => {
  const invalid = (why: string) => `Invalid update version ${level} for feature ${name}. ${why}`
  if (!KINDS.includes(kind)) return invalid("The controller does not support the given upgrade type.")
  if (level < 0) return invalid("A feature version cannot be less than 0.")
  const feature = FEATURES.find((one) => one.name === name)
  if (feature === undefined) {
    if (level > 0) return invalid(`Local controller ${nodeId} does not support this feature.`)
    return ABSENT.includes(name) ? undefined : invalid(`Feature ${name} not found.`)
  }
  return level === feature.level
    ? undefined
    : invalid(`Local controller ${nodeId} only supports versions ${feature.level}`)
}

/** One run of a client's program. */
export interface Command {
  readonly file: string
  readonly args: ReadonlyArray<string>
  readonly stdin?: string
  readonly env?: Readonly<Record<string, string>>
}

/** What one consumer says: a record it was given, or the partitions it owns now. */
export type Said =
  | {
      readonly kind: "record"
      readonly partition: number
      readonly offset: bigint
      readonly key: string
      readonly value: string
    }
  | { readonly kind: "assigned"; readonly partitions: ReadonlyArray<number> }

/** What a client's administration saw before it deleted the group and the topic. */
export interface Overview {
  readonly partitions: number
  /** Sum of the end offsets of all partitions. */
  readonly end: number
  /** Sum of the group's committed offsets. */
  readonly committed: number
}

/** A client, made ready to run. Each member is one process and stops, with a commit, on SIGTERM. */
export interface Program {
  readonly create: (bootstrap: string, topic: string, partitions: number) => Promise<void>
  readonly produce: (bootstrap: string, topic: string, from: number, count: number) => Promise<void>
  readonly consume: (bootstrap: string, topic: string, group: string) => Command
  /**
   * For a client that a fetch from before a rebalance still disturbs (ClientList.ts says how): how long to leave the
   * group alone after it was balanced, so that no such fetch is left.
   */
  readonly settleMs?: number
  /** For a client that may not leave its group when it is stopped within a rebalance: each member is stopped alone. */
  readonly stopsInTurn?: boolean
  /** What a line of a consumer means; undefined where it means nothing. */
  readonly parse: (line: string) => Said | undefined
  /** For a client that does not tell what it was assigned: asks the broker how many members own how many partitions. */
  readonly members?: (
    bootstrap: string,
    group: string
  ) => Promise<{ readonly members: number; readonly partitions: number }>
  readonly admin?: (bootstrap: string, topic: string, group: string) => Promise<Overview>
}

export interface Client {
  readonly name: string
  /** Makes the program ready; a string says why it cannot be had on this machine. */
  readonly prepare: () => Promise<Program | string>
}

/** Key and value of the n-th record of a topic. */
export const recordOf = (id: number): { readonly key: string; readonly value: string } => ({
  key: `key-${id % 100}`,
  value: `value-${id}`
})

/** Reads `partition <tab> offset <tab> key <tab> value` and `# assigned 0,1`. */
export const parseLine = (line: string): Said | undefined => {
  if (line.startsWith("# assigned ")) {
    const partitions = line
      .slice(11)
      .split(",")
      .filter((text) => text !== "")
    return { kind: "assigned", partitions: partitions.map(Number) }
  }
  const [partition, offset, key, value] = line.split("\t")
  if (partition === undefined || offset === undefined || key === undefined || value === undefined) return undefined
  return { kind: "record", partition: Number(partition), offset: BigInt(offset), key, value }
}

/** A topic of several partitions that is there for everybody. */
export const TOPIC = "t"
/** A topic that is compacted, of one partition. */
export const KEYED_TOPIC = "keyed"

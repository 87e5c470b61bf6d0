/** A topic of several partitions that is there for everybody. */
export const TOPIC = "t"
/** A topic that is compacted, of one partition. */
export const KEYED_TOPIC = "keyed"
/** A topic of which old batches move to objects, are deleted, and have been trimmed: not in every run. */
export const TIERED_TOPIC = "tiered"

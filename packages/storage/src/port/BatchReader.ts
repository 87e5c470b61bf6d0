import type * as Effect from "effect/Effect"
import type { StoreError } from "./StoreError.ts"

export interface ReadRequest {
  readonly partitionId: number
  /** The batch that holds this offset comes first, or the next one if none holds it. */
  readonly from: bigint
  /** The first batch comes whole even if it is larger. */
  readonly maxBytes: number
}

/**
 * THE PORT of reads of batches: by partition, offset and size. The store implements it. One reader may stand before
 * another: `ReadAhead` reads through the one behind it.
 */
export interface BatchReader {
  /**
   * Batches as they lie on the wire, a list a request, in order of requests. They are at most `maxBytes` in all, but the
   * very first batch comes whole. Fails as the backend does, and while this process is not the cluster's writer.
   */
  readonly read: (
    requests: ReadonlyArray<ReadRequest>,
    maxBytes: number
  ) => Effect.Effect<ReadonlyArray<ReadonlyArray<Uint8Array>>, StoreError>
  /**
   * What a request asks for is known to come as fast as from a disk of this machine, which has a memory of its own: nothing is
   * gained by reading it before it is asked for. Absent: that is known of none.
   */
  readonly isNear?: (request: Pick<ReadRequest, "from" | "partitionId">) => boolean
}

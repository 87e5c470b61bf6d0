import { isRelaxed } from "../../port/Write.ts"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import type { Append, Unit } from "../../port/Write.ts"
import { run, statementsOf } from "../connection/Statement.ts"
import { commitTexts } from "../sql/bundle.ts"
import type { FrameWriter } from "../connection/FrameWriter.ts"
import { lastByKey, ORDER, planCommit } from "./CommitPlan.ts"
import type { Segment } from "./CommitPlan.ts"
import type { OffsetRowsDraft } from "./OffsetRows.ts"
import { witnessOf } from "./Witness.ts"
import type { CommitRows, Witness } from "./Witness.ts"
import { escapeText } from "./escapeText.ts"

/** What the session of commits prepares. */
export const commitStatements = statementsOf(commitTexts)

/**
 * Appends are spread over statements of about this many bytes. A large array costs the server a zeroed page of memory
 * for each page of it, at each commit: one statement of 8 MiB took twice the CPU (758 against 410 µs a 128 KiB batch).
 */
const MAX_STATEMENT_BYTES = 192 * 1024

/** A batch so large goes into a statement of its own. */
const ALONE_BYTES = 32 * 1024

const append = (frame: FrameWriter, batches: ReadonlyArray<Append>): void =>
  run(frame, commitStatements.Append, 11, () => {
    frame.int32Array(batches, (batch) => batch.partitionId)
    frame.int32Array(batches, (batch) => batch.leaderEpoch)
    frame.int64Array(batches, (batch) => batch.baseOffset)
    frame.int64Array(batches, (batch) => batch.lastOffset)
    frame.int64Array(batches, (batch) => batch.maxTimestamp)
    frame.int64Array(batches, (batch) => batch.timestampHigh)
    frame.int64Array(batches, (batch) => batch.cumulativeBytes)
    frame.int64Array(batches, (batch) => batch.producerId)
    frame.int32Array(batches, (batch) => batch.baseSequence)
    frame.int32Array(batches, (batch) => batch.producerEpoch)
    frame.bytesArray(batches, (batch) => batch.records)
  })

const int32 = (frame: FrameWriter, value: number): void => {
  frame.int32(4)
  frame.int32(value)
}
const int64 = (frame: FrameWriter, value: bigint): void => {
  frame.int32(8)
  frame.int64(value)
}

const appendOne = (frame: FrameWriter, batch: Append): void =>
  run(frame, commitStatements.AppendOne, 11, () => {
    int32(frame, batch.partitionId)
    int32(frame, batch.leaderEpoch)
    int64(frame, batch.baseOffset)
    int64(frame, batch.lastOffset)
    int64(frame, batch.maxTimestamp)
    int64(frame, batch.timestampHigh)
    int64(frame, batch.cumulativeBytes)
    int64(frame, batch.producerId)
    int32(frame, batch.baseSequence)
    int32(frame, batch.producerEpoch)
    frame.int32(batch.records.byteLength)
    frame.raw(batch.records)
  })

const appendAll = (frame: FrameWriter, batches: ReadonlyArray<Append>): void => {
  let together: Array<Append> = []
  let bytes = 0
  const flush = () => {
    if (together.length > 0) append(frame, together)
    together = []
    bytes = 0
  }
  for (const batch of batches) {
    const size = batch.records.byteLength
    if (size >= ALONE_BYTES) {
      appendOne(frame, batch)
      continue
    }
    if (bytes + size > MAX_STATEMENT_BYTES) flush()
    together.push(batch)
    bytes += size
  }
  flush()
}

const deleteOffsets = (frame: FrameWriter, commitIds: ReadonlyArray<number | undefined>): void => {
  const gone = commitIds.filter((commitId) => commitId !== undefined)
  if (gone.length > 0) run(frame, commitStatements.DeleteOffset, 1, () => frame.int64Array(gone, BigInt))
}

/** How the writes of each kind become a statement's parameters. */
const encoders: {
  readonly [T in (typeof ORDER)[number]]: (frame: FrameWriter, segment: Segment, offsetRows: OffsetRowsDraft) => void
} = {
  PutTopic: (frame, segment) => {
    const topics = lastByKey(segment.of("PutTopic"), (write) => write.topicId)
    run(frame, commitStatements.PutTopic, 2, () => {
      frame.textArray(topics, (write) => write.topicId)
      frame.textArray(topics, (write) => write.name)
    })
  },
  PutPartition: (frame, segment) => {
    const partitions = segment.of("PutPartition")
    run(frame, commitStatements.PutPartition, 3, () => {
      frame.textArray(partitions, (write) => write.topicId)
      frame.int32Array(partitions, (write) => write.index)
      frame.int32Array(partitions, (write) => write.partitionId)
    })
  },
  PutConfig: (frame, segment) => {
    const configs = lastByKey(segment.of("PutConfig"), (write) =>
      JSON.stringify([write.resourceType, write.resourceName, write.name])
    )
    const set = configs.filter((write) => write.value !== null)
    const unset = configs.filter((write) => write.value === null)
    if (set.length > 0) {
      run(frame, commitStatements.PutConfig, 4, () => {
        frame.int32Array(set, (write) => write.resourceType)
        frame.textArray(set, (write) => escapeText(write.resourceName))
        frame.textArray(set, (write) => escapeText(write.name))
        frame.textArray(set, (write) => escapeText(write.value ?? ""))
      })
    }
    if (unset.length > 0) {
      run(frame, commitStatements.DeleteConfig, 3, () => {
        frame.int32Array(unset, (write) => write.resourceType)
        frame.textArray(unset, (write) => escapeText(write.resourceName))
        frame.textArray(unset, (write) => escapeText(write.name))
      })
    }
  },
  Append: (frame, segment) => appendAll(frame, segment.of("Append")),
  PutLeaderEpoch: (frame, segment) => {
    const epochs = segment.of("PutLeaderEpoch")
    run(frame, commitStatements.PutLeaderEpoch, 3, () => {
      frame.int32Array(epochs, (write) => write.partitionId)
      frame.int32Array(epochs, (write) => write.epoch)
      frame.int64Array(epochs, (write) => write.startOffset)
    })
  },
  PutProducerSnapshot: (frame, segment) => {
    const snapshots = lastByKey(segment.of("PutProducerSnapshot"), (write) => write.partitionId)
    run(frame, commitStatements.PutProducerSnapshot, 3, () => {
      frame.int32Array(snapshots, (write) => write.partitionId)
      frame.int64Array(snapshots, (write) => write.endOffset)
      frame.bytesArray(snapshots, (write) => write.value)
    })
  },
  PutLogStart: (frame, segment) => {
    const starts = segment.of("PutLogStart")
    run(frame, commitStatements.PutLogStart, 2, () => {
      frame.int32Array(starts, (write) => write.partitionId)
      frame.int64Array(starts, (write) => write.logStartOffset)
    })
  },
  PutFailoverEpoch: (frame, segment) => {
    const epochs = segment.of("PutFailoverEpoch")
    run(frame, commitStatements.PutFailoverEpoch, 2, () => {
      frame.int32Array(epochs, (write) => write.partitionId)
      frame.int32Array(epochs, (write) => write.epoch)
    })
  },
  ReplaceBatches: (frame, segment) => {
    const all = segment
      .of("ReplaceBatches")
      .flatMap(({ batches, partitionId }) => batches.map((batch) => ({ partitionId, ...batch })))
    const gone = all.filter(({ records }) => records === null)
    const kept = all.flatMap(({ records, ...batch }) => (records === null ? [] : [{ ...batch, records }]))
    if (gone.length > 0) {
      run(frame, commitStatements.RemoveBatches, 2, () => {
        frame.int32Array(gone, (batch) => batch.partitionId)
        frame.int64Array(gone, (batch) => batch.baseOffset)
      })
    }
    if (kept.length > 0) {
      run(frame, commitStatements.ReplaceBatches, 4, () => {
        frame.int32Array(kept, (batch) => batch.partitionId)
        frame.int64Array(kept, (batch) => batch.baseOffset)
        frame.int64Array(kept, (batch) => RecordBatch.maxTimestamp(batch.records))
        frame.bytesArray(kept, (batch) => batch.records)
      })
    }
  },
  PutCompaction: (frame, segment) => {
    const states = lastByKey(segment.of("PutCompaction"), (write) => write.partitionId)
    run(frame, commitStatements.PutCompaction, 4, () => {
      frame.int32Array(states, (write) => write.partitionId)
      frame.int64Array(states, (write) => write.compaction.cleanedOffset)
      frame.int64Array(states, (write) => write.compaction.cleanedBytes)
      frame.int64Array(states, (write) => write.compaction.deleteHorizon)
    })
  },
  PutOffset: (frame, segment, offsetRows) => {
    const offsets = lastByKey(segment.of("PutOffset"), (write) => `${write.partitionId} ${write.groupId}`)
    const rows = offsets.map(({ groupId, partitionId }) => offsetRows.put(groupId, partitionId))
    deleteOffsets(
      frame,
      rows.map(({ former }) => former)
    )
    run(frame, commitStatements.PutOffset, 8, () => {
      frame.textArray(offsets, (write) => escapeText(write.groupId))
      frame.int32Array(offsets, (write) => write.partitionId)
      frame.int64Array(offsets, (write) => write.offset)
      frame.int32Array(offsets, (write) => write.leaderEpoch)
      frame.int64Array(offsets, (write) => write.commitTimestamp)
      frame.int64Array(offsets, (write) => write.expireTimestamp)
      frame.textArray(offsets, (write) => (write.metadata === null ? null : escapeText(write.metadata)))
      frame.int64Array(rows, ({ commitId }) => BigInt(commitId))
    })
  },
  PutGroup: (frame, segment) => {
    const groups = lastByKey(segment.of("PutGroup"), (write) => write.groupId)
    run(frame, commitStatements.PutGroup, 3, () => {
      frame.textArray(groups, (write) => escapeText(write.groupId))
      frame.textArray(groups, (write) => write.kind)
      frame.textArray(groups, (write) => escapeText(write.value))
    })
  },
  DeleteOffset: (frame, segment, offsetRows) =>
    deleteOffsets(
      frame,
      segment.of("DeleteOffset").map(({ groupId, partitionId }) => offsetRows.remove(groupId, partitionId))
    ),
  PutGroupMember: (frame, segment) => {
    const members = lastByKey(
      segment.of("PutGroupMember"),
      (write) => `${write.groupId.length} ${write.groupId}${write.memberId}`
    )
    run(frame, commitStatements.PutGroupMember, 3, () => {
      frame.textArray(members, (write) => escapeText(write.groupId))
      frame.textArray(members, (write) => escapeText(write.memberId))
      frame.textArray(members, (write) => escapeText(write.value))
    })
  },
  DeleteGroupMember: (frame, segment) => {
    const members = segment.of("DeleteGroupMember")
    run(frame, commitStatements.DeleteGroupMember, 2, () => {
      frame.textArray(members, (write) => escapeText(write.groupId))
      frame.textArray(members, (write) => (write.memberId === null ? null : escapeText(write.memberId)))
    })
  },
  DeleteGroup: (frame, segment, offsetRows) => {
    const groups = segment.of("DeleteGroup")
    const offsets = groups.flatMap(({ groupId }) => offsetRows.removeGroup(groupId))
    run(frame, commitStatements.DeleteGroup, 2, () => {
      frame.textArray(groups, (write) => escapeText(write.groupId))
      frame.int64Array(offsets, BigInt)
    })
  },
  DeleteBatches: (frame, segment) => {
    const steps = segment.of("DeleteBatches")
    run(frame, commitStatements.DeleteBatches, 3, () => {
      frame.int32Array(steps, (write) => write.partitionId)
      frame.int64Array(steps, (write) => write.below)
      frame.int32Array(steps, (write) => write.limit)
    })
  },
  DeleteTopic: (frame, segment) => {
    const topics = segment.of("DeleteTopic")
    run(frame, commitStatements.DeleteTopic, 1, () => frame.textArray(topics, (write) => write.topicId))
  },
  DropPartition: (frame, segment, offsetRows) => {
    const partitions = segment.of("DropPartition")
    for (const { partitionId } of partitions) offsetRows.dropPartition(partitionId)
    run(frame, commitStatements.DropPartition, 1, () => frame.int32Array(partitions, (write) => write.partitionId))
  },
  PutNextProducerId: (frame, segment) => {
    const next = segment.of("PutNextProducerId").at(-1)!.next
    run(frame, commitStatements.PutNextProducerId, 1, () => int64(frame, next))
  }
}

/** Writes a commit as statements to be closed by one Sync: one transaction, one round trip, one fsync. */
export const encodeCommit = (
  frame: FrameWriter,
  units: ReadonlyArray<Unit>,
  offsetRows: OffsetRowsDraft,
  commitRows: CommitRows
): Witness | undefined => {
  if (isRelaxed(units)) run(frame, commitStatements.Relax, 0, () => {})
  const segments = planCommit(units)
  for (const segment of segments) {
    for (const tag of ORDER) if (segment.kinds.has(tag)) encoders[tag](frame, segment, offsetRows)
  }
  const witness = witnessOf(segments, offsetRows, commitRows)
  if (witness?._tag === "Row") {
    run(frame, commitStatements.PutCommit, 2, () => {
      int64(frame, witness.commitId)
      frame.int64Array(witness.former, (commitId) => commitId)
    })
  }
  return witness
}

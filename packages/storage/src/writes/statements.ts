import type { WriteOf } from "../port/Write.ts"
import { int4, int8, lastByKey, over, text } from "./StatementWriter.ts"
import type { StatementWriter } from "./StatementWriter.ts"
import type { WrittenOffset, OffsetRowIds } from "./WriteDefinition.ts"

type PutConfig = WriteOf<"PutConfig">

const setConfigs = over<PutConfig>(
  "PutConfig",
  int4((write) => write.resourceType),
  text((write) => write.resourceName),
  text((write) => write.name),
  text((write) => write.value)
)

const unsetConfigs = over<PutConfig>(
  "DeleteConfig",
  int4((write) => write.resourceType),
  text((write) => write.resourceName),
  text((write) => write.name)
)

/** Sets configs, and deletes those without a value. */
export const storeConfigs = (out: StatementWriter, configs: ReadonlyArray<PutConfig>): void => {
  setConfigs(
    out,
    configs.filter(({ value }) => value !== null)
  )
  unsetConfigs(
    out,
    configs.filter(({ value }) => value === null)
  )
}

const deleteRows = over<number>("DeleteOffset", int8(BigInt))

/** Deletes the rows of offsets that `rowOf` names. */
export const deleteOffsets = <A>(
  out: StatementWriter,
  items: ReadonlyArray<A>,
  rowOf: (item: A) => number | undefined
): void =>
  deleteRows(
    out,
    items.map(rowOf).filter((commitId) => commitId !== undefined)
  )

const putOffsets = (out: StatementWriter, rows: ReadonlyArray<WrittenOffset<WriteOf<"PutOffset">>>): void =>
  out.run("PutOffset", 8, () => {
    out.texts(rows, ({ write }) => write.groupId)
    out.int4s(rows, ({ write }) => write.partitionId)
    out.int8s(rows, ({ write }) => write.offset)
    out.int4s(rows, ({ write }) => write.leaderEpoch)
    out.int8s(rows, ({ write }) => write.commitTimestamp)
    out.int8s(rows, ({ write }) => write.expireTimestamp)
    out.texts(rows, ({ write }) => write.metadata)
    out.int8s(rows, ({ commitId }) => BigInt(commitId))
  })

/** A new row for each, and the former one away. */
export const storeOffsets = (
  out: StatementWriter,
  writes: ReadonlyArray<WriteOf<"PutOffset">>,
  offsetRows: OffsetRowIds
): void => {
  const offsets = lastByKey(writes, (write) => `${write.partitionId} ${write.groupId}`)
  const rows = offsets.map((write) => offsetRows.put(write))
  deleteOffsets(out, rows, ({ former }) => former)
  putOffsets(out, rows)
}

type PutTransactionalId = WriteOf<"PutTransactionalId">

const putTransactionalIds = over<PutTransactionalId>(
  "PutTransactionalId",
  int8((write) => write.revision),
  text((write) => write.transactionalId),
  text((write) => write.value)
)

const deleteTransactionalIds = over<bigint>(
  "DeleteTransactionalId",
  int8((revision) => revision)
)

/** A new row for each, and the former ones away: of an id that changes twice in a commit the last row alone is written. */
export const storeTransactionalIds = (out: StatementWriter, writes: ReadonlyArray<PutTransactionalId>): void => {
  const former = writes.map((write) => write.former).filter((revision) => revision !== null)
  deleteTransactionalIds(out, former)
  putTransactionalIds(
    out,
    lastByKey(writes, (write) => write.transactionalId)
  )
}

/** Deletes rows of the outbox: all of them are there, or the commit is refused. */
export const deleteOutbox = (out: StatementWriter, writes: ReadonlyArray<WriteOf<"DeleteOutbox">>): void => {
  const keys = writes.length === 1 ? writes[0]!.keys : writes.flatMap((write) => write.keys)
  out.run("DeleteOutbox", 3, () => {
    out.int8s(keys, ({ xid }) => xid)
    out.int8s(keys, ({ id }) => id)
    out.int8(BigInt(keys.length))
  })
}

/** Lays rows of the outbox aside, as `deleteOutbox` deletes them. */
export const refuseOutbox = (out: StatementWriter, writes: ReadonlyArray<WriteOf<"RefuseOutbox">>): void =>
  out.run("RefuseOutbox", 4, () => {
    out.int8s(writes, ({ xid }) => xid)
    out.int8s(writes, ({ id }) => id)
    out.texts(writes, ({ reason }) => reason)
    out.int8(BigInt(writes.length))
  })

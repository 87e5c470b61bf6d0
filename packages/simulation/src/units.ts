import type { Append, Unit, Write } from "@tusk/storage/port/Write"

/** With bytes of their own, as a database has them: what the broker does with its own from now on is its affair. */
export const ownBytes = (units: ReadonlyArray<Unit>): ReadonlyArray<Unit> =>
  units.map((unit) => unit.map((write) => ownBytesOf(write)))

const ownBytesOf = (write: Write): Write => {
  if (write._tag === "Append") return { ...write, records: Uint8Array.from(write.records) }
  if (write._tag !== "ReplaceBatches") return write
  const batches = write.batches.map((batch) => ({
    ...batch,
    records: batch.records === null ? null : Uint8Array.from(batch.records)
  }))
  return { ...write, batches }
}

export const appendsOf = (units: ReadonlyArray<Unit>): ReadonlyArray<Append> =>
  units.flatMap((unit) => unit.filter((write): write is Append => write._tag === "Append"))

/** Whether one of these topics is made here. */
export const foundsTopic = (units: ReadonlyArray<Unit>, isMeant: (topic: string) => boolean): boolean =>
  units.some((unit) => unit.some((write) => write._tag === "PutTopic" && isMeant(write.name)))

/** Since when objects are unused that a commit says to be so, in milliseconds; infinity: it says it of none. */
export const unusedSince = (units: ReadonlyArray<Unit>): number => {
  let since = Infinity
  for (const unit of units) {
    for (const write of unit) {
      if (write._tag === "PutUnusedObjects") since = Math.min(since, Number(write.unusedSince))
    }
  }
  return since
}

export const changesAcls = (units: ReadonlyArray<Unit>): boolean =>
  units.some((unit) => unit.some(({ _tag }) => _tag === "PutAcl" || _tag === "DeleteAcl"))

/** Group ids that begin so are those of a client that can never store an offset. */
export const POISON = "poison"

/** Whether there is something in it that a database refuses, however often it is asked. */
export const isPoisoned = (units: ReadonlyArray<Unit>): boolean =>
  units.some((unit) => unit.some((write) => write._tag === "PutOffset" && write.groupId.startsWith(POISON)))

/** Units in a few words. */
export const tell = (units: ReadonlyArray<Unit>): string => {
  const words: Array<string> = []
  for (const unit of units) {
    for (const write of unit) {
      if (write._tag === "Append") words.push(`${write.partitionId}@${write.baseOffset}-${write.lastOffset}`)
      else if (write._tag === "PutOffset") words.push(`${write.groupId}/${write.partitionId}=${write.metadata}`)
      else if (write._tag === "PutGroup")
        words.push(`${write.groupId}:${/"(?:generationId|groupEpoch)":(\d+)/.exec(write.value)?.[1]}`)
      else if (write._tag === "PutGroupMember")
        words.push(`${write.groupId}/${write.memberId}:${/"memberEpoch":(-?\d+)/.exec(write.value)?.[1]}`)
      else if (write._tag === "DeleteGroupMember") words.push(`${write.groupId}/${write.memberId} goes`)
      else words.push(write._tag)
    }
  }
  return words.join(" ")
}

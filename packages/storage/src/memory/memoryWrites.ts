import type { StoreError } from "../port/StoreError.ts"
import type { Unit, Write } from "../port/Write.ts"
import type { MemoryData } from "../writes/MemoryData.ts"
import { MemoryDraft } from "../writes/MemoryDraft.ts"
import { definitionOf } from "../writes/Writes.ts"

/** What a commit would break, looked for before anything of it is applied. */
export const conflict = (data: MemoryData, units: ReadonlyArray<Unit>, maxBytes: number): StoreError | undefined => {
  const draft = new MemoryDraft(data, maxBytes)
  for (const unit of units) {
    for (const write of unit) {
      const found = definitionOf(write).conflict?.(draft, write)
      if (found !== undefined) return found
    }
  }
  return undefined
}

export const apply = (data: MemoryData, write: Write): void => definitionOf(write).apply(data, write)

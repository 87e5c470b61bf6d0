import type { Unit } from "../port/Write.ts"
import { FIXED_BYTES } from "./WriteDefinition.ts"
import { definitionOf } from "./Writes.ts"

/** Bytes that a unit asks the backend to store, about. */
export const unitBytes = (unit: Unit): number => {
  let bytes = 0
  for (const write of unit) bytes += FIXED_BYTES + definitionOf(write).bytes(write)
  return bytes
}

import { field, int16, int32, struct, type Value } from "../codec/Declare.ts"
import { messageCodec } from "../codec/MessageCodec.ts"

/** The type of a control record. */
export const ControlRecordKeyData = struct("ControlRecordTypeSchema", { type: field(int16) })
export interface ControlRecordKeyData extends Value<typeof ControlRecordKeyData> {}

/** The key of a control record, behind an int16 version: 0 aborts a transaction, 1 commits it (KIP-98). */
export const ControlRecordKey = messageCodec(ControlRecordKeyData, { versions: "0", flexible: "none" })

/** What a marker tells: the epoch of the coordinator that wrote it. */
export const EndTxnMarkerData = struct("EndTxnMarker", { coordinatorEpoch: field(int32) })
export interface EndTxnMarkerData extends Value<typeof EndTxnMarkerData> {}

/** The value of a control record that ends a transaction, behind an int16 version (KIP-98). */
export const EndTxnMarker = messageCodec(EndTxnMarkerData, { versions: "0", flexible: "none" })

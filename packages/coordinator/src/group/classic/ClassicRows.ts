import * as Schema from "effect/Schema"
import { Base64, groupRowCodec } from "../machine/RowCodec.ts"
import type { GroupRow, RowCodec } from "../machine/RowCodec.ts"
import type { PersistedGroup } from "./ClassicGroupState.ts"

/** 32 MiB of metadata and as much of assignments in base64, with room for names. */
const MAX_CHARACTERS = 128 * 1024 * 1024

const Member = Schema.Struct({
  memberId: Schema.String,
  groupInstanceId: Schema.NullOr(Schema.String),
  clientId: Schema.String,
  clientHost: Schema.String,
  sessionTimeoutMs: Schema.Int,
  rebalanceTimeoutMs: Schema.Int,
  protocols: Schema.Array(Schema.Struct({ name: Schema.String, metadata: Base64 })),
  assignment: Base64
})

const Group = Schema.Struct({
  version: Schema.Literal(1),
  savedAtMs: Schema.Int,
  generationId: Schema.Int,
  protocolType: Schema.NullOr(Schema.String),
  protocolName: Schema.NullOr(Schema.String),
  leaderId: Schema.NullOr(Schema.String),
  members: Schema.Array(Member)
})

/** A group with its members. */
export const groupRow: RowCodec<GroupRow<PersistedGroup>> = groupRowCodec(Group, 1, MAX_CHARACTERS)

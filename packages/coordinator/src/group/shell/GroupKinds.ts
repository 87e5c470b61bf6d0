import { classicKind } from "../classic/classicKind.ts"
import { consumerKind } from "../consumer/consumerKind.ts"
import type { GroupConfig } from "./GroupConfig.ts"
import type { GroupResourceConfig } from "../machine/GroupConfigs.ts"
import type { GroupKind } from "../machine/GroupKind.ts"
import { shareKind } from "../share/shareKind.ts"
import { streamsKind } from "../streams/streamsKind.ts"
import type { KindCell } from "./KindCell.ts"

/** Every kind of group there is, by the name under which it is stored and listed. */
export const makeGroupKinds = (config: GroupConfig, configs: (groupId: string) => GroupResourceConfig) => ({
  classic: classicKind(config),
  consumer: consumerKind(configs),
  share: shareKind(configs),
  streams: streamsKind(configs)
})

export type GroupKinds = ReturnType<typeof makeGroupKinds>
export type KindName = keyof GroupKinds

export type CellOf<Name extends KindName> =
  GroupKinds[Name] extends GroupKind<Name, infer State, infer Event, infer Answer, infer _Group>
    ? KindCell<Name, State, Event, Answer>
    : never

/** Tell them apart by `kind`. */
export type AnyCell = { readonly [Name in KindName]: CellOf<Name> }[KindName]

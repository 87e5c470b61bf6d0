import * as Context from "effect/Context"
import type { Identity } from "./Identity.ts"
import type { Operation, ResourceType } from "./Operations.ts"

/** Decides who may do what. It is asked for each resource of a request: it answers at once, from memory. */
export interface Authorizer {
  /** An authorizer is configured (`authorizer.class.name`). Without one everybody may do everything. */
  readonly isOn: boolean
  /** `host`: the client's address. A refusal is logged. */
  readonly allows: (
    identity: Identity,
    host: string,
    operation: Operation,
    resourceType: ResourceType,
    name: string
  ) => boolean
  /** As `allows`, but what is refused is no news: it only becomes part of a larger answer. */
  readonly allowsQuietly: Authorizer["allows"]
  /** Whether the operation is allowed on any resource of the type (KIP-679). */
  readonly allowsSomewhere: (
    identity: Identity,
    host: string,
    operation: Operation,
    resourceType: ResourceType
  ) => boolean
}

const everything: Authorizer = {
  isOn: false,
  allows: () => true,
  allowsQuietly: () => true,
  allowsSomewhere: () => true
}

export const Authorizer = Context.Reference<Authorizer>("@tusk/server/Authorizer", { defaultValue: () => everything })

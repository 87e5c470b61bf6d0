import type * as Effect from "effect/Effect"
import type { StoreError } from "./StoreError.ts"

/** What the backend's server says to a name and a password. */
export type RoleLogin =
  /** It asked for the password, and took it. */
  | "Accepted"
  /** The password is wrong, there is no such role, or it may not log in. */
  | "Refused"
  /** It lets this role in without a password, or would have it sent readable over the network: it proves nothing. */
  | "Unproven"

/** The users of the backend's own server. Fails if the server cannot be asked now: nothing is known then. */
export interface RoleLogins {
  readonly login: (role: string, password: string) => Effect.Effect<RoleLogin, StoreError>
  /** Roles that it is a member of, itself left out; undefined if there is no such role, or it may not log in any more. */
  readonly groupsOf: (role: string) => Effect.Effect<ReadonlyArray<string> | undefined, StoreError>
  /** Why no password is proof here: the server lets the broker's own role in with any. Undefined if it does not. */
  readonly trusting: Effect.Effect<string | undefined, StoreError>
}

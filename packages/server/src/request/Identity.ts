/** Who speaks on a connection. */
export interface Identity {
  /** As ACLs name it: `User:<name>`. */
  readonly principal: string
  /** Roles of Postgres that the user is a member of, each `Group:<name>`. */
  readonly groups: ReadonlyArray<string>
  /** It has shown a delegation token (KIP-48), and may do less with tokens than one with a password. */
  readonly byToken: boolean
}

/** Of a connection that was not authenticated. */
export const ANONYMOUS: Identity = { principal: "User:ANONYMOUS", groups: [], byToken: false }

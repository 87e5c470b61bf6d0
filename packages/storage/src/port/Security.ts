/** A row of `kafka.acls`, in the words of Kafka's tools: `TOPIC`, `LITERAL`, `READ`, `ALLOW`. */
export interface StoredAcl {
  readonly resourceType: string
  /** A name, a prefix of names, or `*`. */
  readonly resourceName: string
  readonly patternType: string
  /** `User:<name>`, or `Group:<role of Postgres>`. */
  readonly principal: string
  /** An address, or `*`. */
  readonly host: string
  readonly operation: string
  readonly permissionType: string
}

/** What the server keeps of a password (RFC 5802): the password cannot be told from it. */
export interface StoredScramCredential {
  readonly user: string
  /** `SCRAM-SHA-256` or `SCRAM-SHA-512`. */
  readonly mechanism: string
  readonly iterations: number
  readonly salt: Uint8Array
  readonly storedKey: Uint8Array
  readonly serverKey: Uint8Array
}

/** One quota of one entity. Of each kind of entity: "" if it is not named, `<default>`, or a name. */
export interface StoredQuota {
  readonly user: string
  readonly clientId: string
  readonly ip: string
  /** `producer_byte_rate` and so on. */
  readonly key: string
  readonly value: number
}

/** A delegation token (KIP-48). Times in milliseconds since 1970. */
export interface StoredDelegationToken {
  readonly tokenId: string
  readonly hmac: Uint8Array
  /** `User:<name>`: who is authenticated by it. */
  readonly owner: string
  /** Who asked for it. */
  readonly requester: string
  /** Who else may renew it. */
  readonly renewers: ReadonlyArray<string>
  readonly issueTimestamp: bigint
  readonly maxTimestamp: bigint
  readonly expiryTimestamp: bigint
}

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
  /** SHA-256 of its HMAC, which is its password: that itself is stored nowhere. */
  readonly hmacHash: Uint8Array
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

/** Who may do what, who gets in, and how much: read as a whole at a take-over, and when SQL has changed it. */
export interface StoredSecurity {
  readonly acls: ReadonlyArray<StoredAcl>
  readonly scramCredentials: ReadonlyArray<StoredScramCredential>
  readonly quotas: ReadonlyArray<StoredQuota>
  readonly delegationTokens: ReadonlyArray<StoredDelegationToken>
}

/** What a SCRAM credential is known by. */
export type ScramKey = Pick<StoredScramCredential, "user" | "mechanism">
/** What a quota is known by. */
export type QuotaKey = Omit<StoredQuota, "value">
/** What a delegation token is known by. */
export type TokenKey = Pick<StoredDelegationToken, "tokenId">

export const aclKey = (acl: StoredAcl): string =>
  JSON.stringify([
    acl.resourceType,
    acl.resourceName,
    acl.patternType,
    acl.principal,
    acl.host,
    acl.operation,
    acl.permissionType
  ])
export const scramKey = ({ mechanism, user }: ScramKey): string => JSON.stringify([user, mechanism])
export const quotaKey = ({ clientId, ip, key, user }: QuotaKey): string => JSON.stringify([user, clientId, ip, key])
export const tokenKey = ({ tokenId }: TokenKey): string => tokenId

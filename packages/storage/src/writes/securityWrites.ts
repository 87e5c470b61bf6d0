import { aclKey, quotaKey, scramKey, tokenKey } from "../port/Security.ts"
import type { StoredAcl } from "../port/Security.ts"
import type { Write, WriteOf } from "../port/Write.ts"
import { bytea, int4, int8, over, overLast, text } from "./StatementWriter.ts"
import type { Order, WriteDefinition } from "./WriteDefinition.ts"

type SecurityTag = Extract<
  Write["_tag"],
  `${"Put" | "Delete"}${"Acl" | "ScramCredential" | "Quota" | "DelegationToken"}`
>

/** A row that is put and deleted in one commit: in the order of its writes. Ids of groups and partitions begin otherwise. */
const keyed =
  <W>(kind: string, key: (write: W) => string) =>
  (write: W): string =>
    `${kind}\n${key(write)}`
const put = <W>(key: (write: W) => string): Order<W> => ({ after: key })
const deletion = <W>(key: (write: W) => string): Order<W> => ({ deletes: key })

const ofAcl = keyed("acl", aclKey)
const ofScram = keyed("scram", scramKey)
const ofQuota = keyed("quota", quotaKey)
const ofToken = keyed("token", tokenKey)

const aclColumns = [
  text((acl: StoredAcl) => acl.resourceType),
  text((acl: StoredAcl) => acl.resourceName),
  text((acl: StoredAcl) => acl.patternType),
  text((acl: StoredAcl) => acl.principal),
  text((acl: StoredAcl) => acl.host),
  text((acl: StoredAcl) => acl.operation),
  text((acl: StoredAcl) => acl.permissionType)
]

/** What `Writes.ts` has of security: a row is put or deleted as often as one likes. */
export const securityWrites = {
  PutAcl: {
    order: put(ofAcl),
    takes: [],
    bytes: ({ principal, resourceName }) => principal.length + resourceName.length,
    store: over("PutAcl", ...aclColumns),
    apply: (data, { _tag, ...acl }) => data.acls.set(aclKey(acl), acl)
  },
  DeleteAcl: {
    order: deletion(ofAcl),
    takes: [],
    bytes: ({ principal, resourceName }) => principal.length + resourceName.length,
    store: over("DeleteAcl", ...aclColumns),
    apply: (data, acl) => data.acls.delete(aclKey(acl))
  },
  PutScramCredential: {
    order: put(ofScram),
    takes: [],
    bytes: ({ user }) => user.length + 192,
    store: overLast(
      scramKey,
      over(
        "PutScramCredential",
        text((write) => write.user),
        text((write) => write.mechanism),
        int4((write) => write.iterations),
        bytea((write) => write.salt),
        bytea((write) => write.storedKey),
        bytea((write) => write.serverKey)
      )
    ),
    apply: (data, { _tag, ...credential }) => data.scramCredentials.set(scramKey(credential), credential)
  },
  DeleteScramCredential: {
    order: deletion(ofScram),
    takes: [],
    bytes: ({ user }) => user.length,
    store: over(
      "DeleteScramCredential",
      text((write) => write.user),
      text((write) => write.mechanism)
    ),
    apply: (data, write) => data.scramCredentials.delete(scramKey(write))
  },
  PutQuota: {
    order: put(ofQuota),
    takes: [],
    bytes: ({ clientId, user }) => clientId.length + user.length,
    store: overLast(
      quotaKey,
      over(
        "PutQuota",
        text((write) => write.user),
        text((write) => write.clientId),
        text((write) => write.ip),
        text((write) => write.key),
        text((write) => String(write.value))
      )
    ),
    apply: (data, { _tag, ...quota }) => data.quotas.set(quotaKey(quota), quota)
  },
  DeleteQuota: {
    order: deletion(ofQuota),
    takes: [],
    bytes: ({ clientId, user }) => clientId.length + user.length,
    store: over(
      "DeleteQuota",
      text((write) => write.user),
      text((write) => write.clientId),
      text((write) => write.ip),
      text((write) => write.key)
    ),
    apply: (data, write) => data.quotas.delete(quotaKey(write))
  },
  PutDelegationToken: {
    order: put(ofToken),
    takes: [],
    bytes: ({ owner, renewers, requester }) =>
      owner.length + requester.length + renewers.reduce((sum, { length }) => sum + length, 128),
    store: overLast(
      tokenKey,
      over(
        "PutDelegationToken",
        text((write) => write.tokenId),
        bytea((write) => write.hmacHash),
        text((write) => write.owner),
        text((write) => write.requester),
        text((write) => JSON.stringify(write.renewers)),
        int8((write) => write.issueTimestamp),
        int8((write) => write.maxTimestamp),
        int8((write) => write.expiryTimestamp)
      )
    ),
    apply: (data, { _tag, ...token }) => data.delegationTokens.set(tokenKey(token), token)
  },
  DeleteDelegationToken: {
    order: deletion(ofToken),
    takes: [],
    bytes: ({ tokenId }) => tokenId.length,
    store: over(
      "DeleteDelegationToken",
      text((write) => write.tokenId)
    ),
    apply: (data, write) => data.delegationTokens.delete(tokenKey(write))
  }
} as const satisfies { readonly [T in SecurityTag]: WriteDefinition<WriteOf<T>> }

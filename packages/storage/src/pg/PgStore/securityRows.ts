import * as Effect from "effect/Effect"
import type {
  StoredAcl,
  StoredDelegationToken,
  StoredQuota,
  StoredScramCredential,
  StoredSecurity
} from "../../port/Security.ts"
import type { PgConnection, TextRows } from "../connection/PgConnection.ts"
import type { ConnectionError } from "../connection/ConnectionError.ts"
import { takeOverTexts } from "../sql/bundle.ts"
import { unescapeText } from "./escapeText.ts"

type Row = TextRows[number]

const textAt = (row: Row, i: number): string => unescapeText(row[i]!)
const bytesAt = (row: Row, i: number): Uint8Array => Buffer.from(row[i]!, "hex")

const aclOf = (row: Row): StoredAcl => ({
  resourceType: row[0]!,
  resourceName: textAt(row, 1),
  patternType: row[2]!,
  principal: textAt(row, 3),
  host: textAt(row, 4),
  operation: row[5]!,
  permissionType: row[6]!
})

const credentialOf = (row: Row): StoredScramCredential => ({
  user: textAt(row, 0),
  mechanism: row[1]!,
  iterations: Number(row[2]),
  salt: bytesAt(row, 3),
  storedKey: bytesAt(row, 4),
  serverKey: bytesAt(row, 5)
})

const quotaOf = (row: Row): StoredQuota => ({
  user: textAt(row, 0),
  clientId: textAt(row, 1),
  ip: textAt(row, 2),
  key: row[3]!,
  value: Number(row[4])
})

const tokenOf = (row: Row): StoredDelegationToken => ({
  tokenId: textAt(row, 0),
  hmacHash: bytesAt(row, 1),
  owner: textAt(row, 2),
  requester: textAt(row, 3),
  renewers: (JSON.parse(textAt(row, 4)) as ReadonlyArray<unknown>).map(String),
  issueTimestamp: BigInt(row[5]!),
  maxTimestamp: BigInt(row[6]!),
  expiryTimestamp: BigInt(row[7]!)
})

/** Reads all rows of security. */
export const loadSecurity = (connection: PgConnection): Effect.Effect<StoredSecurity, ConnectionError> =>
  Effect.gen(function* () {
    return {
      acls: (yield* connection.query(takeOverTexts.LoadAcls)).map(aclOf),
      scramCredentials: (yield* connection.query(takeOverTexts.LoadScramCredentials)).map(credentialOf),
      quotas: (yield* connection.query(takeOverTexts.LoadQuotas)).map(quotaOf),
      delegationTokens: (yield* connection.query(takeOverTexts.LoadDelegationTokens)).map(tokenOf)
    }
  })

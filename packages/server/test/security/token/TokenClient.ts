/** What clients say of delegation tokens. */
import { CreateDelegationToken } from "@tusk/protocol/messages/CreateDelegationToken"
import type { CreateDelegationTokenResponse } from "@tusk/protocol/messages/CreateDelegationToken"
import { DescribeDelegationToken } from "@tusk/protocol/messages/DescribeDelegationToken"
import { ExpireDelegationToken } from "@tusk/protocol/messages/ExpireDelegationToken"
import { RenewDelegationToken } from "@tusk/protocol/messages/RenewDelegationToken"
import type { ScramMechanism } from "../../../src/security/sasl/ScramKeys.ts"
import type { BrokerUnderTest } from "../../BrokerUnderTest.ts"
import type { WireClient } from "../../WireClient.ts"
import { connectSasl, plainLogin, scramLogin } from "../sasl/SaslBroker.ts"

export const SECRET = "the-secret-of-tokens"
export const TOKENS = { "delegation.token.secret.key": SECRET, "connection.failed.authentication.delay.ms": 0 }

/** A connection of alice or bob, who log in by PLAIN. */
export const connectAs = async (broker: BrokerUnderTest, user: string): Promise<WireClient> => {
  const client = await connectSasl(broker)
  const { errorCode } = await plainLogin(client, user, `${user}-secret`)
  if (errorCode !== 0) throw new Error(`${user} cannot log in: ${errorCode}`)
  return client
}

const user = (principalName: string) => ({ principalType: "User", principalName })

export const create = (
  client: WireClient,
  { lifeMs = -1n, owner, renewers = [] }: { lifeMs?: bigint; owner?: string; renewers?: ReadonlyArray<string> } = {}
): Promise<CreateDelegationTokenResponse> =>
  client.call(CreateDelegationToken, 3, {
    ownerPrincipalType: owner === undefined ? null : "User",
    ownerPrincipalName: owner ?? null,
    renewers: renewers.map(user),
    maxLifetimeMs: lifeMs
  })

export const renew = (client: WireClient, hmac: Uint8Array, renewPeriodMs = -1n) =>
  client.call(RenewDelegationToken, 2, { hmac, renewPeriodMs })

export const expire = (client: WireClient, hmac: Uint8Array, expiryTimePeriodMs = -1n) =>
  client.call(ExpireDelegationToken, 2, { hmac, expiryTimePeriodMs })

export const describeTokens = (client: WireClient, owners: ReadonlyArray<string> | null = null) =>
  client.call(DescribeDelegationToken, 3, { owners: owners === null ? null : owners.map(user) })

/** Logs in by a token. */
export const tokenLogin = (
  client: WireClient,
  { hmac, tokenId }: Pick<CreateDelegationTokenResponse, "hmac" | "tokenId">,
  mechanism: ScramMechanism = "SCRAM-SHA-512"
) => scramLogin(client, mechanism, tokenId, Buffer.from(hmac).toString("base64"), ",tokenauth=true")

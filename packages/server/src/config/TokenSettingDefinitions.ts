import { number, secret } from "./SettingKinds.ts"

/** Settings of delegation tokens (KIP-48): names, types and defaults are Kafka's. */
export const tokenSettingDefinitions = {
  delegationTokenSecretKey: secret(
    "delegation.token.secret.key",
    "What delegation tokens are made with: the same on all brokers of the cluster. Without it there are none; with another one, those made before are void."
  ),
  delegationTokenMaxLifetimeMs: number(
    "delegation.token.max.lifetime.ms",
    "LONG",
    604_800_000,
    { min: 1 },
    "After so long a delegation token cannot be renewed any more."
  ),
  delegationTokenExpiryTimeMs: number(
    "delegation.token.expiry.time.ms",
    "LONG",
    86_400_000,
    { min: 1 },
    "How long a delegation token holds if it is not renewed."
  ),
  delegationTokenExpiryCheckIntervalMs: number(
    "delegation.token.expiry.check.interval.ms",
    "LONG",
    3_600_000,
    { min: 1 },
    "How often delegation tokens that have expired are removed; they are refused at once."
  ),
  delegationTokenNamesMaxBytes: number(
    "tusk.delegation.token.names.max.bytes",
    "INT",
    16_384,
    { min: 1 },
    "Names of one delegation token's owner, requester and renewers, together."
  )
}

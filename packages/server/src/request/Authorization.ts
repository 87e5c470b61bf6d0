import type { RequestContext } from "./RequestContext.ts"

/** What may be done to a resource, by the numbers of Kafka's AclOperation. */
const OPERATIONS = {
  read: 3,
  write: 4,
  create: 5,
  delete: 6,
  alter: 7,
  describe: 8,
  clusterAction: 9,
  describeConfigs: 10,
  alterConfigs: 11,
  idempotentWrite: 12
} as const

export type Operation = keyof typeof OPERATIONS

/** The operations that a resource of each type knows. */
const KNOWN = {
  topic: ["read", "write", "create", "delete", "alter", "describe", "describeConfigs", "alterConfigs"],
  group: ["read", "delete", "describe", "describeConfigs", "alterConfigs"],
  cluster: ["create", "alter", "describe", "clusterAction", "describeConfigs", "alterConfigs", "idempotentWrite"],
  transactionalId: ["write", "describe"]
} as const satisfies Readonly<Record<string, ReadonlyArray<Operation>>>

export type ResourceType = keyof typeof KNOWN

/** The name of the one resource of type `cluster`. */
export const CLUSTER_NAME = "kafka-cluster"

/** The client did not ask. */
export const OPERATIONS_NOT_ASKED = -2147483648

/** What the principal may do to a resource, as a set of bits: bit n stands for AclOperation n (KIP-430). */
export const authorizedOperations = (context: RequestContext, resourceType: ResourceType, name: string): number => {
  const names = [name]
  let bits = 0
  for (const operation of KNOWN[resourceType]) {
    if (context.authorized(operation, resourceType, names).length > 0) bits |= 1 << OPERATIONS[operation]
  }
  return bits
}

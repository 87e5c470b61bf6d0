import { OPERATION_CODES, OPERATIONS_OF } from "./Operations.ts"
import type { ResourceType } from "./Operations.ts"
import type { RequestContext } from "./RequestContext.ts"

/** The name of the one resource of type `cluster`. */
export const CLUSTER_NAME = "kafka-cluster"

/** The client did not ask. */
export const OPERATIONS_NOT_ASKED = -2147483648

/** What the principal may do to a resource, as a set of bits: bit n stands for AclOperation n (KIP-430). */
export const authorizedOperations = (context: RequestContext, resourceType: ResourceType, name: string): number => {
  let bits = 0
  for (const operation of OPERATIONS_OF[resourceType]) {
    if (context.mayQuietly(operation, resourceType, name)) bits |= 1 << OPERATION_CODES[operation]
  }
  return bits
}

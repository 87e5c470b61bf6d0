/** What may be done to a resource, by the numbers of Kafka's AclOperation. */
export const OPERATION_CODES = {
  read: 3,
  write: 4,
  create: 5,
  delete: 6,
  alter: 7,
  describe: 8,
  clusterAction: 9,
  describeConfigs: 10,
  alterConfigs: 11,
  idempotentWrite: 12,
  createTokens: 13,
  describeTokens: 14,
  twoPhaseCommit: 15
} as const

export type Operation = keyof typeof OPERATION_CODES

/** The operations that a resource of each type knows. */
export const OPERATIONS_OF = {
  topic: ["read", "write", "create", "delete", "alter", "describe", "describeConfigs", "alterConfigs"],
  group: ["read", "delete", "describe", "describeConfigs", "alterConfigs"],
  cluster: ["create", "alter", "describe", "clusterAction", "describeConfigs", "alterConfigs", "idempotentWrite"],
  transactionalId: ["write", "describe", "twoPhaseCommit"],
  delegationToken: ["describe"],
  user: ["createTokens", "describeTokens"]
} as const satisfies Readonly<Record<string, ReadonlyArray<Operation>>>

export type ResourceType = keyof typeof OPERATIONS_OF

import type { World } from "./World.ts"

export const debeziumReads = async (_: World): Promise<void> => {}

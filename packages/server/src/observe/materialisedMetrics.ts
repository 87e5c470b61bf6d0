import type { TableState } from "@tusk/storage/log/follower/FollowedTable"
import type { Series } from "./Series.ts"
import { tuskMetrics } from "./tuskMetrics.ts"

/** Tables of kafka.materialise, of which there are a thousand at most. */
export const setMaterialised = (series: Series, tables: ReadonlyArray<TableState>): void => {
  for (const { lag, standing, table } of tables) {
    series.set(tuskMetrics.materialisedLag, Number(lag), table)
    series.set(tuskMetrics.materialisedStanding, standing, table)
  }
}

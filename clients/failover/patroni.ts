import type { Ending } from "../../bench/Ending.ts"
import type { Report } from "./Report.ts"
import type { Ports } from "./World.ts"

export const patroni = async (
  _ending: Ending,
  report: Report,
  _ports: Ports,
  _python: string | undefined
): Promise<void> => report.skip("patroni", "to come")

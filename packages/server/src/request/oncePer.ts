/** Keys remembered; the one told longest ago goes. */
const MAX_KEYS = 1000

/** Whether something of a key is to be told now: once each `intervalMs`. */
export const oncePer = (intervalMs: number): ((key: string, nowMs: number) => boolean) => {
  const toldAtMs = new Map<string, number>()
  return (key, nowMs) => {
    const before = toldAtMs.get(key)
    if (before !== undefined && nowMs - before < intervalMs) return false
    toldAtMs.delete(key)
    toldAtMs.set(key, nowMs)
    if (toldAtMs.size > MAX_KEYS) toldAtMs.delete(toldAtMs.keys().next().value!)
    return true
  }
}

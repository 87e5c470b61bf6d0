/** What waits, by the host that it came from: hosts take turns, and of each the oldest is next. */
export class ByHost<T extends { readonly clientHost: string }> {
  /** The host whose turn it is comes first; none without anything that waits. */
  readonly #hosts = new Map<string, Set<T>>()
  #size = 0

  get size(): number {
    return this.#size
  }

  add(one: T): void {
    const its = this.#hosts.get(one.clientHost)
    if (its === undefined) this.#hosts.set(one.clientHost, new Set([one]))
    else its.add(one)
    this.#size++
  }

  /** False if it does not wait here. */
  delete(one: T): boolean {
    const its = this.#hosts.get(one.clientHost)
    if (its?.delete(one) !== true) return false
    if (its.size === 0) this.#hosts.delete(one.clientHost)
    this.#size--
    return true
  }

  /** The next one, which waits no more; its host is then the last one. */
  take(): T | undefined {
    for (const [host, its] of this.#hosts) {
      const [first] = its
      if (first === undefined) break
      this.delete(first)
      if (its.size > 0) {
        this.#hosts.delete(host)
        this.#hosts.set(host, its)
      }
      return first
    }
    return undefined
  }
}

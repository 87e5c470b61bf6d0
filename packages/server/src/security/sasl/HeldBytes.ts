import type { ConnectionLogin } from "./ConnectionLogin.ts"

/**
 * What clients that are not authenticated have sent and is kept, all together, of requests that are not whole or not begun: a
 * login is a few hundred bytes, and whoever sends half a megabyte slowly gives way to others.
 */
export class HeldBytes {
  readonly #max: number
  /** The one that began first is the first. */
  readonly #byLogin = new Map<ConnectionLogin, number>()
  #all = 0

  constructor(max: number) {
    this.#max = max
  }

  holds(login: ConnectionLogin, bytes: number): void {
    const before = this.#byLogin.get(login) ?? 0
    if (bytes === before) return
    if (bytes === 0) this.#byLogin.delete(login)
    else this.#byLogin.set(login, bytes)
    this.#all += bytes - before
    while (this.#all > this.#max) {
      const [oldest, its] = this.#byLogin.entries().next().value!
      this.#byLogin.delete(oldest)
      this.#all -= its
      oldest.connection.close(
        "its login is long and slow, and others have no room (tusk.max.pending.login.bytes)",
        "Debug"
      )
    }
  }
}
